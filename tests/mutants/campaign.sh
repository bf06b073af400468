#!/usr/bin/env bash
# Mutants FIRST (0) … FIRST + COUNT - 1 by JOBS processes, and their tables as one; what is bad lies in FOLDER/N/bad. Ends
# with 1 where anything is.
# usage: tests/mutants/campaign.sh PROGRAM MUTANTS COUNT JOBS [FOLDER [FIRST]]
set -euo pipefail
program=$1 mutants=$2 count=$3 jobs=$4 folder=${5:-$(mktemp -d)} first=${6:-0}
mkdir -p "$folder"
"$mutants" "$program" "$folder/seeds" "$folder/none" 0 0 >/dev/null
share=$(((count + jobs - 1) / jobs))
failed=0
for job in $(seq 0 $((jobs - 1))); do
  "$mutants" "$program" "$folder/seeds" "$folder/$job" $((first + job * share)) "$share" >"$folder/$job.log" 2>&1 &
done
for job in $(seq "$jobs"); do wait -n || failed=1; done
grep -h ^BAD "$folder"/*.log || true
cat "$folder"/*.log | awk '
  /^command/ { header = $0 }
  /^unwritten/ { unwritten += $2 }
  /^(report|verify|conv1d|scan)/ {
    name = substr($0, 1, 12)
    $0 = substr($0, 13)
    for (i = 1; i <= 6; i++) sum[name, i] += $i
    if ($7 > slowest[name]) slowest[name] = $7
    if ($8 > peak[name]) peak[name] = $8
    seen[name]
  }
  END {
    print header
    for (name in seen)
      printf "%s %7d %7d %7d %7d %7d %5d %9.2f %8d\n", name, sum[name, 1], sum[name, 2], sum[name, 3], sum[name, 4],
        sum[name, 5], sum[name, 6], slowest[name], peak[name]
    printf "mutants that HDF5 could not write: %d\n", unwritten
  }'
echo "$folder"
exit $failed
