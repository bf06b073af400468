#!/bin/sh
# Of the sources, those that a change since COMMIT may have given another sense: that changed, or include what did, as
# the build has listed; all where the rules changed, and those that were never built.
#
# usage: affected.sh BUILD COMMIT SOURCE...
build=$1 names=$(git diff --name-only "$2") || exit 1
shift 2
case "$names" in *Makefile*) printf '%s\n' "$@"; exit;; esac
for source; do
  list=$build/${source%.c}.d
  [ -f "$list" ] && ! grep -qwF "${names:-nothing changed}" "$list" || echo "$source"
done
