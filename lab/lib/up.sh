# lab up: the wire, the hosts, their daemons, the image; and waiting until everything answers.
. "$LAB_LIB/daemon.sh"
. "$LAB_LIB/wire.sh"
. "$LAB_LIB/image.sh"
. "$LAB_LIB/status.sh"

up_arguments() {
  HOSTS=1
  DAEMONS=(netctld dockerd)
  while [ $# -gt 0 ]; do
    case $1 in
      --hosts) HOSTS=${2:-}; shift ;;
      --hosts=*) HOSTS=${1#*=} ;;
      --without) up_without "${2:-}"; shift ;;
      --without=*) up_without "${1#*=}" ;;
      *) die_usage "up does not know '$1'" ;;
    esac
    shift || break
  done
  [[ $HOSTS =~ ^[1-9][0-9]?$ && $HOSTS -le 50 ]] || die_usage "--hosts takes a number from 1 to 50, not '$HOSTS'"
}

up_without() {
  [[ $1 == netctld || $1 == dockerd ]] || die_usage "--without takes netctld or dockerd, not '$1'"
  local daemon kept=()
  for daemon in "${DAEMONS[@]}"; do
    [ "$daemon" = "$1" ] || kept+=("$daemon")
  done
  DAEMONS=("${kept[@]}")
}

up_wants() { [[ " ${DAEMONS[*]} " == *" $1 "* ]]; }

up_requirements() {
  require_root
  require_commands ip nsenter unshare setsid flock curl mount find
  unshare --net --mount --uts true 2>/dev/null || die 'this machine does not allow new namespaces (in a container? it would have to be a privileged one)'
  if up_wants dockerd; then
    require_commands dockerd docker containerd runc iptables busybox
  fi
  if up_wants netctld; then
    LAB_NODE=${LAB_NODE:-$(type -P node)} || die 'there is no node in PATH, and no LAB_NODE; netctld needs Node.js 20.19 or newer'
    [ -e "$LAB_ROOT/dist/daemon/main.js" ] || die 'netctld is not built yet; build it with: make deps'
  fi
}

# up_already: whether the lab is there. Half a lab is an error: what it holds may be worth a look before it goes.
up_already() {
  [ -d "$LAB_RUN" ] || return 1
  [ -e "$LAB_RUN/plan" ] || die "lab '$LAB_NAME' was left half made; remove it with: lab/lab down"
  [ "$(<"$LAB_RUN/plan")" = "$HOSTS ${DAEMONS[*]}" ] ||
    die "lab '$LAB_NAME' is up already, but with other hosts or daemons ($(<"$LAB_RUN/plan")); remove it with: lab/lab down"
  (lab_status) >/dev/null || die "lab '$LAB_NAME' is up already, but not all of it answers; see lab/lab status, or lab/lab down"
  say "lab '$LAB_NAME' is up already"
}

# up_host HOST: namespaces and the start of its daemons, without waiting for these.
up_host() {
  local daemon
  host_hold "$1"
  wire_connect "$1"
  for daemon in "${DAEMONS[@]}"; do
    daemon_launch "$1" "$daemon"
  done
}

# up_await HOST: waits for its daemons and gives dockerd the image.
up_await() {
  local daemon
  for daemon in "${DAEMONS[@]}"; do
    daemon_await "$1" "$daemon" 90
    [ "$daemon" != dockerd ] || image_load "$1"
  done
  say "$1 is up ($((SECONDS - BEGAN)) s)"
}

# up_directories: empty ones. State on disk without a lab is from before a reboot.
up_directories() {
  rm -rf --one-file-system "$LAB_STATE"
  mkdir -p "$LAB_RUN" "$LAB_STATE"
  daemon_options dockerd >/dev/null
  daemon_options netctld >/dev/null
}

lab_up() {
  local HOSTS DAEMONS BEGAN=$SECONDS host
  up_arguments "$@"
  up_requirements
  lock_lab 60
  ! up_already || return 0
  cgroup_join up
  up_directories
  ! up_wants dockerd || image_build
  say "making $HOSTS host(s) with ${DAEMONS[*]:-no daemon}"
  wire_up
  for ((host = 1; host <= HOSTS; host++)); do up_host "h$host"; done
  for ((host = 1; host <= HOSTS; host++)); do up_await "h$host"; done
  echo "$HOSTS ${DAEMONS[*]}" >"$LAB_RUN/plan"
}
