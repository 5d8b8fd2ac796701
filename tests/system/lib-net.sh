# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Part of lib.sh: network namespaces that stand for hosts behind a NIC port, and
# the commands that measure between any two hosts.
#
# on HOST COMMAND runs a command line on a guest, in a namespace, or, as the host
# "here", in the test's own, so that one function measures between all of them.

# host_behind NAME ADDRESS [MTU]: a namespace with the address on an interface
# "eth0"; the other end, NAME, stays in the test's namespace for a NIC port.
host_behind()
{
	local name=$1 address=$2 mtu=${3:-1500}
	ip netns add "$name" &&
		ip link add "$name" mtu "$mtu" type veth peer name eth0 mtu "$mtu" netns "$name" ||
		return 1
	# A raw socket sees frames whose checksums the sender left to the hardware,
	# and several segments in one; veth has no hardware that would finish them.
	# Our own end must also send what it is given.
	ip netns exec "$name" ethtool -K eth0 tx off tso off gso off gro off > /dev/null
	ethtool -K "$name" tx off tso off gso off gro off > /dev/null
	quiet_link "$name"
	ip -n "$name" link set lo up
	ip netns exec "$name" sysctl -qw net.ipv6.conf.eth0.accept_dad=0
	ip -n "$name" address add "$address" dev eth0
	ip -n "$name" link set eth0 up
}

# An interface that only a NIC port uses: the kernel itself says nothing on it.
quiet_link()
{
	sysctl -qw "net.ipv6.conf.$1.disable_ipv6=1"
	ip link set "$1" up
}

# Every command runs in a scratch folder of its host.
on()
{
	local host=$1
	shift
	local enter=()
	[ "$host" = here ] || enter=(ip netns exec "$host")
	if [ "$host" = here ] || [ -e "/run/netns/$host" ]; then
		mkdir -p "$DIR/scratch.$host"
		(cd "$DIR/scratch.$host" && timeout "${GUEST_TIMEOUT:-60}" \
			"${enter[@]}" bash -c "$*" < /dev/null)
	else
		guest_run "$host" "$@"
	fi
}

# reaches HOST ADDRESS [OPTION...]: at least one of five pings is answered. The
# first packets may wait for ARP and for an emulated guest.
reaches()
{
	local host=$1 address=$2
	shift 2
	local flags="$*"
	on "$host" "ping -c 1 -W 1 $flags $address || ping -c 4 -W 2 $flags $address"
}

# once_listening PORT: a command line for any host that waits until somebody listens at
# this TCP port there; on a busy machine that takes a program seconds.
once_listening()
{
	printf '%s' "for i in \$(seq 300); do" \
		" ! cat /proc/net/tcp /proc/net/tcp6 2> /dev/null |" \
		" grep -q ':$(printf %04X "$1") [0-9A-F]*:0000 0A ' || break; sleep 0.1; done"
}

# iperf HOST-A HOST-B ADDRESS-OF-B [OPTION...]: from A to B; prints the JSON
# report. The server is for this run only. Emulated guests on a busy machine need more
# time than the measurement is long.
iperf_port=5200
iperf()
{
	local from=$1 to=$2 address=$3 GUEST_TIMEOUT=${GUEST_TIMEOUT:-150}
	shift 3
	on "$to" "timeout 300 iperf3 -s -1 -p $iperf_port > iperf.log 2>&1 &
		$(once_listening "$iperf_port")" &&
		on "$from" "iperf3 -c $address -p $iperf_port --connect-timeout 30000 --json $*"
}

# iperf_moves MBIT HOST-A HOST-B ADDRESS [OPTION...]: the receiver got at least
# this many Mbit/s; small numbers, which only tell working from stuck.
iperf_moves()
{
	local least=$1 report mbit
	shift
	# A server that a failed run left behind does not get in the way.
	iperf_port=$((iperf_port + 1))
	# With --json, iperf3 may report an error and still end with status 0.
	if ! report=$(iperf "$@") || jq -e .error <<< "$report"; then
		tail -n 20 <<< "$report"
		return 1
	fi
	mbit=$(jq -r '((.end.sum_received // .end.sum).bits_per_second / 1e4 | floor) / 100' <<< "$report")
	echo "$mbit Mbit/s" | tee "$DIR/iperf.rate"
	jq --null-input --exit-status "$mbit >= $least" > /dev/null
}

# file_arrives HOST-A HOST-B ADDRESS-OF-B MEGABYTES: with the SHA-256 it left with.
file_arrives()
{
	local from=$1 to=$2 address=$3 bytes=$(($4 * 1048576)) sent got
	local GUEST_TIMEOUT=${GUEST_TIMEOUT:-150}
	# nc ends when the other side has closed, and takes an end of its own input
	# for a reason to close: the sleep keeps the receiver's open.
	on "$to" "sleep 300 | busybox nc -l -p 5999 > got & $(once_listening 5999)" || return 1
	sent=$(on "$from" "head -c $bytes /dev/urandom > sent && busybox nc $address 5999 < sent &&
		sha256sum < sent; rm -f sent" | tr '\n' ' ')
	got=$(on "$to" "sleep 0.3; stat -c %s got; sha256sum < got; rm -f got" | tr '\n' ' ')
	echo "sent $sent, got $got"
	[ -n "$sent" ] && [ "$got" = "$bytes $sent" ]
}

# ping_steady HOST ADDRESS [INTERVAL]: a ping that goes on in the background, so
# that a test can show that what happens to others leaves it alone.
ping_steady()
{
	on "$1" "ping -i ${3:-0.02} $2 > ping.$2 2>&1 & echo \$! > ping.$2.pid"
}

# ping_gap HOST ADDRESS [INTERVAL]: ends it and prints how many answers there
# were and the longest time without one, in milliseconds.
ping_gap()
{
	local interval=${3:-0.02} log
	log=$(on "$1" "kill -INT \$(cat ping.$2.pid); sleep 0.2; cat ping.$2")
	echo "$(grep -c 'seq=' <<< "$log") $(longest_gap "$(awk "BEGIN { print $interval * 1000 }")" <<< "$log")"
}

# longest_gap MS: of a ping's output, with pings so far apart: unanswered ones in
# a row, or one answer that took that long.
longest_gap()
{
	awk -v interval="$1" '
		match($0, /seq=[0-9]+/) {
			seq = substr($0, RSTART + 4, RLENGTH - 4) + 0
			match($0, /time=[0-9.]+/)
			took = substr($0, RSTART + 5, RLENGTH - 5)
			gap = n++ ? (seq - last - 1) * interval + took : took
			if (gap > max) max = gap
			last = seq
		}
		END { printf "%d\n", n ? max : 99999 }'
}
