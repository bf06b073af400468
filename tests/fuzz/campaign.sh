#!/usr/bin/env bash
# Every target, or those named, for its share of SECONDS on JOBS processes, from its seeds and what this very program
# writes; a line a target: executions, findings, coverage in edges, peak memory. Ends with 1 where there is a finding,
# which lies in OUT.
# usage: tests/fuzz/campaign.sh FOLDER SECONDS JOBS [OUT [TARGET …]]; FOLDER holds `targets` and gets the corpora
set -euo pipefail
folder=$1 seconds=$2 jobs=$3 out=${4:-$1/found}
seeds=$(dirname "$0")/seeds
shares='safetensors 3 config 3 index 4 checkpoint 6 spec 5 tokens 1 tokenizer 4 calibration 2 run 1 entry 1 streams 1 structure 1 npy 2 npz 5 pickle 6 names 3 hdf5 5 listing 2'
[ $# -lt 5 ] || shares=$(printf "%s $jobs " "${@:5}")
turns=$(echo $shares | xargs -n 2 | awk '{ sum += $2 } END { print sum }')
export ASAN_OPTIONS=malloc_context_size=4:quarantine_size_mb=32
mkdir -p "$out" "$folder/corpus" "$folder/log"
rm -f "$folder"/log/*

# Names in turns, so that all of them are met early.
names() { echo $shares | xargs -n 2 sh -c 'seq -f "%g $0" $1' | sort -n | awk '{ print NR, $2 }'; }

one() {
  local number=$1 target=$2 length=1024
  case $target in spec | checkpoint | tokenizer | calibration) length=4096 ;; esac
  FUZZ_TARGET=$target "$folder/targets" -max_total_time="$slot" -max_len=$length -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
    -artifact_prefix="$out/$target-" "$folder/corpus/$target" >"$folder/log/$target.$number" 2>&1 ||
    echo "$target: a finding, see $folder/log/$target.$number" >&2
}
export -f one
export folder out slot=$((seconds * jobs / turns > 0 ? seconds * jobs / turns : 1))

for target in $(names | awk '{ print $2 }' | sort -u); do
  mkdir -p "$folder/corpus/$target"
  [ ! -d "$seeds/$target" ] || cp "$seeds/$target"/* "$folder/corpus/$target"
  FUZZ_TARGET=$target FUZZ_SEED=$folder/corpus/$target/made "$folder/targets"
done
cp experiments/*.yaml "$folder/corpus/spec" 2>/dev/null || true
names | xargs -P "$jobs" -n 2 bash -c 'one "$0" "$1"'

printf '%-12s %12s %9s %7s %8s\n' target executions findings edges 'peak MB'
for target in $(names | awk '{ print $2 }' | sort -u); do
  cat "$folder/log/$target".* | awk -v target="$target" -v found="$(find "$out" -name "$target-*" | wc -l)" '
    /number_of_executed_units/ { runs += $2 }
    /peak_rss_mb/ && $2 > peak { peak = $2 }
    match($0, / cov: [0-9]+/) { cov = substr($0, RSTART + 6, RLENGTH - 6) + 0; if (cov > edges) edges = cov }
    END { printf "%-12s %12d %9d %7d %8d\n", target, runs, found, edges, peak }'
done
[ -z "$(ls -A "$out")" ]
