#!/usr/bin/env bash
# Makes the captures of this folder: real Linux stacks in network namespaces, joined by veth, recorded by tcpdump at
# the guest's interface. Needs root and iproute2 tcpdump ethtool dnsmasq-base dnsutils curl iputils-ping traceroute python3.
#
#   guest "web-1" 10.0.0.5  ── gateway 10.0.0.1 / 10.0.1.1 ── peer "app" 10.0.1.20
#          fd00:10::5            fd00:10::1                      fd00:10:0:1::20
#                  └────────── neighbour 10.0.0.20, fd00:10::20 (same subnet) ──┘
#
# The addresses are those of ../vpc/default.toml, so that each capture replays through the card as it stands.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
guest=nitro-guest-$$ gateway=nitro-gw-$$ peer=nitro-peer-$$ neighbour=nitro-nb-$$
cleanup() {
  for ns in $guest $gateway $peer $neighbour; do
    ip netns pids "$ns" 2>/dev/null | xargs -r kill 2>/dev/null || true
    ip netns del "$ns" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap cleanup EXIT
for ns in $guest $gateway $peer $neighbour; do ip netns add "$ns"; ip -n "$ns" link set lo up; done
in_ns() { local ns=$1; shift; ip netns exec "$ns" "$@"; }

# One switch in the gateway's namespace for subnet a, a second link for subnet b.
ip -n $gateway link add br0 address 0a:00:00:00:00:01 type bridge mcast_snooping 0
ip -n $gateway link set br0 mtu 9001 up
link() { # namespace mac bridge-port-name
  ip link add eth0 netns "$1" address "$2" mtu 9001 type veth peer name "$3" netns $gateway mtu 9001
  in_ns "$1" ethtool -K eth0 tx off rx off tso off gso off gro off >/dev/null
  in_ns $gateway ethtool -K "$3" tx off rx off tso off gso off gro off >/dev/null
  in_ns "$1" sysctl -qw net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.addr_gen_mode=0
  ip -n "$1" link set eth0 up
  ip -n $gateway link set "$3" up
}
link $guest     0a:10:00:00:00:05 v-guest
link $neighbour 0a:10:00:00:00:20 v-nb
link $peer      0a:10:00:00:01:20 v-peer
ip -n $gateway link set v-guest master br0
ip -n $gateway link set v-nb master br0
in_ns $gateway sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0
in_ns $gateway sysctl -qw net.ipv6.conf.br0.accept_dad=0 net.ipv6.conf.v-peer.accept_dad=0
ip -n $gateway addr add 10.0.0.1/24 dev br0
ip -n $gateway -6 addr add fd00:10::1/64 dev br0 nodad
ip -n $gateway addr add 10.0.1.1/24 dev v-peer
ip -n $gateway -6 addr add fd00:10:0:1::1/64 dev v-peer nodad
address() { # namespace v4 v6 gateway4 gateway6
  ip -n "$1" addr add "$2/24" dev eth0
  ip -n "$1" -6 addr add "$3/64" dev eth0 nodad
  ip -n "$1" route add default via "$4"
  ip -n "$1" -6 route add default via "$5"
}
address $guest     10.0.0.5  fd00:10::5       10.0.0.1 fd00:10::1
address $neighbour 10.0.0.20 fd00:10::20      10.0.0.1 fd00:10::1
address $peer      10.0.1.20 fd00:10:0:1::20  10.0.1.1 fd00:10:0:1::1
sleep 2

record() { # name, then the commands on standard input, run by bash with the namespaces in the environment
  ip -n $guest neigh flush all; ip -n $neighbour neigh flush all; ip -n $gateway neigh flush all; ip -n $peer neigh flush all
  ip netns exec $guest tcpdump -q -U -s 0 -i eth0 -w "$work/$1.pcap" 2>/dev/null &
  local dump=$!
  sleep 0.7
  bash -euo pipefail -s
  sleep 0.7
  kill -INT $dump; wait $dump 2>/dev/null || true
  mv "$work/$1.pcap" "$1.pcap"
}
export guest gateway peer neighbour work
in_ns $peer python3 - "$work" <<'PY' &
import http.server, sys, os
os.chdir(sys.argv[1])
open("small", "w").write("hello from the VPC\n" * 20)
open("bulk", "wb").write(bytes(i * 7 % 251 for i in range(96 * 1024)))
class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("10.0.1.20", 8080), Handler).serve_forever()
PY
in_ns $peer dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --listen-address=10.0.1.20 --bind-interfaces \
  --address=/db.prod.internal/10.0.1.21 --address=/web.prod.internal/fd00:10::5 --txt-record=long.prod.internal,"$(printf 'x%.0s' {1..200})" >/dev/null 2>&1 &
