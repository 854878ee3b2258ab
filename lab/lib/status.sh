# lab status: each host and whether its daemons answer. Fails if one that should does not.
. "$LAB_LIB/daemon.sh"

status_of() {
  local plan=$3
  [[ " $plan " == *" $2 "* ]] || { echo 'left out'; return; }
  daemon_gone "$1" "$2" && { echo 'not running'; return 1; }
  daemon_answers "$1" "$2" || { echo 'no answer'; return 1; }
  echo answers
}

lab_status() {
  local plan hosts host dockerd netctld bad=0
  require_root
  [ -d "$LAB_RUN" ] || die_not_up "lab '$LAB_NAME' is not up"
  { read -r hosts plan <"$LAB_RUN/plan"; } 2>/dev/null || die "lab '$LAB_NAME' is being made, or was left half made (then: lab/lab down)"
  printf '%-6s %-15s %-12s %s\n' HOST ADDRESS DOCKERD NETCTLD
  for ((host = 1; host <= hosts; host++)); do
    (host_check "h$host") || { bad=1; continue; }
    host_check "h$host"
    dockerd=$(status_of "h$host" dockerd "$plan") || bad=1
    netctld=$(status_of "h$host" netctld "$plan") || bad=1
    printf '%-6s %-15s %-12s %s\n' "h$host" "$LAB_PREFIX.$host" "$dockerd" "$netctld"
  done
  return $bad
}
