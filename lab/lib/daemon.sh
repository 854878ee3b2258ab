# The daemons of a host: started in its namespaces, known by their process ids, asked whether they answer.
. "$LAB_LIB/host.sh"
. "$LAB_LIB/plan.sh"

daemon_log() { echo "$LAB_STATE/$1/$2.log"; }

# daemon_pid HOST DAEMON: its process id, if it runs. An id that was given to another process since does not count.
daemon_pid() {
  local pid
  { read -r pid <"$LAB_RUN/$1/$2.pid"; } 2>/dev/null || return 1
  alive "$pid" && grep -q "/$CGROUP_LAB/$1/host\$" "/proc/$pid/cgroup" 2>/dev/null || return 1
  echo "$pid"
}

daemon_gone() { ! daemon_pid "$1" "$2" >/dev/null; }

# dockerd's containerd ends a moment after it, by the signal that the kernel sends when a parent dies.
containerd_gone() {
  local pid
  { read -r pid || [ -n "$pid" ]; } 2>/dev/null <"/proc/$HOST_PID/root/run/docker/containerd/containerd.pid" || return 0
  ! alive "$pid"
}

daemon_gone_whole() { daemon_gone "$1" "$2" && { [ "$2" != dockerd ] || containerd_gone; }; }

# After SIGKILL the files with process ids stay. To dockerd a zombie is alive: it would wait for that containerd, in vain.
dockerd_forget_pids() { rm -f "/proc/$HOST_PID/root/run/"{docker.pid,docker/containerd/containerd.pid}; }

# Options given at `up` are kept for later starts, so that a restarted daemon is the same daemon.
daemon_options() {
  local file=$LAB_STATE/$1.options variable=LAB_${1^^}_OPTS
  [ -z "${!variable+set}" ] || printf '%s\n' "${!variable}" >"$file"
  [ ! -e "$file" ] || cat "$file"
}

# Whether what etcd was told to write is on disk before it is acknowledged is etcd's own default: it is.
etcd_line() {
  local address=http://$LAB_PREFIX.${1#h}
  LINE=(etcd --name "$1" --data-dir /var/lib/etcd --logger zap --log-outputs stderr
    --listen-client-urls "$address:$ETCD_CLIENTS,http://127.0.0.1:$ETCD_CLIENTS" --advertise-client-urls "$address:$ETCD_CLIENTS"
    --listen-peer-urls "$address:$ETCD_PEERS" --initial-advertise-peer-urls "$address:$ETCD_PEERS"
    --initial-cluster-token "$LAB_NAME" --initial-cluster "$(plan_members "h@=http://$LAB_PREFIX.@:$ETCD_PEERS")")
}

netctld_line() {
  LINE=(env "NETCTLD_NODE=$LAB_NODE" "${LAB_NETCTLD:-$LAB_ROOT/bin/netctld}")
  [ "$ETCDS" -eq 0 ] || LINE+=(--store "etcd://$(plan_members "$LAB_PREFIX.@:$ETCD_CLIENTS")" --underlay-address "$LAB_PREFIX.${1#h}")
}

# daemon_line HOST DAEMON: sets LINE to the command that runs it.
daemon_line() {
  local options=() HOSTS ETCDS MTU DAEMONS
  plan_read || die "nothing is known of how lab '$LAB_NAME' was made; remove it with: lab/lab down"
  read -r -a options < <(daemon_options "$2") || true
  case $2 in
    # cgroupfs: on a machine with systemd dockerd would ask the machine's systemd for cgroups.
    dockerd) LINE=(dockerd --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$CGROUP_LAB/$1/containers") ;;
    netctld) netctld_line "$1" ;;
    etcd) etcd_line "$1" ;;
  esac
  LINE+=("${options[@]}")
}

# daemon_launch HOST DAEMON: starts it and returns at once; daemon_await waits until it answers.
daemon_launch() {
  local host=$1 daemon=$2 pid LINE
  host_check "$host"
  host_environment
  daemon_line "$host" "$daemon"
  [ "$daemon" != dockerd ] || dockerd_forget_pids
  cgroup_join "$host/host" # the daemon is born in it
  (
    lock_drop
    cd /
    exec setsid nsenter --target "$HOST_PID" --net --mount --uts -- "${LINE[@]}"
  ) </dev/null >>"$(daemon_log "$host" "$daemon")" 2>&1 &
  pid=$!
  disown "$pid"
  echo "$pid" >"$LAB_RUN/$host/$daemon.pid"
}

