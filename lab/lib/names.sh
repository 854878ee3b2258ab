# Names and places of a lab, and how it speaks. Sourced by lab/lab and by lab/lib/host-init.

LAB_NAME=${LAB_NAME:-lab}
LAB_STATE=/var/lib/netctl-lab/$LAB_NAME # on disk: what hosts store, logs, options
LAB_RUN=/run/netctl-lab/$LAB_NAME       # gone after a reboot, as the processes are
LAB_CACHE=/var/cache/netctl-lab         # outlives labs: the image
LAB_PREFIX=192.168.50                   # hosts are .1, .2, ... of this /24

# sudo may keep its caller's PATH, and the commands of root are not in that of others.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit "${LAB_FAILURE:-1}"; }
die_usage() { say "$* (lab/lab --help lists what there is)"; exit "${LAB_FAILURE:-2}"; }
die_not_up() { say "$*; make it with: lab/lab up"; exit "${LAB_FAILURE:-3}"; }

require_root() {
  [ "$EUID" -eq 0 ] || die "needs root to make network namespaces; run it as root or with: sudo LAB_NAME=$LAB_NAME lab/lab ..."
}

require_commands() {
  local command missing=()
  for command in "$@"; do
    type -P "$command" >/dev/null || missing+=("$command")
  done
  [ ${#missing[@]} -eq 0 ] || die "missing on this machine: ${missing[*]}; install what the lab needs with: make deps"
}

# A process may be a zombie for as long as nobody waits for it: that is not alive.
alive() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=${stat##*) }
  [ "${stat:0:1}" != Z ]
}

# wait_until SECONDS COMMAND...: runs COMMAND every 20 ms until it succeeds; fails at the deadline.
wait_until() {
  local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
  shift
  until "$@"; do
    [ "${EPOCHREALTIME/[.,]/}" -lt "$deadline" ] || return 1
    sleep 0.02
  done
}

# The name is part of paths, cgroup names and messages: keep it plain.
[[ $LAB_NAME =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] || die_usage "LAB_NAME '$LAB_NAME' is not of the form [a-z0-9][a-z0-9-]*, 31 characters at most"
