#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The control plane from end to end, without a guest: every command, what is
# refused and how, hostile clients of the control socket, and what an idle daemon
# costs.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-control.sh"

cat > $DIR/netvmd.conf << 'CONF'
[workers]
poll = adaptive
[memory]
hugepages = never
packet-memory = 32M
[sockets]
owner = nobody
group = daemon
mode = 0660
[network blue]
ageing-s = 60
[port cfg1]
type = vhost
network = blue
vlan = 7
CONF

# --- every command -------------------------------------------------------------

netvmd_start
check "status as JSON" holds $DIR/run .run_dir status
check "status names the daemon's process" holds $NETVMD_PID .pid status
check "status for people" nv status
check "a port of the config is there" holds "vhost waiting blue 7 config" \
	'"\(.type) \(.state) \(.network) \(.vlan) \(.persistent)"' port show cfg1
check "a network of the config is there" holds 60 .ageing_s network show blue
check "the network default is there" holds builtin .persistent network show default

check "network add" nv network add red --ageing-s 30 --max-macs 100 --storm-pps 1000
check "network show" holds "30 100 1000" '"\(.ageing_s) \(.max_macs) \(.storm_pps)"' network show red
check "network set" nv network set red ageing-s=40 storm-pps=0
check "network set changed it" holds "40 0" '"\(.ageing_s) \(.storm_pps)"' network show red
check "network list" holds "blue default red" '[.networks[].name] | sort | join(" ")' network list
check "network fdb" holds 0 '.entries | length' network fdb red
check "port add, server mode" nv port add vm1 --type vhost --network red --vlan 10 --queues 4 \
	--guard mac=52:54:00:00:00:01,ip=10.0.0.1 --mtu 9000
check "port show" holds "waiting server 4 9000 10" \
	'"\(.state) \(.mode) \(.queues.configured) \(.mtu) \(.vlan)"' port show vm1
check "port show has no rings and no memory of a guest that is not there" holds "false false false" \
	'"\(has("rings")) \(has("ring_sizes")) \(has("numa_node"))"' port show vm1
check "port show names the socket" holds $DIR/run/vhost/vm1.sock .socket port show vm1
check "port show has counters" holds "0 0 0 0" \
	'.counters | "\(.rx_packets) \(.rx_bytes) \(.tx_packets) \(.tx_bytes)"' port show vm1
check "port show has drops by reason" holds number '[.drops[] | type] | unique | .[]' port show vm1
check "port show for people" nv port show vm1
check "port add, client mode" nv port add vm2 --type vhost --mode client \
	--socket $DIR/run/vhost/q.sock --trunk 10,20-22,untagged
check "a client port waits for QEMU" holds "waiting client" '"\(.state) \(.mode)"' port show vm2
host_behind h0 10.1.0.2/24
check "port add, NIC" nv port add up0 --type nic --device net_af_packet0,iface=h0 --network red
check "the NIC port is up" wait_for 5 port_is up0 up
check "port show of a NIC" holds true '.driver != null and .mac != null and .link.up' port show up0

# A number of queues holds, or is refused.
queues_are()
{
	holds "$1" '"\(.queues.configured) \(.queues.running)"' port show x && nv port del x
}
host_behind h1 10.1.1.2/24
must "a virtual NIC with two queues" nv port add x --type nic \
	--device net_af_packet1,iface=h1,qpairs=2 --queues 2
check "runs with two" queues_are "2 2"
must "and without being asked" nv port add x --type nic --device net_af_packet1,iface=h1,qpairs=2
check "too" queues_are "0 2"
must "net_tap makes three" nv port add x --type nic --device net_tap0,iface=t0 --queues 3
check "that run" queues_are "3 3"

