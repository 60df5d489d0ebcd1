#!/usr/bin/env sh
# Packs a built binary for a release: wxmock-TARGET.tar.gz, and its line in SHA256SUMS beside it.
#   packages/archive.sh BINARY TARGET FOLDER      for example: target/release/wxmock x86_64-unknown-linux-musl out
set -eu
[ $# = 3 ] || { sed -n '2,3p' "$0" | cut -c3- >&2; exit 64; }
binary=$1 target=$2 out=$3
root=$(cd "$(dirname "$0")/.." && pwd)
[ -f "$binary" ] || { echo "archive.sh: $binary is not a file; build it first" >&2; exit 66; }
mkdir -p "$out"
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
name=wxmock
case $target in *windows*) name=wxmock.exe ;; esac
cp "$binary" "$stage/$name"
chmod 755 "$stage/$name"
cp "$root/LICENSE" "$root/README.md" "$root/README.zh-CN.md" "$stage/"
archive=wxmock-$target.tar.gz
tar -C "$stage" -czf "$out/$archive" "$name" LICENSE README.md README.zh-CN.md
cd "$out"
touch SHA256SUMS
grep -v "  $archive\$" SHA256SUMS > "$stage/sums" || true
if command -v sha256sum >/dev/null; then sha256sum "$archive"; else shasum -a 256 "$archive"; fi >> "$stage/sums"
cp "$stage/sums" SHA256SUMS
echo "$out/$archive"