daemon_answers() {
  case $2 in
    dockerd) in_host "$1" curl -sf -m 5 -o /dev/null --unix-socket /run/docker.sock http://docker/_ping ;;
    netctld) in_host "$1" curl -sf -m 5 -o /dev/null --unix-socket /run/netctl/netctl.sock http://netctl/version ;;
    # A member is healthy when the majority is there: it reads from its leader to answer this.
    etcd) in_host "$1" curl -sf -m 5 "http://127.0.0.1:$ETCD_CLIENTS/health" 2>/dev/null | grep -q '"true"' ;;
  esac
}

in_host() { (host_exec "$@"); }

daemon_answers_or_ended() { daemon_gone "$1" "$2" || daemon_answers "$1" "$2"; }

# daemon_await HOST DAEMON SECONDS: waits until it answers; fails with the end of its log.
daemon_await() {
  local host=$1 daemon=$2 seconds=$3 log
  log=$(daemon_log "$host" "$daemon")
  host_check "$host"
  wait_until "$seconds" daemon_answers_or_ended "$host" "$daemon" ||
    die "$daemon on $host did not answer within $seconds s; its log, $log, ends with:"$'\n'"$(tail -n 15 "$log")"
  daemon_gone "$host" "$daemon" || return 0
  die "$daemon on $host ended at once; its log, $log, ends with:"$'\n'"$(tail -n 15 "$log")"
}

daemon_start() {
  local HOSTS ETCDS MTU DAEMONS
  [ "$2" != etcd ] || ! plan_read || plan_has_etcd "$1" || die "$1 is no member of etcd in lab '$LAB_NAME' (${ETCDS} host(s) are, from h1 on)"
  ! daemon_gone "$1" "$2" || daemon_launch "$1" "$2"
  daemon_await "$1" "$2" 60
}

# daemon_end HOST DAEMON SIGNAL SECONDS
daemon_end() {
  local pid
  pid=$(daemon_pid "$1" "$2") || { say "$2 on $1 does not run"; return 0; }
  kill "-$3" "$pid"
  wait_until "$4" daemon_gone_whole "$1" "$2" || die "$2 on $1 did not end within $4 s of SIG$3; lab/lab kill $1 $2 ends it"
  rm -f "$LAB_RUN/$1/$2.pid"
}

daemon_stopped() {
  local stat
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  stat=${stat##*) }
  [ "${stat:0:1}" = T ]
}

daemon_paused() {
  local pid
  pid=$(daemon_pid "$1" "$2") && daemon_stopped "$pid"
}

daemon_goes_on() { ! daemon_stopped "$1"; }

# daemon_pause HOST DAEMON and daemon_continue: to the others it hangs, as on a machine that swaps; its connections stay.
daemon_pause() {
  local pid
  pid=$(daemon_pid "$1" "$2") || die "$2 on $1 does not run"
  kill -STOP "$pid"
  wait_until 10 daemon_stopped "$pid" || die "$2 on $1 did not stop"
}

daemon_continue() {
  local pid
  pid=$(daemon_pid "$1" "$2") || die "$2 on $1 does not run"
  kill -CONT "$pid"
  wait_until 10 daemon_goes_on "$pid" || die "$2 on $1 does not go on"
}

daemon_logs() {
  local file
  file=$(daemon_log "$1" "$2")
  [ -e "$file" ] || die "there is no log of $2 on $1"
  case ${3:-} in
    -f) exec tail -n +1 -f "$file" ;;
    '') cat "$file" ;;
    *) die_usage "logs does not know '$3'" ;;
  esac
}

# daemon_command VERB HOST DAEMON: what `lab start|stop|kill|restart|pause|continue|logs` do.
daemon_command() {
  local verb=$1 host=${2:-} daemon=${3:-}
  [[ $daemon == netctld || $daemon == dockerd || $daemon == etcd ]] ||
    die_usage "$verb needs a host and netctld, dockerd or etcd, for instance: lab/lab $verb h1 netctld"
  [ "$verb" = logs ] || { [ $# -eq 3 ] || die_usage "$verb takes one host and one daemon"; host_check "$host"; }
  case $verb in
    start) daemon_start "$host" "$daemon" ;;
    stop) daemon_end "$host" "$daemon" TERM 60 ;;
    kill) daemon_end "$host" "$daemon" KILL 10 ;;
    restart) daemon_end "$host" "$daemon" TERM 60 && daemon_start "$host" "$daemon" ;;
    pause) daemon_pause "$host" "$daemon" ;;
    continue) daemon_continue "$host" "$daemon" ;;
    logs) shift; daemon_logs "$@" ;;
  esac
}
