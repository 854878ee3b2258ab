# A host: the namespaces that a sleeping process holds, and how to get into them.
. "$LAB_LIB/cgroup.sh"
. "$LAB_LIB/lock.sh"

# host_check HOST: sets HOST_PID to the process that holds the host's namespaces.
host_check() {
  [[ $1 =~ ^(h[1-9][0-9]*|wire)$ ]] || die_usage "'$1' is not a host; hosts are h1, h2, ..."
  require_root
  { read -r HOST_PID <"$LAB_RUN/$1/pid"; } 2>/dev/null || die_not_up "there is no host $1 in lab '$LAB_NAME'"
  alive "$HOST_PID" || die_not_up "host $1 of lab '$LAB_NAME' has ended (after a crash: lab/lab down)"
}

# host_off HOST: it was made, and crashed since.
host_off() { [ ! -d "$LAB_RUN/$1" ]; }

# host_hold NAME: makes NAME's namespaces, prepared by host-init, held by a process that sleeps until the lab ends.
host_hold() {
  local name=$1 log=$LAB_STATE/$1/init.log ready
  mkdir -p "$LAB_RUN/$name" "$LAB_STATE/$name"
  read -r -t 20 ready < <(
    lock_drop
    cgroup_join "$name/host"
    exec setsid unshare --net --mount --uts --propagation private -- \
      bash "$LAB_LIB/host-init" "$LAB_ROOT" "$name" </dev/null 2>"$log"
  ) || die "cannot make the namespaces of $name: $(tail -n 3 "$log")"
}

# The commands of a host see it as a machine: no Docker context, address or configuration of the machine's user.
host_environment() {
  unset DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS_VERIFY DOCKER_CERT_PATH
  export DOCKER_CONFIG=/run/docker-client LAB_NODE PATH=$LAB_ROOT/lab/bin:$PATH
  LAB_NODE=${LAB_NODE:-$(type -P node || true)}
}

# host_exec HOST [--] COMMAND...: becomes COMMAND in the host. No fork: signals, terminal and exit code are COMMAND's own.
host_exec() {
  LAB_FAILURE=125
  [ $# -ge 1 ] || die_usage 'exec needs a host and a command, for instance: lab/lab exec h1 -- docker ps'
  local name=$1 directory=$PWD
  shift
  [ "${1:-}" != -- ] || shift
  [ $# -ge 1 ] || die_usage 'exec needs a command, for instance: lab/lab exec h1 -- docker ps'
  host_check "$name"
  host_environment
  cgroup_join "$name/host"
  # /run and /var/lib are the host's own: a directory in there may not exist on the other side.
  [[ $directory/ == /run/* || $directory/ == /var/lib/* ]] && directory=/
  exec nsenter --target "$HOST_PID" --net --mount --uts --wdns="$directory" -- "$@"
}
