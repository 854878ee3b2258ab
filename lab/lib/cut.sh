# lab partition and lab heal: hosts that no longer hear each other, by a rule of the bridge that connects them. Nobody is told: to
# either side the other is silent, as when a cable is pulled.
. "$LAB_LIB/host.sh"
. "$LAB_LIB/plan.sh"
. "$LAB_LIB/wire.sh"

# The table is there as long as any are cut off: nothing looks at frames otherwise.
cut_table() {
  ! in_wire nft list table bridge lab >/dev/null 2>&1 || return 0
  in_wire nft -f - <<'NFT'
table bridge lab {
  set cut {
    type ifname . ifname
  }
  chain forward {
    type filter hook forward priority 0
    iifname . oifname @cut drop
  }
}
NFT
}

# cut_elements HOST HOST: both ways.
cut_elements() { echo "{ $1 . $2, $2 . $1 }"; }

# cut_pairs HOST [HOST]: the pairs that are meant, one a line: the two, or the one with each other host.
cut_pairs() {
  local number
  [ $# -eq 1 ] || { echo "$1 $2"; return; }
  for ((number = 1; number <= HOSTS; number++)); do
    [ "h$number" = "$1" ] || echo "$1 h$number"
  done
}

# cut_present: the pairs that are cut off from each other, one a line, the lower number first.
cut_present() {
  local line
  line=$(in_wire nft list set bridge lab cut 2>/dev/null) || return 0
  { grep -oE '"h[0-9]+" \. "h[0-9]+"' <<<"$line" || true; } | tr -d '".h' | awk '$1 < $2 { print "h" $1, "h" $2 }' | sort -V
}

# cut_arguments VERB HOST [HOST]: ends with a sentence unless they are hosts of the lab.
cut_arguments() {
  local verb=$1 host
  shift
  require_root
  require_commands nft
  plan_read && [ -e "$LAB_RUN/up" ] || die_not_up "lab '$LAB_NAME' is not up"
  [ $# -lt 2 ] || { [ $# -eq 2 ] && [ "$1" != "$2" ]; } || die_usage "$verb takes one host or two different ones, for instance: lab/lab $verb h1 h2"
  for host in "$@"; do
    [[ $host =~ ^h[1-9][0-9]*$ ]] && [ "${host#h}" -le "$HOSTS" ] || die_usage "'$host' is not a host of lab '$LAB_NAME'; these are h1 to h$HOSTS"
  done
}

lab_partition() {
  local HOSTS ETCDS MTU DAEMONS one other
  [ $# -gt 0 ] || die_usage 'partition needs a host, or two, for instance: lab/lab partition h1 h2'
  cut_arguments partition "$@"
  cut_table
  while read -r one other; do
    in_wire nft add element bridge lab cut "$(cut_elements "$one" "$other")"
  done < <(cut_pairs "$@")
}

lab_heal() {
  local HOSTS ETCDS MTU DAEMONS one other
  cut_arguments heal "$@"
  in_wire nft list table bridge lab >/dev/null 2>&1 || return 0
  [ $# -eq 0 ] || while read -r one other; do
    # Deleting what is not there is refused; so it is added first, in one transaction.
    in_wire nft -f - <<NFT
add element bridge lab cut $(cut_elements "$one" "$other")
delete element bridge lab cut $(cut_elements "$one" "$other")
NFT
  done < <(cut_pairs "$@")
  [ $# -gt 0 ] && [ -n "$(cut_present)" ] || in_wire nft delete table bridge lab
}
