#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# DPDK's testpmd on shm ports, as a host process: all of its forwarding modes, one and
# several queue pairs, what passes without a copy, ports closed and opened again, and what
# becomes of its buffers when it is killed. The daemon is killed under it, too.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"

driver=$NETVM_BUILD/guest-pmd/pmd/librte_net_netvm.so
[ -e "$driver" ] || {
	skip "testpmd on shm ports" "the driver is not built; ci/driver-sdk says how"
	exit 0
}
# EAL loads drivers only from folders that nobody else can write.
cp "$driver" $DIR/driver.so
testpmd_pid=

# testpmd NAME PORTS OPTION...: in the foreground; commands come from stdin.
testpmd()
{
	local name=$1 port n=0 devices=()
	for port in $2; do
		devices+=(--vdev "net_netvm$n,transport=unix:$DIR/run/shm/$port")
		n=$((n + 1))
	done
	shift 2
	# Lines as they come, for those who wait for one.
	exec setpriv --pdeathsig KILL stdbuf -oL dpdk-testpmd --lcores '0@0,1@1' --no-pci --no-huge \
		-m 256 --no-telemetry --file-prefix "pmd$name" -d $DIR/driver.so "${devices[@]}" \
		-- -i --total-num-mbufs=8192 "$@" > "$DIR/$name.log" 2>&1
}

# counted NAME RX|TX PORTS: so many ports have seen more than 1000 packets, by what
# testpmd showed last.
counted()
{
	[ "$(grep -o "$2-packets: [0-9]*" "$DIR/$1.log" | tail -n "$3" | awk '$2 > 1000' |
		wc -l)" = "$3" ]
}

# commands NAME RX|TX PORTS START: lets it run until that has been counted, shows its
# counters and ends it.
commands()
{
	local i
	wait_for 60 grep -q '^testpmd>' "$DIR/$1.log"
	echo "$4"
	for ((i = 0; i < 100; i++)); do
		echo "show port stats all"
		sleep 0.3
		! counted "$1" "$2" "$3" || break
	done
	echo "stop"
	wait_for 60 grep -q '^Done' "$DIR/$1.log"
	echo "show port stats all"
	echo "show port xstats all"
	sleep 0.5
	echo "quit"
}

# forwards MODE OPTION...: two ports that forward to each other; both have to receive.
forwards()
{
	local mode=$1
	shift
	: > $DIR/two.log
	commands two RX 2 "start tx_first 2" | (testpmd two "a b" --forward-mode="$mode" "$@") ||
		{ tail -n 20 $DIR/two.log; return 1; }
	grep 'RX-packets' $DIR/two.log | tail -n 2
	counted two RX 2
}

# Says the numbers when it fails.
all_back()
{
	wait_for 5 pool_full blue || pool_full blue
}

# counter NAME LOG: the last value that testpmd showed.
counter()
{
	sed -n "s/^$1: //p" "$DIR/$2.log" | tail -n 1
}

# testpmd_start PORT OPTION...: in the background, forwarding; its counters come with TERM.
testpmd_start()
{
	local port=$1
	shift
	: > $DIR/one.log
	(testpmd one "$port" --auto-start --port-topology=loop "$@" < <(exec sleep 300)) &
	testpmd_pid=$!
	# What comes between its probing the port and its start is not for it.
	wait_for 60 grep -q 'forwards packets' $DIR/one.log && wait_for 60 port_up "$port"
}
port_up()
{
	[ "$(value .state port show "$1")" = up ]
}
testpmd_end()
{
	kill "-$1" "$testpmd_pid"
	wait "$testpmd_pid" 2> /dev/null
	testpmd_pid=
	true
}

netvmd_start
must "a group" nv group add blue --pool-size 16M
must "ports a and b, forwarding to each other" shm_pair blue a b --ring-size 256
for mode in io mac macswap flowgen csum noisy 5tswap shared-rxq; do
	check "testpmd forwards, mode $mode" forwards $mode
done
check "all buffers are back" all_back

# --- one port, another member at its other end -----------------------------------

must "testpmd on b sends back what it receives" testpmd_start b --forward-mode=io
comes_back()
{
	peer a traffic --size "$1" --count 2000 --seconds 30 --rate 4000 --inflight 60 > $DIR/a.peer.log
	peer_holds a '.received >= 2000 and .corrupt == 0 and .lost == 0 and .reordered == 0'
}
check "frames of 60 bytes come back whole, in order" comes_back 60
check "frames of 1514 bytes, too" comes_back 1514
check "a second client is refused" refused peer b info
kill -KILL "$NETVMD_PID"
wait "$NETVMD_PID" 2> /dev/null
NETVMD_PID=
netvmd_start
check "the daemon was killed: testpmd goes on" eval 'wait_for 60 port_up b && comes_back 300'
check "testpmd is killed" testpmd_end KILL
check "its buffers are back" all_back
must "another one takes its place" testpmd_start b --forward-mode=io
check "and forwards" comes_back 200
check "it ends in order" testpmd_end TERM
check "not one buffer is missing" all_back