# DPDK's telemetry socket takes one packet per question. Its folder is named
# after the run directory.
telemetry()
{
	local socket
	for socket in /var/run/dpdk/netvm-*/dpdk_telemetry.v2; do
		[ "$(lsof_pid "$socket")" != "$NETVMD_PID" ] || break
	done
	{ printf %s "$1"; sleep 0.3; } | timeout 3 socat - "UNIX-CONNECT:$socket,type=5"
}
# The process that made a listening Unix socket.
lsof_pid()
{
	timeout 3 socat -u "UNIX-CONNECT:$1,type=5" - < /dev/null | jq -r .pid
}
telemetry_says() { telemetry "$1" | grep -F -- "$2"; }
check "telemetry lists ports" wait_for 3 telemetry_says /netvm/ports '"vm1"'
check "telemetry counts a port" telemetry_says /netvm/port,vm1 '"rx_packets":0'
check "telemetry counts a worker" telemetry_says /netvm/worker,0 '"idle_cycles"'
must "a group" nv group add told --pool-size 1M
check "telemetry lists groups" wait_for 3 telemetry_says /netvm/groups '"told"'
check "telemetry counts a pool" telemetry_says /netvm/group,told '"with_guests":0'
must "the group goes" nv group del told
check "telemetry knows no other port" telemetry_says /netvm/port,nobody '{"/netvm/port":null}'
check "port list" holds "cfg1 up0 vm1 vm2" '[.ports[].name] | sort | join(" ")' port list
check "port set" nv port set vm1 vlan=11 mtu=1400 guard=none network=blue enabled=no
check "port set changed it" holds "down 11 1400 null blue" \
	'"\(.state) \(.vlan) \(.mtu) \(.guard) \(.network)"' port show vm1
check "port set trunk" nv port set vm1 trunk=5-6 enabled=yes
check "a trunk has no access VLAN" holds "5-6 null" '"\(.trunk) \(.vlan)"' port show vm1
check "stats" holds "cfg1 up0 vm1 vm2" '[.ports[].name] | sort | join(" ")' stats
check "stats of a port" holds vm1 '[.ports[].name] | join(" ")' stats vm1
check "stats for people" nv stats
check "stats --watch ends well on a signal" timeout --preserve-status -s INT 2 \
	"$NETVM_BUILD/netvmctl" --run-dir $DIR/run stats --watch
check "stats reset" nv stats reset
check "worker list" holds true '.workers | length > 0 and
	all(has("cpu") and has("state") and has("packets") and has("busy_cycles") and
	has("idle_cycles"))' worker list
check "worker list for people" nv worker list
check "config check" nv config check $DIR/netvmd.conf

# --- sockets ---------------------------------------------------------------------

check "the control socket is root's alone" [ "$(mode_of $DIR/run/control.sock)" = "600 root:root" ]
check "vhost sockets are as [sockets] says" \
	[ "$(mode_of $DIR/run/vhost/vm1.sock)" = "660 nobody:daemon" ]
check "another user is told why" gives 1 "you may not" setpriv --reuid 65534 --regid 65534 \
	--clear-groups "$NETVM_BUILD/netvmctl" --run-dir $DIR/run status

# --- refused commands ------------------------------------------------------------

