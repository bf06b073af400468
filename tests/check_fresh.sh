#!/usr/bin/env bash
# check_fresh: both commands of the README in a new Debian that holds git and make and nothing else of what they need.
# A machine that somebody used before hides a missing package.
#
# usage: check_fresh.sh SUITE [ARCHITECTURE] [FOLDER]        root; debootstrap; another architecture: qemu-user-static
#
# What is tested is the commit, not the working tree. Mirror and proxy are this machine's own. Mounts live in a mount
# namespace of this script's and go with it, whatever ends it; the Debian in FOLDER (build/fresh) goes at the end.
# Exit status: 0 both commands did what they should, 1 one did not, 2 the Debian could not be made.
set -euo pipefail

suite=${1:?usage: check_fresh.sh SUITE [ARCHITECTURE] [FOLDER]}
arch=${2:-$(dpkg --print-architecture)}
folder=$(realpath -m "${3:-build/fresh}")
root=$folder/$suite-$arch log=$folder/$suite-$arch.log
home=root/driftscope

if [ "${DRIFTSCOPE_FRESH:-}" != inside ]; then
  [ "$(id -u)" -eq 0 ] || { echo "check_fresh: a new Debian can only be made by root" >&2; exit 2; }
  command -v debootstrap >/dev/null || { echo "check_fresh: debootstrap is not installed" >&2; exit 2; }
  DRIFTSCOPE_FRESH=inside exec unshare --mount --propagation private --pid --fork --kill-child "$0" "$suite" "$arch" "$folder"
fi

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' | head -1)
proxy=$(apt-config shell proxy Acquire::http::Proxy | sed "s/^proxy='\(.*\)'$/\1/")
export ${proxy:+http_proxy="$proxy"} DEBIAN_FRONTEND=noninteractive

drop() {
  umount -l "$root/dev" "$root/proc" 2>/dev/null || true
  rm -rf --one-file-system "$root"
}
trap drop EXIT
trap 'exit 2' INT TERM HUP
mkdir -p "$folder"
drop
git diff --quiet HEAD || echo "what is not committed is not tested"

echo "Debian $suite, $arch, from ${mirror:-the mirror that debootstrap knows}; $log"
debootstrap --arch="$arch" --variant=minbase --include=git,make,ca-certificates "$suite" "$root" ${mirror:+"$mirror"} >"$log" 2>&1 ||
  { tail -5 "$log"; exit 2; }
apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' >"$root/etc/apt/apt.conf.d/99check-fresh" || true
git clone -q --depth 1 "file://$(git rev-parse --show-toplevel)" "$root/$home"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"

fresh() { # the command as a user types it; its output is added to the log
  local start=$SECONDS status=0
  env -i HOME=/root TERM=dumb LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    chroot "$root" sh -c "cd /$home && exec $1" >"$log.part" 2>&1 || status=$?
  printf '\n$ %s\n' "$1" | cat - "$log.part" >>"$log"
  echo "$1: exit status $status after $((SECONDS - start)) s"
  return $status
}

failed=0
fresh "make run" || { failed=1; tail -5 "$log.part"; }
fresh "make check" || failed=1
grep -E '^\[(FAIL|SKIP)\]|Synthesis|Error [0-9]|error:' "$log.part" || tail -5 "$log.part"
rm -f "$log.part"
exit $failed
