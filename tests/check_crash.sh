#!/usr/bin/env bash
# Every test that kills or starves the program, with all its cases, in JOBS processes side by side; long ones in shares
# (tests/share.h). A line a process as it ends, and what it said where it did not pass; then what the tests counted, the
# shares' numbers added, but for how many calls there are. Ends with 1 where one failed; what each said lies in FOLDER.
# usage: tests/check_crash.sh CHECK JOBS [FOLDER [PATTERN]]
set -euo pipefail
check=$1 jobs=$2 folder=${3:-$(mktemp -d)} pattern=${4:-.}
suites='crash|failing_arena|failing_calls|failing_memory|store_faults|surroundings|process'
names='killed_|stopped_|of_|ends_|many_|no_commands_'
long='crash/|failing_arena/|failing_calls/|failing_memory/|store_faults/killed_before_'
export check folder shares=16 DRIFTSCOPE_EXHAUSTIVE=1 OMP_WAIT_POLICY=passive
mkdir -p "$folder"
rm -f "$folder"/*.log

tests() {
  "$check" --list |
    awk '/: [0-9]+ tests?$/ { suite = $1; sub(":", "/", suite); next } { print suite $NF }' |
    grep -E "^($suites)/($names)" | grep -E "$pattern"
}

# "TEST SHARE": what is not shared out takes longest and comes first.
processes() {
  tests | awk -v long="^($long)" -v shares=$shares '
    !($0 ~ long) { print $0, "0/1" }
    $0 ~ long { part[++parts] = $0 }
    END { for (share = 0; share < shares; share++) for (i = 1; i <= parts; i++) print part[i], share "/" shares }'
}

one() {
  local test=$1 share=$2 name=${1/\//::} began=$SECONDS ended=passed
  local log=$folder/${1/\//.}.${2%/*}.log
  DRIFTSCOPE_SHARE=$share "$check" --verbose=1 --filter "$test" >"$log" 2>&1 || ended=FAILED
  grep -v -e 'Test is disabled$' -e '^\[====\] Running' "$log" >"$log.short" || true
  mv "$log.short" "$log"
  if grep -q "^\[SKIP\] $name" "$log"; then ended=skipped; elif ! grep -q "^\[PASS\] $name" "$log"; then ended=FAILED; fi
  echo "ended: $ended" >>"$log"
  [ $ended = passed ] || cat "$log"
  printf '%-7s %4d s  %s %s\n' $ended $((SECONDS - began)) "$test" "$share"
}
export -f one

processes | xargs -r -P "$jobs" -n 2 bash -c 'one "$0" "$1"'

echo
for test in $(tests); do
  cat "$folder/${test/\//.}".*.log | awk -v test="$test" '
    /^ended: / { ends[$2]++ }
    /^\[----\]/ && !/Criterion v/ && !/ Assertion / {
      text = substr($0, 8); key = text; gsub(/[0-9]+/, "#", key)
      if (!(key in seen)) { order[++kinds] = key; seen[key] }
      for (i = 1; match(text, /[0-9]+/); i++) {
        number = substr(text, RSTART, RLENGTH) + 0; text = substr(text, RSTART + RLENGTH)
        if (text ~ /^ (writing )?calls/ || text ~ /^ allocations/) { if (number >= sum[key, i]) sum[key, i] = number }
        else sum[key, i] += number
      }
    }
    END {
      printf "%s:", test
      for (e in ends) printf " %d %s", ends[e], e
      print ""
      for (k = 1; k <= kinds; k++) {
        text = order[k]
        for (i = 1; (order[k], i) in sum; i++) sub(/#/, sum[order[k], i], text)
        print "    " text
      }
    }'
done
echo "of $(processes | wc -l) processes $(cat "$folder"/*.log | grep -c '^ended: passed') passed, in $SECONDS s; $folder"
! grep -q '^ended: FAILED' "$folder"/*.log
