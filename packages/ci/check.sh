#!/usr/bin/env sh
# `wxmock check` as a CI runs it: the verdict as exit code, and reports for people and machines in one folder.
#   WXMOCK_ADAPTER  the adapter file                      default: wxmock.toml
#   WXMOCK_OUT      the folder                            default: wxmock-report
#   arguments       further ones of `wxmock check`: cases, --level must, --max-time 10m …
set -u
adapter=${WXMOCK_ADAPTER:-wxmock.toml}
out=${WXMOCK_OUT:-wxmock-report}
command -v wxmock >/dev/null || { echo "check.sh: wxmock is not on PATH; run install.sh first" >&2; exit 3; }
mkdir -p "$out"
set -- "$@" --adapter "$adapter" --out "$out" --report "junit=$out/junit.xml" --report "html=$out/report.html" --report "md=$out/summary.md"
# Findings beside the lines of a change, where GitHub shows them.
[ "${GITHUB_ACTIONS:-}" != true ] || set -- "$@" --report github=-
wxmock check "$@"
code=$?
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$out/summary.md" ]; then cat "$out/summary.md" >> "$GITHUB_STEP_SUMMARY"; fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then printf 'exit-code=%s\nreport=%s\n' "$code" "$out" >> "$GITHUB_OUTPUT"; fi
exit $code
