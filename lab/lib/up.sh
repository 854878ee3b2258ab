# lab up: the wire, the hosts, their daemons, the image; and waiting until everything answers.
. "$LAB_LIB/daemon.sh"
. "$LAB_LIB/wire.sh"
. "$LAB_LIB/image.sh"
. "$LAB_LIB/status.sh"

up_arguments() {
  HOSTS=1
  ETCDS=''
  MTU=1500
  DAEMONS=(netctld dockerd)
  local store=''
  while [ $# -gt 0 ]; do
    case $1 in
      --hosts) HOSTS=${2:-}; shift ;;
      --hosts=*) HOSTS=${1#*=} ;;
      --store) store=${2:-}; shift ;;
      --store=*) store=${1#*=} ;;
      --etcd) ETCDS=${2:-}; shift ;;
      --etcd=*) ETCDS=${1#*=} ;;
      --mtu) MTU=${2:-}; shift ;;
      --mtu=*) MTU=${1#*=} ;;
      --without) up_without "${2:-}"; shift ;;
      --without=*) up_without "${1#*=}" ;;
      *) die_usage "up does not know '$1'" ;;
    esac
    shift || break
  done
  [[ $HOSTS =~ ^[1-9][0-9]?$ && $HOSTS -le 50 ]] || die_usage "--hosts takes a number from 1 to 50, not '$HOSTS'"
  [[ $MTU =~ ^[1-9][0-9]{2,3}$ && $MTU -ge 1280 && $MTU -le 9600 ]] || die_usage "--mtu takes a number from 1280 to 9600, not '$MTU'"
  up_store "$store"
}

# up_store STORE: what --store and --etcd mean together. An etcd is asked for by either.
up_store() {
  case $1 in
    embedded) [ "${ETCDS:-0}" = 0 ] || die_usage "--etcd $ETCDS needs --store etcd" ;;
    etcd) ETCDS=${ETCDS:-1} ;;
    '') ;;
    *) die_usage "--store takes embedded or etcd, not '$1'" ;;
  esac
  ETCDS=${ETCDS:-0}
  [[ $ETCDS =~ ^[0-9][0-9]?$ && $ETCDS -le $HOSTS ]] || die_usage "--etcd takes how many of the $HOSTS host(s) are its members, not '$ETCDS'"
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
  [ "$ETCDS" -eq 0 ] || require_commands etcd
  if up_wants netctld; then
    LAB_NODE=${LAB_NODE:-$(type -P node)} || die 'there is no node in PATH, and no LAB_NODE; netctld needs Node.js 20.19 or newer'
    [ -e "$LAB_ROOT/dist/daemon/main.js" ] || die 'netctld is not built yet; build it with: make deps'
  fi
}

# up_already: whether the lab is there. Half a lab is an error: what it holds may be worth a look before it goes.
up_already() {
  [ -d "$LAB_RUN" ] || return 1
  [ -e "$LAB_RUN/up" ] || die "lab '$LAB_NAME' was left half made; remove it with: lab/lab down"
  local asked found
  asked=$(plan_words)
  found=$(plan_read && plan_words)
  [ "$found" = "$asked" ] ||
    die "lab '$LAB_NAME' is up already, but with other hosts or daemons ($found); remove it with: lab/lab down"
  (lab_status) >/dev/null || die "lab '$LAB_NAME' is up already, but not all of it answers; see lab/lab status, or lab/lab down"
  say "lab '$LAB_NAME' is up already"
}

# up_host HOST: namespaces and the start of its daemons, without waiting for these.
up_host() {
  local daemon
  host_hold "$1"
  wire_connect "$1"
  for daemon in $(plan_daemons "$1"); do
    daemon_launch "$1" "$daemon"
  done
}

# up_await HOST: waits for its daemons and gives dockerd the image.
up_await() {
  local daemon
  for daemon in $(plan_daemons "$1"); do
    daemon_await "$1" "$daemon" 90
    [ "$daemon" != dockerd ] || image_load "$1"
  done
  say "$1 is up ($((SECONDS - BEGAN)) s)"
}

# up_directories: empty ones. State on disk without a lab is from before a reboot.
up_directories() {
  rm -rf --one-file-system "$LAB_STATE"
  mkdir -p "$LAB_RUN" "$LAB_STATE"
  plan_keep
  for daemon in dockerd netctld etcd; do daemon_options "$daemon" >/dev/null; done
}

lab_up() {
  local HOSTS ETCDS MTU DAEMONS BEGAN=$SECONDS host daemon
  up_arguments "$@"
  up_requirements
  lock_lab 60
  ! up_already || return 0
  cgroup_join up
  up_directories
  ! up_wants dockerd || image_build
  say "making $HOSTS host(s) with ${DAEMONS[*]:-no daemon}$([ "$ETCDS" -eq 0 ] || echo ", $ETCDS of them with etcd")"
  wire_up
  for ((host = 1; host <= HOSTS; host++)); do up_host "h$host"; done
  for ((host = 1; host <= HOSTS; host++)); do up_await "h$host"; done
  touch "$LAB_RUN/up"
}
