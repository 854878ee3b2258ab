# What a lab is made of, as `up` was asked for it. It is kept on disk, because all later commands need it.
#
#   HOSTS     how many
#   ETCDS     how many of them, the first ones, are members of an etcd; 0: netctld keeps its state by itself
#   MTU       of the links between hosts
#   DAEMONS   what runs on every host: netctld, dockerd

ETCD_CLIENTS=2379
ETCD_PEERS=2380

plan_keep() { echo "$HOSTS $ETCDS $MTU ${DAEMONS[*]}" >"$LAB_STATE/plan"; }

# plan_read: sets the four variables; fails if there is none.
plan_read() {
  { read -r HOSTS ETCDS MTU DAEMONS <"$LAB_STATE/plan"; } 2>/dev/null || return 1
  read -r -a DAEMONS <<<"$DAEMONS"
}

# plan_words: the plan for a person.
plan_words() {
  echo "--hosts $HOSTS --etcd $ETCDS --mtu $MTU, with ${DAEMONS[*]:-no daemon}"
}

plan_has_etcd() { [ "${1#h}" -le "$ETCDS" ]; }

# plan_daemons HOST: what runs there, in the order in which one needs the other.
plan_daemons() {
  ! plan_has_etcd "$1" || echo etcd
  printf '%s\n' "${DAEMONS[@]}"
}

# plan_members FORMAT: FORMAT for the number of each of etcd's hosts, with commas between.
plan_members() {
  local number members=()
  for ((number = 1; number <= ETCDS; number++)); do members+=("${1//@/$number}"); done
  (IFS=,; echo "${members[*]}")
}
