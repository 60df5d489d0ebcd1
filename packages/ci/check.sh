#!/usr/bin/env sh
# `wxmock check` as a CI runs it: the verdict as exit code, and reports for people and machines in one folder.
#   WXMOCK_ADAPTER  the adapter file                      default: wxmock.toml
#   WXMOCK_OUT      the folder                            default: wxmock-report
#   WXMOCK_KNOWN    known failures (docs/check.md)        default: none
#   WXMOCK_SHARD    this machine's share, such as 2/4     default: GitLab's of a job with `parallel`, else everything
#   WXMOCK_MERGE    instead of a check: the run.ndjson of every share, separated by blanks, put together
#   arguments       further ones of `wxmock check`: cases, --level must, --max-time 10m …
set -u
adapter=${WXMOCK_ADAPTER:-wxmock.toml}
out=${WXMOCK_OUT:-wxmock-report}
shard=${WXMOCK_SHARD:-}
if [ -z "$shard" ] && [ "${CI_NODE_TOTAL:-1}" -gt 1 ]; then shard=$CI_NODE_INDEX/$CI_NODE_TOTAL; fi
command -v wxmock >/dev/null || { echo "check.sh: wxmock is not on PATH; run install.sh first" >&2; exit 3; }
mkdir -p "$out"
if [ -n "${WXMOCK_MERGE:-}" ]; then
  # Unquoted on purpose: several files, or a pattern of them.
  # shellcheck disable=SC2086
  set -- report --from $WXMOCK_MERGE
else
  set -- check "$@" --adapter "$adapter"
  [ -z "$shard" ] || set -- "$@" --shard "$shard"
  [ -z "${WXMOCK_KNOWN:-}" ] || set -- "$@" --known "$WXMOCK_KNOWN"
fi
set -- "$@" --out "$out" --report "junit=$out/junit.xml" --report "html=$out/report.html" --report "md=$out/summary.md"
# Findings beside the lines of a change, where GitHub shows them.
[ "${GITHUB_ACTIONS:-}" != true ] || set -- "$@" --report github=-
wxmock "$@"
code=$?
if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$out/summary.md" ]; then cat "$out/summary.md" >> "$GITHUB_STEP_SUMMARY"; fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then printf 'exit-code=%s\nreport=%s\n' "$code" "$out" >> "$GITHUB_OUTPUT"; fi
exit $code
