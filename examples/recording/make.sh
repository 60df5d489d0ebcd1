#!/usr/bin/env bash
# Records two minutes of a terminal, as asciinema plays them (`asciinema play wxmock.cast`): every line is what the commands print.
#   examples/recording/make.sh [BINARY [FOLDER]]        default: target/release/wxmock, this folder
# Writes wxmock.cast and wxmock.zh-CN.cast. Waiting is cut, and a command of minutes is shown in seconds.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
binary=$(realpath "${1:-$root/target/release/wxmock}")
out=$(realpath "${2:-$here}")
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
ln -s "$binary" "$bin/wxmock"
for lang in en zh; do
  name=wxmock.cast; [ $lang = en ] || name=wxmock.zh-CN.cast
  PATH=$bin:$PATH WXMOCK_LANG=$lang python3 "$here/record.py" "$root" "$out/$name"
done
