# What the hosts are connected by: a bridge in a namespace of its own, "wire", that has no other link.

in_wire() { nsenter --target "$(<"$LAB_RUN/wire/pid")" --net -- "$@"; }

# Larger than any link's: a bridge that was told its MTU keeps it, and passes on what fits the port.
wire_up() {
  host_hold wire
  in_wire ip -batch - <<'IP'
link add br0 mtu 9600 type bridge
link set br0 up
IP
}

wire_disconnected() { ! in_wire ip link show "$1" >/dev/null 2>&1; }

# wire_connect HOST: a veth pair from the host's eth0 to a port of the bridge, named as the host.
wire_connect() {
  local host=$1 pid
  pid=$(<"$LAB_RUN/$host/pid")
  in_wire ip -batch - <<IP
link add $host mtu $MTU type veth peer name eth0 mtu $MTU netns $pid
link set $host master br0 up
IP
  nsenter --target "$pid" --net -- ip -batch - <<IP
address add $LAB_PREFIX.${host#h}/24 dev eth0
link set eth0 up
IP
}
