#!/bin/sh
# boot-container.sh ROOT SCRATCH SEED NAMESPACE MACHINE GROUP...
#
# Boots a machine's container over the read-only tree ROOT (or trees, UPPER:LOWER), in a mount
# namespace of its own (the caller unshares it): however its processes end, the mounts are gone
# with them. What the machine writes lives in memory at SCRATCH and outlives its own reboots;
# where SCRATCH is a mount already, it outlives this process, too. SEED is laid over ROOT, once. Ends
# as soon as the container is about to start; the container goes on in the background.
set -eu
root=$1 scratch=$2 seed=$3 namespace=$4 machine=$5
shift 5
for group in "$@"; do
  echo 0 >"$group/cgroup.procs"
done
# The namespace keeps what a real machine loses with its power: all but the technician's doing.
forget_network() {
  nsenter --net="$namespace" sh -s <<'END'
    nft flush ruleset
    sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
    ip -o link | cut -d' ' -f2 | sed 's/[@:].*//' | while read -r interface; do
      case $interface in
        lo | mgmt0) ;;
        ifb*) ip link delete "$interface" ;;
        *)
          tc qdisc delete dev "$interface" root
          tc qdisc delete dev "$interface" clsact
          ip address flush dev "$interface"
          ip link set "$interface" down
          ;;
      esac
    done
END
}

mountpoint -q "$scratch" || mount -t tmpfs -o mode=0755 tmpfs "$scratch"
if [ -d "$scratch/upper" ]; then
  forget_network 2>/dev/null || true # it complains of each thing that was not there
else
  mkdir "$scratch/work" "$scratch/root" "$scratch/upper"
  cp -a "$seed/." "$scratch/upper/"
fi
mount -t overlay -o "lowerdir=$root,upperdir=$scratch/upper,workdir=$scratch/work" overlay "$scratch/root"
# systemd-nspawn leaves folders here
mkdir -p /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn

# /proc/sys/net writable inside: forwarding comes by sysctl
export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network
watch_over() {
  while :; do
    code=0
    systemd-nspawn --quiet --directory="$scratch/root" --boot --console=pipe --machine="$machine" \
      --register=no --keep-unit --link-journal=no --resolv-conf=off --timezone=off \
      --network-namespace-path="$namespace" --capability=CAP_NET_ADMIN,CAP_NET_RAW || code=$?
    # 133: the machine rebooted and wants to be started again
    [ "$code" -eq 133 ] || exit "$code"
    forget_network 2>/dev/null || true
  done
}
watch_over &
