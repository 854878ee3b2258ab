# lab crash and lab reboot: a host's processes end as in a power cut, and with them its namespaces, links, mounts and /run. What is
# on its disk stays. A reboot then brings it up again with the daemons that it had.
. "$LAB_LIB/daemon.sh"
. "$LAB_LIB/wire.sh"

# reboot_arguments VERB HOST: sets the plan, too. A host that has crashed is one of the lab still.
reboot_arguments() {
  [ $# -eq 2 ] && [[ $2 =~ ^h[1-9][0-9]*$ ]] || die_usage "$1 takes one host, for instance: lab/lab $1 h1"
  require_root
  plan_read && [ -e "$LAB_RUN/up" ] && [ "${2#h}" -le "$HOSTS" ] || die_not_up "there is no host $2 in lab '$LAB_NAME'"
}

host_crash() {
  cgroup_kill "$1"
  cgroup_remove_empty "$1"
  # The port goes with its other end, but a little later than the last process of the host.
  wait_until 10 wire_disconnected "$1" || die "the link of $1 did not go"
  rm -rf "${LAB_RUN:?}/$1"
}

lab_crash() {
  local HOSTS ETCDS MTU DAEMONS
  reboot_arguments crash "$@"
  lock_lab 60
  host_off "$1" || host_crash "$1"
}

lab_reboot() {
  local host=${1:-} daemon HOSTS ETCDS MTU DAEMONS
  reboot_arguments reboot "$@"
  lock_lab 60
  host_off "$host" || host_crash "$host"
  host_hold "$host"
  wire_connect "$host"
  for daemon in $(plan_daemons "$host"); do daemon_launch "$host" "$daemon"; done
  for daemon in $(plan_daemons "$host"); do daemon_await "$host" "$daemon" 90; done
}
