# lab status: each host and whether its daemons answer, and who is cut off from whom. Fails if a daemon that should does not answer.
. "$LAB_LIB/daemon.sh"
. "$LAB_LIB/cut.sh"

# status_of HOST DAEMON
status_of() {
  [[ " ${DAEMONS[*]} etcd " == *" $2 "* ]] || { echo 'left out'; return; }
  [ "$2" != etcd ] || plan_has_etcd "$1" || { echo -; return; }
  daemon_gone "$1" "$2" && { echo 'not running'; return 1; }
  daemon_paused "$1" "$2" && { echo paused; return 1; }
  daemon_answers "$1" "$2" || { echo 'no answer'; return 1; }
  echo answers
}

# status_line NAME ADDRESS DOCKERD NETCTLD ETCD: the last only where there is an etcd.
status_line() {
  if [ "$ETCDS" -eq 0 ]; then printf '%-6s %-15s %-12s %s\n' "${@:1:4}"; else printf '%-6s %-15s %-12s %-12s %s\n' "$@"; fi
}

# status_host HOST: its line.
status_host() {
  local daemon states=() bad=0
  host_off "$1" && { status_line "$1" "$LAB_PREFIX.${1#h}" off off off; return 1; }
  (host_check "$1") || return 1
  host_check "$1"
  for daemon in dockerd netctld etcd; do
    states+=("$(status_of "$1" "$daemon")") || bad=1
  done
  status_line "$1" "$LAB_PREFIX.${1#h}" "${states[@]}"
  return $bad
}

lab_status() {
  local HOSTS ETCDS MTU DAEMONS number bad=0 one other
  require_root
  [ -d "$LAB_RUN" ] || die_not_up "lab '$LAB_NAME' is not up"
  [ -e "$LAB_RUN/up" ] && plan_read || die "lab '$LAB_NAME' is being made, or was left half made (then: lab/lab down)"
  status_line HOST ADDRESS DOCKERD NETCTLD ETCD
  for ((number = 1; number <= HOSTS; number++)); do
    status_host "h$number" || bad=1
  done
  while read -r one other; do
    echo "$one and $other are cut off from each other"
  done < <(cut_present)
  return $bad
}
