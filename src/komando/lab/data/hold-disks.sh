#!/bin/sh
# hold-disks.sh GROUP... -- FOLDER...
#
# Makes a disk in memory at each FOLDER, in a mount namespace of its own (the caller unshares it), so
# that what a router wrote outlives its power. Leaves a process in the background that does nothing:
# the disks are gone when it is.
set -eu
while [ "$1" != -- ]; do
  echo 0 >"$1/cgroup.procs"
  shift
done
shift
for folder in "$@"; do
  mount -t tmpfs -o mode=0755 tmpfs "$folder"
done
sleep infinity >/dev/null 2>&1 &
