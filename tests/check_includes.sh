#!/usr/bin/env bash
# Who may include whom: a room, then the rooms it may look into beside itself. Any other include fails, and so does a
# circle of files. A folder inside a room (study/micro, model/tokenizer) is of that room; nobody but the tests includes
# more of model/tokenizer than its tokenizer.h. source looks into store for the datasets of a dump alone
# (store/arrays.h): HDF5 stands nowhere else. tests/check_includes.sh [FOLDER], silent where all is well.
set -euo pipefail
cd "${1:-$(dirname "$0")/..}"

allowed='
main        command experiment store base kernels
command     experiment study walk source model family spec measure store report base kernels reference
experiment  study walk source model family spec measure store report base kernels reference
study       walk source model family spec measure base kernels reference
walk        source model family spec base kernels reference
source      model family store base kernels reference
model       family base kernels reference
report      store measure spec family base kernels
store       measure family base kernels
spec        measure family base kernels
measure     family base kernels reference
family      base kernels reference
base
kernels
reference
'

# "FILE INCLUDED" of every quoted include that is found under harness/ or here; build_info.h is made.
includes() {
  grep -rE '^#include "' harness kernels reference --include='*.[ch]' --include='*.cu' --include='*.cuh' |
    sed -E 's/^([^:]*):#include "([^"]*)".*/\1 \2/' |
    while read -r file header; do
      if [ -e "harness/$header" ]; then echo "$file harness/$header"; elif [ -e "$header" ]; then echo "$file $header"; fi
    done
}

# harness/ROOM/…, harness/main.c, kernels, reference.
rooms() {
  awk -v allowed="$allowed" '
    function room(path, part, n) {
      n = split(path, part, "/")
      if (part[1] != "harness") return part[1]
      return n > 2 ? part[2] : "main"
    }
    BEGIN {
      lines = split(allowed, line, "\n")
      for (i = 1; i <= lines; i++) {
        n = split(line[i], word, " ")
        for (k = 2; k <= n; k++) may[word[1], word[k]] = 1
      }
    }
    { from = room($1); to = room($2) }
    from != to && !((from, to) in may) { print $1 " includes " $2 ": " from " may not look into " to; failed = 1 }
    END { exit failed }'
}

includes | rooms
includes | awk '$1 !~ /^harness\/model\/tokenizer\// && $2 ~ /^harness\/model\/tokenizer\// && $2 !~ /\/tokenizer\.h$/ {
  print $1 " includes " $2 ": of that folder only tokenizer.h is for others"; failed = 1 } END { exit failed }'
includes | awk '$1 ~ /\.h$/' | tsort >/dev/null # which names the files of a circle
