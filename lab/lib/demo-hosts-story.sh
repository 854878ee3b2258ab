# What the demo shows on several hosts, step by step.

EACH=10          # connections that each provider of a service is to get
PROVIDERS_EACH=2 # on each host
CLIENTS=()       # on h1, h2, ...: the first twelve digits of their ids

story() {
  story_hosts
  story_service
  story_providers
  story_clients
  story_prefer
  story_away
  story_back
}

all_hosts() { seq -f 'h%g' "$HOSTS"; }

# Of all hosts together.
provider_count() { echo $((HOSTS * PROVIDERS_EACH)); }

story_hosts() {
  local host
  say "$HOSTS Docker hosts that share an etcd. Each has its own Docker and its own netctld; what is done on one of them is true on all."
  on h1
  eventually 30 'they know of each other' "$HOSTS" "netctl host ls | grep -c ' ready '"
  run 'netctl host ls'
  run 'netctl net create contiv-srv-net -s 100.1.1.0/24'
  run 'netctl net create contiv-net -s 10.1.1.0/24 -g 10.1.1.254'
  run 'netctl net create client-net -s 11.1.1.0/24 -g 11.1.1.254'
  for host in $(all_hosts); do
    on "$host"
    eventually 20 "the Docker of $host has them" 3 "docker network ls --format '{{.Name}}' | grep -cE '^(contiv-srv-net|contiv-net|client-net)$'"
  done
  run 'docker network ls'
}

story_service() {
  say 'A service. It is one object with one service IP, wherever it was created.'
  on h2
  run 'netctl service create app-svc --network contiv-srv-net --selector=tier=web --port 8080:80:TCP'
  check_match 'the service has an address of the network' 'Service IP: 100\.1\.1\.[0-9]+$' "$ANSWER"
  SERVICE_IP=${ANSWER##* }
}

# What a provider answers: on which host it is, its id, and whom it sees as its client.
SERVE='mkdir -p /www/cgi-bin; echo "#!/bin/sh\necho\necho HOST \$(hostname) sees \$REMOTE_ADDR" >/www/cgi-bin/who; chmod +x /www/cgi-bin/who; httpd -p 0.0.0.0:80 -h /www'

story_providers() {
  local host number
  say "$PROVIDERS_EACH web servers on each host. They answer with their host, their own id, and the address of the client that they see."
  for host in $(all_hosts); do
    on "$host"
    for ((number = 1; number <= PROVIDERS_EACH; number++)); do
      run "docker run -itd --net=contiv-net --label=tier=web alpine sh"
      run "docker exec ${ANSWER:0:12} sh -c '${SERVE/HOST/$host}'"
    done
  done
  for host in $(all_hosts); do
    on "$host"
    eventually 20 "$host knows all $(provider_count) providers" "$(provider_count)" 'netctl service inspect app-svc | grep -c endpointID'
  done
}

story_clients() {
  local host
  say 'A client on each host, on another network. Each host spreads what its own client begins over the providers of all hosts, in turn.'
  for host in $(all_hosts); do
    on "$host"
    run 'docker run -itd --net=client-net alpine sh'
    CLIENTS+=("${ANSWER:0:12}")
    connect $((EACH * $(provider_count)))
    check "each provider answers the client on $host $EACH times, and sees the client's own address" "$(each_of "$(provider_count)")" "$(summary)"
  done
}

# connect NUMBER: that many connections from the host's client to the service, and who answered them.
connect() {
  CLIENT=${CLIENTS[${AT#h} - 1]}
  CLIENT_ADDRESS=$(quietly "docker exec $CLIENT hostname -i")
  run "docker exec $CLIENT curl -sS --max-time 5 'http://$SERVICE_IP:8080/cgi-bin/who?[1-$1]' | sort | uniq -c"
}

# What connect found: "6 providers, 10 times each, see 11.1.1.1"; with all numbers, and all addresses, if these differ.
summary() {
  awk '!times[$1]++ { numbers = numbers (numbers ? "/" : "") $1 } !seen[$NF]++ { addresses = addresses (addresses ? "/" : "") $NF }
    END { printf "%d providers, %s times each, see %s", NR, numbers, addresses }' <<<"$ANSWER"
}

# each_of NUMBER: what summary gives if all is well.
each_of() { echo "$1 providers, $EACH times each, see $CLIENT_ADDRESS"; }

# On which hosts the providers are that answered: "h1 h2".
answering_hosts() { awk '{ print $2 }' <<<"$ANSWER" | sort -u | paste -sd ' '; }

story_prefer() {
  say 'A service may prefer providers on the host of the client, and spare the way.'
  on h1
  run 'netctl service update app-svc --prefer local'
  check_match 'it does' 'prefer: any -> local' "$ANSWER"
  run 'netctl service explain app-svc'
  check "on h1, what is on the other hosts is passed over" $((PROVIDERS_EACH * (HOSTS - 1))) "$(grep -c 'not for clients on h1, which has providers of its own' <<<"$ANSWER")"
  on h2
  eventually 20 'h2 has heard of it' 1 "netctl service inspect app-svc | grep -c '\"prefer\": \"local\"'"
  connect $((EACH * PROVIDERS_EACH))
  check 'the client on h2 is answered on h2' 'h2' "$(answering_hosts)"
  check 'in turn' "$(each_of "$PROVIDERS_EACH")" "$(summary)"
  on h1
  run 'netctl service update app-svc --prefer any'
}

story_away() {
  local left=$(((HOSTS - 1) * PROVIDERS_EACH))
  say "h$HOSTS is cut off from the others. When its lease has ended, its providers get no new connections from them."
  run_here "lab/lab partition h$HOSTS"
  on h1
  eventually 30 "on h1, $left providers are left" "$left" 'netctl service inspect app-svc | grep -c endpointID'
  run 'netctl host ls'
  check_match "h$HOSTS is away" "h$HOSTS +away " "$ANSWER"
  run 'netctl service explain app-svc'
  check 'and why the others are none' "$PROVIDERS_EACH" "$(grep -c "its host h$HOSTS is away since" <<<"$ANSWER")"
  connect $((EACH * left))
  check 'all connections are answered, by those who are there' "$(each_of "$left")" "$(summary)"
}

story_back() {
  say "It is back, and all is as before: its containers ran on, and have kept their addresses."
  run_here 'lab/lab heal'
  on h1
  eventually 60 "on h1 there are all $(provider_count) providers again" "$(provider_count)" 'netctl service inspect app-svc | grep -c endpointID'
  connect $((EACH * $(provider_count)))
  check 'each of them answers' "$(each_of "$(provider_count)")" "$(summary)"
}
