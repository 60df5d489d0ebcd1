#!/bin/sh
# Kills a mock under load a thousand times (or $1 times) and compares what it acknowledged with what it still knows.
# Takes a quarter of an hour; the test of the suite does the same six times.
set -eu
cd "$(dirname "$0")/.."
KILLS="${1:-1000}" exec cargo test --test state --locked -- --nocapture killed_under_load
