#!/bin/sh
# hold-disks.sh GROUP... -- FOLDER...
#
# Keeps a disk in memory at each FOLDER, in a mount namespace of its own (the caller unshares it), so
# that what a router wrote outlives its power. Says so on standard output, and then only stays: the
# disks are gone when this process is.
set -eu
while [ "$1" != -- ]; do
  echo 0 >"$1/cgroup.procs"
  shift
done
shift
for folder in "$@"; do
  mount -t tmpfs -o mode=0755 tmpfs "$folder"
done
echo held
exec sleep infinity >/dev/null
