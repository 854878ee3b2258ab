# What the demo shows, step by step.

LABELS='--label=tier=web --label=release=stable --label=environment=prod --label=version=1.0'
PROVIDERS=() # the first twelve digits of the containers' ids, as `docker ps` shows them

story() {
  story_service
  story_providers
  story_client
  story_balance
  story_explain
  story_stop
  story_preferred_ip
  story_gone
}

story_service() {
  say 'A network from which services get their addresses, and a service that selects containers by three labels.'
  run 'netctl net create contiv-srv-net -s 100.1.1.0/24'
  check 'the network is created' 'Creating network default:contiv-srv-net' "$ANSWER"
  run 'netctl service create app-svc --network contiv-srv-net --tenant default --selector=tier=web --selector=release=stable --selector=environment=prod --port 8080:80:TCP'
  check_match 'the service has an address of the network' 'Service IP: 100\.1\.1\.[0-9]+$' "$ANSWER"
  SERVICE_IP=${ANSWER##* }
}

story_providers() {
  local number
  say 'Four containers with these labels, and one label more, on another network. Nobody tells the service of them.'
  run 'netctl net create contiv-net -s 10.1.1.0/24 -g 10.1.1.254'
  for number in 1 2 3 4; do
    run "docker run -itd --net=contiv-net $LABELS alpine sh"
    PROVIDERS+=("${ANSWER:0:12}")
  done
  eventually 20 'the service found its four providers' 4 'netctl service inspect app-svc | grep -c endpointID'
  say 'In each of them a listener for one connection.'
  for number in "${PROVIDERS[@]}"; do
    run "docker exec -d $number nc -l -p 80"
    eventually 20 "it listens" 1 "docker exec $number netstat -ltn | grep -c ':80 '"
  done
}

story_client() {
  local number listening=''
  say 'A client on a third network. It reaches the service IP on the service port: once for each listener.'
  run 'netctl net create client-net -s 11.1.1.0/24 -g 11.1.1.254'
  run 'docker run -itd --net=client-net alpine sh'
  CLIENT=${ANSWER:0:12}
  for number in 1 2 3 4; do
    run "docker exec $CLIENT nc -znvw 1 $SERVICE_IP 8080"
    check_match 'the connection is accepted' 'succeeded' "$ANSWER"
  done
  say 'Each listener took one connection and ended. Nobody listens now, and the fifth connection is refused at once.'
  for number in "${PROVIDERS[@]}"; do
    eventually 20 "no listener is left in $number" 0 "docker exec $number netstat -ltn | grep -c ':80 '"
  done
  try "docker exec $CLIENT nc -znvw 1 $SERVICE_IP 8080"
  check_match 'the connection is refused' 'refused' "$ANSWER"
}

story_balance() {
  local provider
  say 'Now a web server in each provider, which answers with its own id and address.'
  for provider in "${PROVIDERS[@]}"; do
    run "docker exec $provider sh -c 'mkdir /www; echo \$(hostname) \$(hostname -i) >/www/index.html; httpd -p 80 -h /www'"
  done
  say '400 connections, one after another; who answered, and how often.'
  connect 400
  check '400 connections are answered, 100 by each provider' "$(in_turn 100 "${PROVIDERS[@]}")" "$(counts)"
}

# connect NUMBER: that many connections from the client to the service, and who answered them.
connect() { run "docker exec $CLIENT curl -sS --max-time 5 'http://$SERVICE_IP:8080/?[1-$1]' | sort | uniq -c"; }

# What connect found, without addresses: "100 65e6faa51606 100 945840a58d69 ..." in the order of ids.
counts() { awk '{ printf "%s%s %s", (NR > 1 ? ", " : ""), $1, $2 }' <<<"$ANSWER"; }

# in_turn NUMBER PROVIDER...: what counts gives if each provider answered that often.
in_turn() {
  local number=$1
  shift
  printf '%s\n' "$@" | sort | awk -v number="$number" '{ printf "%s%s %s", (NR > 1 ? ", " : ""), number, $1 }'
}

story_explain() {
  say 'What netctl knows of the service, and why each container of the tenant is a provider of it, or is not.'
  run 'netctl service ls'
  check_match 'the service has its address and four providers' "app-svc .* $SERVICE_IP .* 4\$" "$ANSWER"
  run 'netctl service explain app-svc'
  check 'four containers are providers' 4 "$(grep -c ' yes  .* labels match' <<<"$ANSWER")"
  check_match 'the client is none, and the reason is told' " $CLIENT +no .*label tier is missing" "$ANSWER"
}

story_stop() {
  STOPPED=${PROVIDERS[0]}
  say 'One provider is stopped. Its shell ignores the stop signal, so Docker lets it live for ten seconds more.'
  printf '$ docker stop %s &\n' "$STOPPED"
  quietly "docker stop $STOPPED" >/dev/null &
  STOPPING=$!
  eventually 8 'the service has three providers' 3 'netctl service inspect app-svc | grep -c endpointID'
  run 'netctl service explain app-svc'
  check_match 'the fourth drains' " $STOPPED +no .*is being stopped: no new connections, open ones live" "$ANSWER"
  say 'New connections already go to the three others.'
  connect 300
  check '300 connections are answered, 100 by each of the three' "$(in_turn 100 "${PROVIDERS[@]:1}")" "$(counts)"
}

story_preferred_ip() {
  say 'A service may ask for the address it wants.'
  run 'netctl service create app-svc-9 --network contiv-srv-net -ip 100.1.1.9 --selector=tier=web --port 80:80:TCP'
  check_match 'it has this address' 'Service IP: 100\.1\.1\.9$' "$ANSWER"
  run "docker exec $CLIENT nc -znvw 1 100.1.1.9 80"
  check_match 'the connection is accepted' 'succeeded' "$ANSWER"
  say 'An address that somebody holds is refused, and the reason is told.'
  try "netctl service create app-svc-10 --network contiv-srv-net -ip $SERVICE_IP --selector=tier=web --port 80:80:TCP"
  check 'it is refused' 'exit code 3' "exit code $CODE"
  check_match 'who holds it is told' 'held by service app-svc' "$ANSWER"
}

story_gone() {
  say 'When its ten seconds are over, Docker ends the stopped provider.'
  wait "$STOPPING" || check 'docker stop succeeds' 'exit code 0' "exit code $?"
  run 'docker ps -a --filter label=tier=web'
  check 'one of the four has ended' 1 "$(grep -c Exited <<<"$ANSWER")"
  eventually 20 'netctl knows it' 1 "netctl service explain app-svc | grep -c 'it has exited'"
  run 'netctl service explain app-svc'
  check_match 'and that is why it is no provider' " $STOPPED +no .*it has exited" "$ANSWER"
}
