#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A vhost peer misbehaves in every way that nvpeer knows. The daemon stays up,
# the port can be used again, and traffic between other ports is at no time
# held up for 100 ms, nor is another guest that connects.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
nvpeer=$NETVM_BUILD/tests/frontend/nvpeer

limit_ms=100

alive()
{
	! process_ended "$NETVMD_PID" && nv status
}

works_again()
{
	"$nvpeer" --socket "$DIR/run/vhost/$1.sock" --timeout 5000 info
}

# The longest time without an answer, in ms, among the pings in either direction
# since they were asked last. A slow answer counts as long as it took, missing
# ones as the time they would have filled.
declare -A lines=([x]=0 [y]=0)
gap()
{
	local host longest=0 total this
	for host in x y; do
		total=$(wc -l < "$DIR/scratch.$host/ping.${peer[$host]}")
		this=$(sed -n "$((lines[$host] + 1)),${total}p" "$DIR/scratch.$host/ping.${peer[$host]}" | longest_gap 10)
		lines[$host]=$total
		[ "$this" -le "$longest" ] || longest=$this
	done
	worst=$longest
}
declare -A peer=([x]=10.0.0.2 [y]=10.0.0.1)

# misbehave CASE: on a fresh port, so that cases do not add up to what makes the
# daemon refuse the port's connections for a while. A new socket may take a
# second to be served: the misdeed waits for that.
misbehave()
{
	nv port del h && nv port add h --type vhost && works_again h || return 1
	timeout 30 "$nvpeer" --socket "$DIR/run/vhost/h.sock" --seconds 0.2 hostile "$1"
}

netvmd_start
must "port h is added" nv port add h --type vhost
must "port v is added" nv port add v --type vhost
host_behind x 10.0.0.1/24
host_behind y 10.0.0.2/24
must "port x is added" nv port add x --type nic --device net_af_packet0,iface=x
must "port y is added" nv port add y --type nic --device net_af_packet1,iface=y
must "x reaches y" reaches x 10.0.0.2
ping_steady x 10.0.0.2 0.01
ping_steady y 10.0.0.1 0.01
sleep 5
gap
noise=$worst
echo "without an enemy, the longest gap was $noise ms" | show

for name in $("$nvpeer" list-cases | cut -d ' ' -f 1); do
	# A machine that does something else for a moment is not the daemon's
	# fault: only a gap that comes three times in a row is.
	for _ in 1 2 3; do
		gap
		misbehave "$name" > $DIR/peer.out 2>&1
		echo "$name: $(tail -n 1 $DIR/peer.out)" | show
		gap
		[ "$worst" -ge $((limit_ms + noise)) ] || break
	done
	if ! alive > $DIR/alive.out 2>&1; then
		not_ok "the daemon survives $name"
		show < $DIR/alive.out
		exit 1
	fi
	check "$name: traffic of others was not held up for $limit_ms ms ($worst ms)" \
		test "$worst" -lt $((limit_ms + noise))
	check "$name: the port can be used afterwards" wait_for 3 works_again h
done

# A header without its payload blocks the thread that reads messages: it must give
# up on it soon enough for everybody else.
quickest=99999 slowest=0
for round in 1 2 3 4 5 6; do
	[ $round -le 3 ] || {
		"$nvpeer" --socket $DIR/run/vhost/h.sock --seconds 2 hostile header-only > /dev/null 2>&1 &
		enemy=$!
		sleep 0.01
	}
	since=$(now_ms)
	works_again v > $DIR/v.out 2>&1 || not_ok "another port accepts its guest meanwhile"
	took=$(($(now_ms) - since))
	if [ $round -le 3 ]; then
		[ $took -gt $quickest ] || quickest=$took
	else
		[ $took -lt $slowest ] || slowest=$took
		kill "$enemy" 2> /dev/null
		wait "$enemy" 2> /dev/null
	fi
done
ping_gap x 10.0.0.2 0.01 > /dev/null
ping_gap y 10.0.0.1 0.01 > /dev/null
check "half a message delays another port's guest by less than $limit_ms ms ($quickest ms, then $slowest ms)" \
	test $slowest -lt $((quickest + limit_ms + noise))
echo "port h: $(value '"\(.state) \(.error // "")"' port show h)" | show

# A peer that goes on like that is kept out for a while, and then let in again.
for _ in 1 2 3 4 5 6 7 8 9 10 11; do
	"$nvpeer" --socket $DIR/run/vhost/h.sock --seconds 0.2 hostile header-only > /dev/null 2>&1
done
check "a peer that goes on like that is kept out" refused works_again h
check "and the port says why" test "$(value .state port show h)" = error
check "after some seconds it may come back" wait_for 15 works_again h
