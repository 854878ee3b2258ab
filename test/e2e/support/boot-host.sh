#!/bin/bash
# Boots this machine's files as a host of its own, with systemd as its first process, as a virtual machine would from its disk.
# Usage: boot-host.sh NAME ADDRESS. The host ends with this process; the number of its first process is in /run/NAME.pid.
# Processes, mounts, names, cgroups and network are its own; the kernel's settings that are not the network's cannot be written.
# LAB_NAME says whose its cgroups are: `lab down` removes them.
# Its network is eth1, on the wire that it shares with the other hosts. What it writes is in memory.
set -euo pipefail

join_wire() {
  ip netns add "$NAME"
  if ! ip netns list | grep -qw wire; then
    ip netns add wire
    ip -n wire link add wire type bridge
    ip -n wire link set wire up
  fi
  ip -n wire link add "$NAME" type veth peer name eth1 netns "$NAME"
  ip -n wire link set "$NAME" master wire up
  ip -n "$NAME" address add "$ADDRESS/24" dev eth1
  ip -n "$NAME" link set eth1 up
}

# systemd removes empty cgroups from the root on that it sees, also others': what it sees starts at a group of its own in every hierarchy.
join_cgroups() {
  local group part file hierarchies=(/sys/fs/cgroup/*)
  [ ! -e /sys/fs/cgroup/cgroup.procs ] || hierarchies=(/sys/fs/cgroup)
  for group in "${hierarchies[@]}"; do
    [ -e "$group/cgroup.procs" ] || continue
    for part in netctl-lab "$LAB_NAME" "$NAME"; do
      mkdir -p "$group/$part"
      # Processors and memory of a new group are none, and then no process can be in it.
      for file in cpuset.cpus cpuset.mems; do
        [ ! -e "$group/$file" ] || [ -n "$(<"$group/$part/$file")" ] || cat "$group/$file" >"$group/$part/$file"
      done
      group=$group/$part
    done
    echo $$ >"$group/cgroup.procs"
  done
}

make_devices() {
  local device
  mount -t tmpfs -o mode=755 devices dev
  mkdir dev/{pts,shm}
  for device in null zero full random urandom tty; do
    : >"dev/$device"
    mount --bind "/dev/$device" "dev/$device"
  done
  mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  ln -s /proc/self/fd dev/fd
  mount -t tmpfs shm dev/shm
}

make_kernel() {
  mount -t proc proc proc
  mount --bind proc/sys proc/sys
  mount --bind proc/sys/net proc/sys/net
  mount -o remount,bind,ro proc/sys
  mount -t sysfs -o ro sysfs sys
  mount -t tmpfs cgroups sys/fs/cgroup
  mkdir sys/fs/cgroup/{systemd,unified}
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup2 sys/fs/cgroup/unified
}

make_root() {
  local files=/hosts/$NAME directory
  mkdir -p "$files"
  mount -t tmpfs -o mode=755 host "$files"
  mkdir "$files"/{changes,work,root}
  mount -t overlay -o "lowerdir=/,upperdir=$files/changes,workdir=$files/work" host "$files/root"
  cd "$files/root"
  make_devices
  make_kernel
  # Docker's files cannot be an overlay upon an overlay.
  for directory in run tmp var/lib/docker var/lib/containerd; do
    mkdir -p "$directory"
    mount -t tmpfs host "$directory"
  done
  chmod 1777 tmp
  echo "$NAME" >etc/hostname
  printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$NAME" >etc/hosts
}

# The shell that does this is the first process of the host, and becomes systemd.
become_host() {
  local pid
  # As /proc, still the machine's own, has it.
  read -r pid _ </proc/self/stat
  echo "$pid" >"/run/$NAME.pid"
  make_root
  pivot_root . .
  umount --lazy .
  cd /
  exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=null </dev/null
}

NAME=$1 ADDRESS=${2:-}
if [ -z "$ADDRESS" ]; then become_host; fi
join_wire
join_cgroups
exec ip netns exec "$NAME" unshare --pid --mount --uts --ipc --cgroup --fork --kill-child --propagation private bash "$0" "$NAME"
