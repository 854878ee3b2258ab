# lab reboot: a host's processes end as in a power cut, and with them its namespaces, links, mounts and /run. What is on its
# disk stays. Then it comes up again with the daemons that it had.
. "$LAB_LIB/daemon.sh"
. "$LAB_LIB/wire.sh"

lab_reboot() {
  local host=${1:-} daemon daemons
  [ $# -eq 1 ] && [ "$host" != wire ] || die_usage "reboot takes one host, for instance: lab/lab reboot h1"
  host_check "$host"
  read -r _ daemons <"$LAB_RUN/plan"
  lock_lab 60
  cgroup_kill "$host"
  cgroup_remove_empty "$host"
  # The port goes with its other end, but a little later than the last process of the host.
  wait_until 10 wire_disconnected "$host" || die "the link of $host did not go"
  rm -rf "${LAB_RUN:?}/$host"
  host_hold "$host"
  wire_connect "$host"
  for daemon in $daemons; do daemon_launch "$host" "$daemon"; done
  for daemon in $daemons; do daemon_await "$host" "$daemon" 90; done
}
