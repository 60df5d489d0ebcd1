#!/bin/sh
# Checks the package on a PostgreSQL of its own, which ends with this script. Arguments are those of `wxmock check`; CL-3 without any.
set -eu
cd "$(dirname "$0")"
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
bin=${PG_BIN:-$bin}
if [ ! -x "$bin/postgres" ]; then
  echo "PostgreSQL's server programs are not here: apt-get install postgresql, or PG_BIN=folder" >&2
  exit 3
fi
if [ ! -x .venv/bin/python ]; then
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r requirements-around.txt
  .venv/bin/pip install --quiet --disable-pip-version-check --no-deps -r requirements.txt
fi
data=$(mktemp -d)
server=
trap '[ -z "$server" ] || { kill -INT "$server"; wait "$server" || true; }; rm -rf "$data"' EXIT
# It refuses to run as root.
as_nobody=
if [ "$(id -u)" = 0 ]; then
  as_nobody="setpriv --reuid=65534 --regid=65534 --clear-groups"
  chown 65534:65534 "$data"
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkfifo "$data/log"
$as_nobody "$bin/initdb" --username=app --auth=trust --no-sync --encoding=UTF8 --locale=C --pgdata="$data/db" >/dev/null
echo "CREATE DATABASE shop" | $as_nobody "$bin/postgres" --single -D "$data/db" postgres >/dev/null
cd "$data"
$as_nobody "$bin/postgres" -D "$data/db" -h 127.0.0.1 -p "$port" -c fsync=off -c unix_socket_directories= >"$data/log" 2>&1 &
server=$!
cd "$OLDPWD"
exec 3<"$data/log"
while read -r line <&3; do
  case $line in *"ready to accept connections"*) break ;; esac
done
# Nobody reads the rest, and a full pipe would stop the server.
cat <&3 >/dev/null &
[ $# -gt 0 ] || set -- CL-3
WXC_STORE_DB_ADDRESS="127.0.0.1:$port" "${WXMOCK:-wxmock}" check --adapter wxmock.toml "$@"
