#!/usr/bin/env bash
# Fuzzes every target, or those named, for so many minutes each: fuzz/run.sh MINUTES [TARGET...]
# Needs a nightly toolchain and cargo-fuzz (`cargo install cargo-fuzz`). What breaks a target is left in fuzz/artifacts/;
# make it small with `cargo +nightly fuzz tmin TARGET FILE`, and put it into fuzz/corpus/TARGET/ together with the repair.
set -euo pipefail
cd "$(dirname "$0")"
minutes="${1:?usage: fuzz/run.sh MINUTES [TARGET...]}"
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(listener query decrypt which_key state adapter scenario token store)
cargo +nightly fuzz --version >/dev/null 2>&1 || { echo "cargo-fuzz or a nightly toolchain is missing; tests/fuzz.rs runs the corpus without them" >&2; exit 3; }
failed=()
for target in "${targets[@]}"; do
  echo "=== $target, $minutes minutes"
  # New inputs go to a folder of their own: the corpus that is kept grows by hand.
  mkdir -p "found/$target"
  cargo +nightly fuzz run --fuzz-dir . "$target" "found/$target" "corpus/$target" -- \
    -max_total_time=$((minutes * 60)) -max_len=65536 -timeout=30 -rss_limit_mb=4096 -print_final_stats=1 || failed+=("$target")
done
[ ${#failed[@]} -eq 0 ] || { echo "failed: ${failed[*]}" >&2; exit 1; }
