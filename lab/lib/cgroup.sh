# Every process of a lab is born in a cgroup of the lab: what it started can be found and ended, whatever crashed.
# A PID namespace would do that too, but then `lab exec` would have to fork, and signals would end at the parent.
#
#   netctl-lab/NAME/up               `lab up` itself, and what it runs outside the hosts
#   netctl-lab/NAME/h1/host          the host's daemons and what `lab exec` runs
#   netctl-lab/NAME/h1/containers/   made by dockerd: --cgroup-parent
#
# Processes are in leaves only, as cgroup v2 demands of groups that hand controllers down.

CGROUP_MOUNT=/sys/fs/cgroup
CGROUP_LAB=netctl-lab/$LAB_NAME

# The hierarchy that is searched for processes: the only one (v2), or one of the v1 hierarchies.
cgroup_root() {
  local hierarchy
  [ -e $CGROUP_MOUNT/cgroup.procs ] && { CGROUP_ROOT=$CGROUP_MOUNT; return; }
  for hierarchy in pids freezer memory systemd; do
    [ -e $CGROUP_MOUNT/$hierarchy/cgroup.procs ] && { CGROUP_ROOT=$CGROUP_MOUNT/$hierarchy; return; }
  done
  die "found no cgroup hierarchy below $CGROUP_MOUNT, which Docker needs as well"
}

# cgroup_join GROUP: moves the calling (sub)shell into GROUP of this lab, made if it is missing.
cgroup_join() {
  [ -d "$CGROUP_ROOT/$CGROUP_LAB/$1" ] || mkdir -p "$CGROUP_ROOT/$CGROUP_LAB/$1" || die "cannot make the cgroup $CGROUP_LAB/$1"
  echo "$BASHPID" >"$CGROUP_ROOT/$CGROUP_LAB/$1/cgroup.procs"
}

# cgroup_directories [HOST]: directories of the lab, or of one host, in every hierarchy, deepest first: runc makes them in all.
cgroup_directories() {
  local top tops=()
  for top in "$CGROUP_MOUNT/$CGROUP_LAB${1:+/$1}" "$CGROUP_MOUNT"/*/"$CGROUP_LAB${1:+/$1}"; do
    [ -d "$top" ] && tops+=("$top")
  done
  [ ${#tops[@]} -eq 0 ] || find "${tops[@]}" -depth -type d 2>/dev/null || true
}

# SIGKILL does not reach a process that `docker pause` froze in cgroup v1 until it is thawed.
cgroup_thaw() {
  local group
  while read -r group; do
    [ ! -e "$group/freezer.state" ] || echo THAWED >"$group/freezer.state" || true
    [ ! -e "$group/cgroup.freeze" ] || echo 0 >"$group/cgroup.freeze" || true
  done < <(cgroup_directories "$@") 2>/dev/null
}

cgroup_processes() {
  [ -d "$CGROUP_ROOT/$CGROUP_LAB${1:+/$1}" ] || return 0
  find "$CGROUP_ROOT/$CGROUP_LAB${1:+/$1}" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}

cgroup_kill_pass() {
  local pids
  mapfile -t pids < <(cgroup_processes "$@")
  [ ${#pids[@]} -gt 0 ] || return 0
  kill -KILL "${pids[@]}" 2>/dev/null || true
  return 1
}

# cgroup_kill [HOST]: ends every process of the lab, or of one host. A process may fork while the list is read, so it is
# repeated until none is left.
cgroup_kill() {
  cgroup_thaw "$@"
  wait_until 20 cgroup_kill_pass "$@" || die "these processes of the lab do not end: $(cgroup_processes "$@" | tr '\n' ' ')"
}

cgroup_remove_pass() {
  local groups
  mapfile -t groups < <(cgroup_directories "$@")
  [ ${#groups[@]} -gt 0 ] || return 0
  rmdir "${groups[@]}" 2>/dev/null
}

# cgroup_remove_empty [HOST]
cgroup_remove_empty() {
  wait_until 10 cgroup_remove_pass "$@" || die "cannot remove these cgroups: $(cgroup_directories "$@" | tr '\n' ' ')"
}

cgroup_remove() {
  local parent
  cgroup_remove_empty
  for parent in $CGROUP_MOUNT/netctl-lab $CGROUP_MOUNT/*/netctl-lab; do
    [ ! -d "$parent" ] || rmdir "$parent" 2>/dev/null || true # another lab may be in it
  done
}

cgroup_root
