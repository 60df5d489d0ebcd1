#!/usr/bin/env bash
# Changes one operator, condition or return value at a time and looks whether a test notices, over the crates whose tests have to
# notice everything: judge, schedule, world. Takes hours; for a nightly job, not for .ci/run. Needs `cargo install cargo-mutants`.
#
#   tests/mutants.sh                       all three
#   tests/mutants.sh schedule              one of them
#   tests/mutants.sh judge -- -F key_04    what follows `--` goes to `cargo mutants`
#
# Exit codes: 0 every change was noticed or is listed in tests/mutants.txt with a reason · 1 one was not, or one that is listed is
# noticed by now · 3 cargo-mutants is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v cargo-mutants >/dev/null || { echo "cargo-mutants is missing: cargo install --locked cargo-mutants" >&2; exit 3; }

crates=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do crates+=("$1"); shift; done
[ $# -eq 0 ] || shift
[ ${#crates[@]} -gt 0 ] || crates=(judge schedule world)

# `file:12:5: replace …` without the place: lines move.
without_places() { sed -E 's/^([^:]+):[0-9]+:[0-9]+: /\1: /' | sort -u; }
listed() { grep -v -e '^#' -e '^$' tests/mutants.txt | sed -E 's/  # .*$//'; }

failed=0
for crate in "${crates[@]}"; do
  out="target/mutants/$crate"
  mkdir -p "$out"
  # 2: some survived; 3: some ran out of time, which is noticed too. Anything else is no result.
  rc=0
  cargo mutants --package "wxmock-$crate" --output "$out" --no-shuffle --timeout-multiplier 4 --cap-lints true "$@" || rc=$?
  case $rc in 0|2|3) ;; *) echo "cargo mutants ended with $rc" >&2; exit 1 ;; esac
  missed=$(without_places < "$out/mutants.out/missed.txt")
  caught=$(without_places < "$out/mutants.out/caught.txt")
  new=$(comm -23 <(printf '%s\n' "$missed" | sed '/^$/d') <(listed | sort -u))
  gone=$(comm -12 <(printf '%s\n' "$caught" | sed '/^$/d') <(listed | sort -u))
  # Two changes of one text in one file: while one of them survives the line stays.
  gone=$(comm -23 <(printf '%s\n' "$gone") <(printf '%s\n' "$missed"))
  [ -z "$new" ] || { printf '%s: no test notices:\n%s\n' "$crate" "$new"; failed=1; }
  [ -z "$gone" ] || { printf '%s: noticed by now, take it off tests/mutants.txt:\n%s\n' "$crate" "$gone"; failed=1; }
done
exit $failed