sleep 1

for ns in $guest $neighbour $peer; do in_ns $ns ip link set eth0 mtu 1500; done
record tcp-bulk <<'END'
ip netns exec $guest curl -s -o /dev/null http://10.0.1.20:8080/bulk
END
record http-short <<'END'
for i in $(seq 8); do ip netns exec $guest curl -s -o /dev/null http://10.0.1.20:8080/small; done
END
record dns <<'END'
for name in db.prod.internal web.prod.internal missing.example; do
  ip netns exec $guest dig +tries=1 +time=1 @10.0.1.20 $name A >/dev/null || true
done
ip netns exec $guest dig +tries=1 +time=1 @10.0.1.20 long.prod.internal TXT >/dev/null
ip netns exec $guest dig +tries=1 +time=1 @10.0.1.20 web.prod.internal AAAA >/dev/null
END
record ping <<'END'
ip netns exec $guest ping -q -c 3 -i 0.2 10.0.1.20 >/dev/null
ip netns exec $guest ping -q -c 2 -i 0.2 10.0.0.20 >/dev/null
ip netns exec $neighbour ping -q -c 2 -i 0.2 10.0.0.5 >/dev/null
ip netns exec $guest ping -q -c 2 -i 0.2 -Q 0x2a 10.0.0.20 >/dev/null
END
record ping-fragmented <<'END'
ip netns exec $guest ping -q -c 2 -i 0.2 -s 4000 10.0.0.20 >/dev/null
ip netns exec $guest ping -6 -q -c 2 -i 0.2 -s 4000 fd00:10::20 >/dev/null
END
record ping6 <<'END'
ip netns exec $guest ping -6 -q -c 3 -i 0.2 fd00:10::20 >/dev/null
ip netns exec $guest ping -6 -q -c 3 -i 0.2 fd00:10:0:1::20 >/dev/null
ip netns exec $neighbour ping -6 -q -c 2 -i 0.2 fd00:10::5 >/dev/null
END
record traceroute <<'END'
ip netns exec $guest traceroute -n -q 1 -w 1 10.0.1.20 >/dev/null
ip netns exec $guest traceroute -n -q 1 -w 1 -I 10.0.1.20 >/dev/null
ip netns exec $guest traceroute -6 -n -q 1 -w 1 fd00:10:0:1::20 >/dev/null
ip netns exec $guest nc -u -w 1 10.0.1.20 9 <<<closed || true
END
record arp-nd <<'END'
ip netns exec $guest ping -q -c 1 10.0.0.1 >/dev/null
ip netns exec $guest ping -q -c 1 10.0.0.20 >/dev/null
ip netns exec $guest ping -q -c 1 -W 1 10.0.0.77 >/dev/null || true
ip netns exec $guest ping -6 -q -c 1 fd00:10::1 >/dev/null
ip netns exec $guest ping -6 -q -c 1 fd00:10::20 >/dev/null
ip netns exec $guest ping -6 -q -c 1 -W 1 fd00:10::77 >/dev/null || true
END
for ns in $guest $neighbour $peer; do in_ns $ns ip link set eth0 mtu 9001; done
record jumbo <<'END'
ip netns exec $guest curl -s -o /dev/null http://10.0.1.20:8080/bulk
ip netns exec $guest ping -q -c 1 -s 8973 -M do 10.0.0.20 >/dev/null
END
ls -l ./*.pcap
