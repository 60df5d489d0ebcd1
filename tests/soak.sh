#!/usr/bin/env bash
# One mock under load for so many minutes: tests/soak.sh MINUTES [WXMOCK]
# Logins over kept HTTP/1.1 connections, over TLS and over HTTP/2, while somebody asks the admin API for its long lists,
# ages codes, holds calls at a gate and lets them go, and leaves in the middle of answers. Prints memory, descriptors and
# open calls as they go, and at the end the slope of memory over the second half. Fails when that slope is above
# LIMIT_KIB_A_MINUTE (1024), when calls or descriptors are left, or when an answer is wrong. Needs python3; without a curl
# that speaks HTTP/2 that part is left out.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes="${1:?usage: tests/soak.sh MINUTES [WXMOCK]}"
wxmock="${2:-target/release/wxmock}"
[ -x "$wxmock" ] || { echo "$wxmock is not there: cargo build --release" >&2; exit 3; }
exec python3 tests/soak.py "$minutes" "$wxmock" "${LIMIT_KIB_A_MINUTE:-1024}"
