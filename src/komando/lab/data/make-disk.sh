#!/bin/sh
# make-disk.sh TREES EMPTY DISK
#
# Makes the ext4 file system DISK of TREES (UPPER:...:LOWER). They are one at EMPTY, in a mount
# namespace of this process alone (the caller unshares it): no loop device, nothing to unmount, and
# what an upper tree took away from a lower one (whiteouts, opaque folders) is not on the disk.
set -eu
mount -t overlay -o "ro,lowerdir=$1" overlay "$2"
exec mke2fs -q -t ext4 -d "$2" "$3" 2G