# --- receive only, transmit only, copies ------------------------------------------------

receives_only()
{
	: > $DIR/rx.log
	commands rx RX 1 "start" | (testpmd rx b --forward-mode=rxonly) &
	wait_for 60 grep -q 'forwards packets' $DIR/rx.log || return 1
	peer a traffic --rate 4000 --seconds 3 --size 500 > /dev/null
	wait $!
	grep 'RX-packets' $DIR/rx.log | tail -n 1
	counted rx RX 1 &&
		[ "$(counter rx_attached_buffers rx)" = "$(counter returned_buffers rx)" ]
}
check "testpmd only receives, and every buffer comes back" receives_only
sends_only()
{
	: > $DIR/tx.log
	commands tx TX 1 "start" | (testpmd tx b --forward-mode=txonly --txpkts=64,64) || return 1
	echo "$(counter tx_copied_packets tx) copied, $(counter tx_refused_packets tx) refused"
	[ "$(counter tx_copied_packets tx)" -gt 1000 ] &&
		[ "$(counter tx_refused_packets tx)" = 0 ]
}
check "testpmd only sends, in two pieces" sends_only
no_copy()
{
	: > $DIR/zero.log
	# Its own two bursts are copied; from then on they go round without.
	peer_start a echo || return 1
	commands zero RX 1 "start tx_first 2" |
		(testpmd zero b --forward-mode=io --port-topology=loop) || return 1
	peer_end a
	echo "$(counter tx_zero_copy_packets zero) without a copy, $(counter tx_copied_packets zero) with"
	[ "$(counter tx_zero_copy_packets zero)" -gt 1000 ] &&
		[ "$(counter tx_copied_packets zero)" -le 64 ]
}
check "what is received and sent again is not copied" no_copy

# --- a program that answers -------------------------------------------------------------------

must "a host behind a NIC port" host_behind host1 10.1.0.2/24
must "the NIC port" nv port add nic1 --type nic --device net_af_packet0,iface=host1
must "a port in its network" nv port add c --type shm --group blue
must "testpmd answers there" testpmd_start c --forward-mode=icmpecho
check "ping, mode icmpecho" reaches host1 10.1.0.1
check "ping of 1400 bytes, too" reaches host1 10.1.0.1 -s 1400
check "it ends in order" testpmd_end TERM
must "the NIC port goes" nv port del nic1

# --- closed, opened again, another MTU, all in one run -----------------------------------------

again()
{
	local line
	: > $DIR/again.log
	{
		wait_for 60 grep -q '^testpmd>' $DIR/again.log
		while read -r line; do
			echo "$line"
			sleep 0.3
		done <<-END
			port stop 0
			port config mtu 0 1400
			mac_addr set 0 02:11:22:33:44:55
			port start 0
			port stop 0
			port detach 0
			port attach net_netvm0,transport=unix:$DIR/run/shm/c
			port start 0
			port stop 0
			port close 0
			device detach net_netvm0
			port attach net_netvm0,transport=unix:$DIR/run/shm/c
			port start 0
			port attach net_netvm1,transport=unix:$DIR/run/shm/c
			show port info 0
			quit
		END
	} | (testpmd again c)
	grep -E 'attach|Link status|MTU|MAC address' $DIR/again.log
	[ "$(grep -c 'is attached' $DIR/again.log)" = 2 ] &&
		grep -q '^Port 0: 02:11:22:33:44:55' $DIR/again.log &&
		grep -q 'has another client' $DIR/again.log && grep -q 'Link status: up' $DIR/again.log
}
check "a port is closed and opened again, twice" again
check "all buffers are back" all_back

# --- several queue pairs ---------------------------------------------------------------------

for port in a b; do
	must "port $port goes" nv port del $port
done
must "ports with 4 queue pairs" shm_pair blue a b --ring-size 256 --queues 4
check "testpmd with 4 queues" forwards flowgen --rxq=4 --txq=4
check "and 2 for receiving, 4 for sending" forwards flowgen --rxq=2 --txq=4
check "not one buffer is missing" all_back
