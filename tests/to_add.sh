#!/usr/bin/env bash
# The README's rows "a statistic" and "a family", followed to the letter in a scratch copy of this tree: the files that
# a row's first sentence names are the files that a step touches, all of them and no other; with both the program
# builds, lists the toy family's modes and writes the toy statistic's column.
# usage: tests/to_add.sh BUILD CFLAGS, where BUILD holds this tree's objects; silent where all is well.
set -euo pipefail
build=$1 flags=$2
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/now/$build"
cp -a Makefile README.md harness kernels reference "$work/now"
cp -a "$build/harness" "$build/kernels" "$build/reference" "$build/build_info.h" "$work/now/$build"

# Files named by the first sentence of a row of the table "to add": what stands in backticks and has a slash.
named() {
  sed -n "s/^| a $1 | \(.*\) |\$/\1/p" README.md | sed 's/`\. .*/`/; s/\. [A-Z`].*//' | grep -o '`[^` ]*/[^` ]*`' | tr -d '`' |
    sed 's/NAME/toy/' | sort
}

# Compares what a step changed since the last one with what its row names.
check_step() {
  local touched
  touched=$({ diff -rqN "$work/before" "$work/now/harness" || true; } | sed "s|^Files .* and $work/now/\(.*\) differ\$|\1|" | sort)
  [ "$touched" = "$(named "$1")" ] || {
    echo "README.md, to add a $1: its row names"
    named "$1"
    echo "and the step touched"
    echo "$touched"
    exit 1
  }
  rm -rf "$work/before"
}

begin_step() { cp -a "$work/now/harness" "$work/before"; }

begin_step
sed -i 's|^  char type\[TEXT_TYPE\]; */\* its own|  double span;                /* max - min */\n&|' "$work/now/harness/measure/tables/stats.h"
sed -i 's|X(saturated),|& X(span),|' "$work/now/harness/measure/tables/stats.c"
sed -i 's|^  row->zeros = counts.zeros;|&\n  row->span = row->max - row->min;|' "$work/now/harness/measure/finish.c"
sed -i 's|^  row->max = j.max;|&\n  row->span = row->max - row->min;|' "$work/now/harness/measure/judge.c"
check_step statistic

begin_step
cp tests/toy/toy.c "$work/now/harness/family/toy.c"
sed -i 's|^const Family \*const families\[\] = {&family_mamba1,|extern const Family family_toy;\n& \&family_toy,|' \
  "$work/now/harness/family/family.c"
columns=$(sed -n 's/.*STAGE_COLUMNS = \([0-9]*\).*/\1/p' "$work/now/harness/family/mode.h")
sed -i "s/STAGE_COLUMNS = $columns/STAGE_COLUMNS = $((columns + 1))/" "$work/now/harness/family/mode.h"
check_step family

# Not to be run far, nor on a device: what changed is compiled without optimisation, and what did not is linked as it is.
make -s --no-print-directory -C "$work/now" -j"$(nproc)" NVCC= CFLAGS="$flags -O0" all 2>"$work/errors" ||
  { cat "$work/errors"; exit 1; }
"$work/now/$build/driftscope" modes | grep -q '^product *f32: the block' || { echo "the toy family's stage is not listed"; exit 1; }
"$work/now/$build/driftscope" report data/golden/results_v1.h5 -o "$work/out" >/dev/null 2>&1
head -1 "$work/out/tables/tensor_stats.csv" | grep -q ',saturated,span,type,' || { echo "the toy statistic has no column"; exit 1; }
