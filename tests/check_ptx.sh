#!/usr/bin/env bash
# The PTX of every kernel must hold IEEE operations alone: no approximation, no flush to zero, and every float32 sum,
# product and fma with its rounding spelt out, so that the driver's compiler may not fuse it. Needs nvcc, no device.
# usage: tests/check_ptx.sh 'NVCC FLAG...' SOURCE...
set -euo pipefail
nvcc=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0
for source; do
  ptx=$work/$(basename "$source").ptx
  $nvcc -std=c++17 -O3 -I. -Iharness -arch=compute_75 -ptx "$source" -o "$ptx"
  # A name may hold any word; instructions stand behind a tab.
  if bad=$(grep -nE '^[[:space:]]+(@%?!?[a-z0-9%]+[[:space:]]+)?([a-z0-9_.]+\.(approx|ftz|full)|(add|sub|mul|fma|mad)\.(sat\.)?f(16|32|64)(x2)?)([.[:space:]]|$)' "$ptx"); then
    echo "$source: not IEEE, or free to be fused:"
    echo "$bad" | head -20
    status=1
  fi
done
[ $status -ne 0 ] || echo "PTX: $(ls "$work" | wc -l) files, every float operation is IEEE"
exit $status
