#!/bin/sh
# make-disk.sh TREE SEED EMPTY DISK
#
# Makes the ext4 file system DISK of the tree with SEED laid over it. The two are one at EMPTY, in a
# mount namespace of this process alone (the caller unshares it): no loop device, nothing to unmount.
set -eu
mount -t overlay -o "lowerdir=$2:$1" overlay "$3"
exec mke2fs -q -t ext4 -d "$3" "$4" 2G
