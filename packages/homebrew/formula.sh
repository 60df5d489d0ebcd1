#!/usr/bin/env sh
# Prints the Homebrew formula of a release.    packages/homebrew/formula.sh 0.1.0 SHA256SUMS > wxmock.rb
set -eu
[ $# = 2 ] || { sed -n 2p "$0" | cut -c3- >&2; exit 64; }
version=$1 sums=$2
sum() {
  grep "  wxmock-$1.tar.gz\$" "$sums" | cut -d' ' -f1 | grep . || { echo "formula.sh: $sums says nothing of wxmock-$1.tar.gz" >&2; exit 65; }
}
mac_arm=$(sum aarch64-apple-darwin) mac_intel=$(sum x86_64-apple-darwin)
linux_arm=$(sum aarch64-unknown-linux-musl) linux_intel=$(sum x86_64-unknown-linux-musl)
from=https://github.com/wxmock/wxmock/releases/download/v$version
cat <<FORMULA
class Wxmock < Formula
  desc "Mock of WeChat mini-program login, and the harness that finds the order of logins that breaks a backend"
  homepage "https://github.com/wxmock/wxmock"
  version "$version"
  license any_of: ["MIT", "Apache-2.0"]

  on_macos do
    on_arm do
      url "$from/wxmock-aarch64-apple-darwin.tar.gz"
      sha256 "$mac_arm"
    end
    on_intel do
      url "$from/wxmock-x86_64-apple-darwin.tar.gz"
      sha256 "$mac_intel"
    end
  end
  on_linux do
    on_arm do
      url "$from/wxmock-aarch64-unknown-linux-musl.tar.gz"
      sha256 "$linux_arm"
    end
    on_intel do
      url "$from/wxmock-x86_64-unknown-linux-musl.tar.gz"
      sha256 "$linux_intel"
    end
  end

  def install
    bin.install "wxmock"
    generate_completions_from_executable(bin/"wxmock", "completions")
  end

  service do
    run [opt_bin/"wxmock", "serve"]
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/wxmock --version")
    pid = spawn bin/"wxmock", "serve", "--port", "0", "--port-file", "port"
    system bin/"wxmock", "readyz", "--wait", "10s", "--port-file", "port"
  ensure
    Process.kill("TERM", pid)
  end
end
FORMULA
