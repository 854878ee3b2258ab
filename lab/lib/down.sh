# lab down: everything of a lab is a process in its cgroups, what only such a process holds (namespaces, links, mounts,
# sockets), or a file below its two directories. So ending the processes and removing the directories is all.
. "$LAB_LIB/cgroup.sh"
. "$LAB_LIB/lock.sh"

lab_down() {
  [ $# -eq 0 ] || die_usage "down takes no arguments; LAB_NAME says which lab"
  require_root
  cgroup_kill # also a `lab up` that hangs, and so its lock
  lock_lab 60
  cgroup_kill
  cgroup_remove
  rm -rf --one-file-system "$LAB_STATE" "$LAB_RUN"
  rm -f "/run/netctl-lab/$LAB_NAME.lock"
  rmdir /run/netctl-lab /var/lib/netctl-lab 2>/dev/null || true # other labs may be in them
}
