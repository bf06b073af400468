#!/bin/sh
# A command whose temporary files ($TMPDIR) lie in a folder of its own, which is removed behind it: under $TMPDIR where that
# is set; else in memory, where files are made and removed in a fraction of the time, if a gigabyte is free there (a tenth
# of it is used) and programs may be started from it; else under /tmp.
#
# usage: in_scratch.sh COMMAND [ARGUMENT...]
scratch=

remove() { [ -z "$scratch" ] || rm -rf "$scratch"; }
trap remove EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A folder made under $1 where there is room and programs run.
made_in_memory() {
  free=$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
  [ "${free:-0}" -gt 1000000 ] && scratch=$(mktemp -d "$1/driftscope-XXXXXX" 2>/dev/null) || return 1
  printf '#!/bin/sh\n' > "$scratch/probe" && chmod +x "$scratch/probe" && "$scratch/probe" 2>/dev/null && return 0
  remove
  return 1
}

[ -z "$TMPDIR" ] && made_in_memory /dev/shm || scratch=$(mktemp -d "${TMPDIR:-/tmp}/driftscope-XXXXXX") || exit 1
TMPDIR=$scratch "$@"