refuses 'vm1' port add vm1 --type vhost
refuses 'red' network add red
refuses 'vhost' port add x --type tap
refuses 'type' port add x
refuses 'green' port add x --type vhost --network green
refuses 'green' port set vm1 network=green
refuses '4094' port add x --type vhost --vlan 4095
refuses 'vlan' port add x --type vhost --vlan ten
refuses 'trunk' port add x --type vhost --vlan 1 --trunk 2
refuses 'trunk' port add x --type vhost --trunk 9-5
refuses 'guard' port add x --type vhost --guard mac=zz
refuses '9216' port add x --type vhost --mtu 9217
refuses '16' port add x --type vhost --queues 17
refuses 'queues' port add x --type vhost --queues 99999999999999999999
refuses 'device' port add x --type nic
refuses 'mode' port add x --type nic --mode server --device net_null0
refuses 'device' port add x --type vhost --device net_null0
refuses 'mode' port add x --type vhost --mode both
refuses 'enabled' port set vm1 enabled=maybe
refuses 'mode' port set vm1 mode=client
refuses 'queues' port set vm1 queues=2
refuses 'no-such' port set vm1 no-such=2
refuses 'mirror: ' port set vm1 mirror=
refuses 'network: ""' port set vm1 network=
refuses '9216' port set vm1 vlan=99 mtu=9999
refuses 'name' port add ../x --type vhost
refuses 'name' port add '' --type vhost
refuses 'name' port add "$(printf 'n%.0s' {1..32})" --type vhost
refuses 'none' network add none
refuses 'ageing' network add x --ageing-s 1
refuses 'max' network add x --max-macs 1
refuses 'vm9' port show vm9
refuses 'vm9' port del vm9
refuses 'vm9' port set vm9 mtu=1500
refuses 'vm9' stats vm9
refuses 'green' network show green
refuses 'green' network fdb green
refuses 'green' network del green
refuses 'port' network del red
refuses 'max' network set red max-macs=200
refuses 'cfg1' port del cfg1
refuses 'blue' network del blue
refuses '107' port add x --type vhost --socket "/run/$(printf 'p%.0s' {1..110})"
refuses 'absolute' port add x --type vhost --socket q.sock
refuses 'nosuch' port add x --type vhost --socket /nosuch/q.sock
socat "UNIX-LISTEN:$DIR/taken.sock,fork" - > /dev/null 2>&1 < /dev/null &
wait_for 5 [ -S $DIR/taken.sock ]
refuses 'taken.sock' port add x --type vhost --socket $DIR/taken.sock
echo precious > $DIR/file
refuses "$DIR/file" port add x --type vhost --socket $DIR/file
check "a file in the way is left alone" grep -q precious $DIR/file
refuses 'vm1.sock' port add x --type vhost --socket $DIR/run/vhost/vm1.sock
refuses 'nosuch0' port add x --type nic --device net_af_packet7,iface=nosuch0
refuses 'net_nosuch0' port add x --type nic --device net_nosuch0
refuses '0000:7f:1f.7' port add x --type nic --device 0000:7f:1f.7
refuses 'net_af_packet0' port add x --type nic --device net_af_packet0,iface=h0
refuses 'queues=2, but' port add x --type nic --device net_af_packet1,iface=h1 --queues 2
refuses 'queues=1, but' port add x --type nic --device net_af_packet1,iface=h1,qpairs=2 --queues 1
check "its device is free again" nv port add x --type nic --device net_af_packet1,iface=h1 --queues 1
must "and goes" nv port del x
refuses 'at most 8' port add x --type nic --bond lacp --device "$(printf 'net_null%d ' {0..8})"
refuses 'bond is missing' port add x --type nic --device "net_null0 net_null1"
refuses 'only 1 device' port add x --type nic --bond active-backup --device net_null0
refuses 'named twice' port add x --type nic --bond active-backup --device "net_null0 net_null0"
for device in net_bonding0 vdev:net_bonding0 eth_bond0; do
	refuses 'bond=active-backup' port add x --type nic --device "$device,mode=1,slave=net_af_packet0"
done
refuses 'bond=active-backup' port add x --type nic --device "net_failsafe0,dev(net_af_packet0)"
for device in bus=vdev,name=net_null4 class=eth,name=net_null4 bus=vdev,name=net_null4/class=eth \
	net_null4/bus=vdev,name=net_null5 /bus=vdev,name=net_null4; do
	refuses 'give its name first' port add x --type nic --device "$device"
done
check "none of them was opened" nv port add x --type nic --device net_null4
must "that goes again" nv port del x
check "slashes elsewhere are no layers" gives 1 "could not open" nv port add x --type nic \
	--device "net_pcap4,rx_pcap=$DIR/nosuch/x.pcap,tx_pcap=$DIR/y.pcap"
for round in 1 2; do
	check "a device behind the name of its bus ($round)" nv port add x --type nic --device vdev:net_null0
	check "it goes with its port ($round)" nv port del x
done
socat -u OPEN:/dev/null "UNIX-LISTEN:$DIR/stale.sock,unlink-close=0" 2> /dev/null &
stale=$!
wait_for 5 [ -S $DIR/stale.sock ]
kill -KILL $stale
check "a socket that nobody serves any more is taken over" \
	nv port add x --type vhost --socket $DIR/stale.sock
check "port del" nv port del x
check "port del removes the socket" [ ! -e $DIR/stale.sock ]

printf '[port lost]\ntype = nic\ndevice = net_nosuch1\n' >> $DIR/netvmd.conf
kill -HUP $NETVMD_PID
check "a port that cannot be is kept in error" wait_for 5 port_is lost error
check "its error does not name it again" holds true '.error | startswith("DPDK could not")' port show lost
check "and in the log" grep -q 'port lost: error: DPDK could not open device "net_nosuch1"' $DIR/netvmd.log
check "and to who wants to capture" \
	gives 1 'port "lost" is in error, so it has no traffic: DPDK' nv capture lost $DIR/x

# --- hostile clients -------------------------------------------------------------

