#!/bin/sh
# boot-router.sh ROOT SCRATCH SEED NAMESPACE MACHINE GROUP...
#
# Boots the router's container over the read-only tree ROOT, in a mount namespace of its own (the
# caller unshares it): whatever way this process ends, its mounts are gone with it. What the router
# writes lives in memory at SCRATCH and outlives the router's own reboots; SEED is laid over ROOT.
set -eu
root=$1 scratch=$2 seed=$3 namespace=$4 machine=$5
shift 5
for group in "$@"; do
  echo 0 >"$group/cgroup.procs"
done
mount -t tmpfs -o mode=0755 tmpfs "$scratch"
mkdir "$scratch/upper" "$scratch/work" "$scratch/root"
cp -a "$seed/." "$scratch/upper/"
mount -t overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$scratch/root"
# systemd-nspawn leaves folders here
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn

# /proc/sys/net writable inside: forwarding comes by sysctl
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
while :; do
  code=0
  systemd-nspawn --quiet --directory="$scratch/root" --boot --console=pipe --machine="$machine" \
    --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off \
    --network-namespace-path="$namespace" --capability=CAP_NET_ADMIN,CAP_NET_RAW || code=$?
  # 133: the router rebooted and wants to be started again
  [ "$code" -eq 133 ] || exit "$code"
done
