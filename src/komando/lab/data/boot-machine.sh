#!/bin/sh
# boot-machine.sh GROUP... -- COMMAND...
#
# Runs COMMAND in the lab's control groups, so that the lab's end is its end, too.
set -eu
while [ "$1" != -- ]; do
  echo 0 >"$1/cgroup.procs"
  shift
done
shift
exec "$@"
