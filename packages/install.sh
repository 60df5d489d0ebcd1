#!/usr/bin/env sh
# Installs the wxmock binary of a release, after its checksum has been verified.
#   WXMOCK_VERSION   v0.1.0 …                 default: the latest release
#   WXMOCK_DIR       where to put it          default: $HOME/.local/bin
#   WXMOCK_RELEASES  where releases are       default: https://github.com/wxmock/wxmock/releases
set -eu
releases=${WXMOCK_RELEASES:-https://github.com/wxmock/wxmock/releases}
folder=${WXMOCK_DIR:-$HOME/.local/bin}
fail() { echo "install.sh: $1" >&2; exit 1; }

case $(uname -s) in
  Linux) system=unknown-linux-musl ;;
  Darwin) system=apple-darwin ;;
  *) fail "there is no binary for $(uname -s); with Rust: cargo install --git https://github.com/wxmock/wxmock wxmock" ;;
esac
case $(uname -m) in
  x86_64 | amd64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) fail "there is no binary for $(uname -m); with Rust: cargo install --git https://github.com/wxmock/wxmock wxmock" ;;
esac
if [ -n "${WXMOCK_VERSION:-}" ]; then from=$releases/download/$WXMOCK_VERSION; else from=$releases/latest/download; fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=wxmock-$machine-$system.tar.gz
for file in "$archive" SHA256SUMS; do
  if command -v curl >/dev/null; then curl -fsSL --retry 2 -o "$work/$file" "$from/$file" || fail "cannot fetch $from/$file"
  elif command -v wget >/dev/null; then wget -q -O "$work/$file" "$from/$file" || fail "cannot fetch $from/$file"
  else fail "neither curl nor wget is here"; fi
done
cd "$work"
grep "  $archive\$" SHA256SUMS > sum || fail "SHA256SUMS says nothing of $archive"
if command -v sha256sum >/dev/null; then sha256sum -c sum >/dev/null 2>&1; else shasum -a 256 -c sum >/dev/null 2>&1; fi \
  || fail "the checksum of $archive is wrong; nothing was installed"
tar -xzf "$archive" wxmock
mkdir -p "$folder"
# In place at once: a wxmock that is running keeps its file.
mv wxmock "$folder/.wxmock.new"
mv "$folder/.wxmock.new" "$folder/wxmock"
echo "$("$folder/wxmock" --version) is installed: $folder/wxmock"
case :$PATH: in *:"$folder":*) ;; *) echo "add it to PATH: export PATH=\"$folder:\$PATH\"" ;; esac