rss()
{
	sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' /proc/$NETVMD_PID/status
}
cost_little()
{
	echo "the daemon grew from $rss_before to $(rss) kB"
	[ $(($(rss) - rss_before)) -lt 30000 ]
}

check "what is not JSON" rpc_code -32700 'hello'
check "half of an object" rpc_code -32700 '{"jsonrpc":"2.0","id":1,'
check "what is not UTF-8" rpc_code -32700 $'{"jsonrpc":"2.0","id":1,"method":"\xff"}'
check "deep nesting" rpc_code -32700 "$(printf '[%.0s' {1..100000})"
check "no request" rpc_code -32600 '[]'
check "another version" rpc_code -32600 '{"jsonrpc":"1.0","id":1,"method":"status"}'
check "a method that is no name" rpc_code -32600 '{"jsonrpc":"2.0","id":1,"method":7}'
check "an unknown method" rpc_code -32601 '{"jsonrpc":"2.0","id":1,"method":"port.eat"}'
check "positional parameters" rpc_code -32602 '{"jsonrpc":"2.0","id":1,"method":"port.show","params":["vm1"]}'
check "an unknown parameter" rpc_code -32602 '{"jsonrpc":"2.0","id":1,"method":"status","params":{"x":1}}'
check "a parameter of another type" rpc_code -32602 '{"jsonrpc":"2.0","id":1,"method":"port.show","params":{"name":{}}}'
check "a missing parameter" rpc_code -32602 '{"jsonrpc":"2.0","id":1,"method":"port.show"}'
head -c 1500000 /dev/zero | tr '\0' x > $DIR/long
check "a line of 1.5 MB" [ "$( (cat $DIR/long; echo) | socat -t 3 - "UNIX-CONNECT:$DIR/run/control.sock" 2> /dev/null |
	head -n 1 | jq -r .error.code)" = -32700 ]
rss_before=$(rss)
head -c 100000000 /dev/zero | tr '\0' x | socat -u - "UNIX-CONNECT:$DIR/run/control.sock" 2> /dev/null
check "a line of 100 MB without an end costs no memory" cost_little
for _ in $(seq 8); do
	(printf '{"jsonrpc":"2.0",'; sleep 60) | socat - "UNIX-CONNECT:$DIR/run/control.sock" > /dev/null 2>&1 &
done
check "clients that send half a line and stay delay nobody" alive
rss_before=$(rss)
yes '{"jsonrpc":"2.0","id":1,"method":"port.list","params":{}}' |
	socat -u - "UNIX-CONNECT:$DIR/run/control.sock" > /dev/null 2>&1 &
deaf=$!
sleep 1
check "a client that reads nothing delays nobody" alive
check "a client that reads nothing is dropped" wait_for 20 process_ended $deaf
check "and cost little memory" cost_little
for _ in $(seq 80); do
	sleep 60 | socat - "UNIX-CONNECT:$DIR/run/control.sock" > /dev/null 2>&1 &
done
sleep 0.5
check "80 silent clients keep nobody out" alive
jobs -p | grep -vx "$NETVMD_PID" | xargs -r kill 2> /dev/null

# --- an idle daemon ----------------------------------------------------------------

# utime and stime of all its threads, in ticks.
cpu_ticks()
{
	sed 's/.*) //' /proc/$NETVMD_PID/stat | awk '{ print $12 + $13 }'
}

for i in $(seq 8); do
	must "port idle$i" nv port add "idle$i" --type vhost --network blue
done
sleep 1
before=$(cpu_ticks)
sleep 5
ticks=$(($(cpu_ticks) - before))
percent=$(awk -v t=$ticks -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.1f", 100 * t / hz / 5 }')
check "idle with $(value '.ports' status) ports it takes $percent % of a CPU, less than 2" \
	awk -v p="$percent" 'BEGIN { exit !(p < 2) }'
nv stats reset
on h0 "ping -c 8 -i 0.25 -W 1 10.1.0.9" > /dev/null
check "a worker that sleeps between packets is not busy" holds true \
	'.workers | (map(.packets) | add) > 0 and (map(.busy_cycles) | add) < (map(.idle_cycles) | add) / 10' \
	worker list
sleep 0.2
check "its workers sleep" holds sleeping '[.workers[].state] | unique | join(" ")' worker list
