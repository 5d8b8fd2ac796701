#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A vhost peer misbehaves in every way that nvpeer knows. The daemon stays up,
# the port can be used again, and traffic between other ports is at no time
# held up for 100 ms, nor is another guest that connects.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
nvpeer=$NETVM_BUILD/tests/frontend/nvpeer

# What scheduling on a busy machine adds is measured first, without the enemy.
limit_ms=100

alive()
{
	! process_ended "$NETVMD_PID" && nv status
}

works_again()
{
	"$nvpeer" --socket "$DIR/run/vhost/$1.sock" --timeout 5000 info
}

# The longest time without an answer among both hosts' pings.
gap()
{
	local a b answers
	read -r answers a < <(ping_gap x 10.0.0.2 0.01)
	[ "${answers:-0}" -gt 100 ] || { echo 99999; return; }
	read -r _ b < <(ping_gap y 10.0.0.1 0.01)
	echo $((a > b ? a : b))
}

pings()
{
	ping_steady x 10.0.0.2 0.01
	ping_steady y 10.0.0.1 0.01
}

netvmd_start
must "port h is added" nv port add h --type vhost
must "port v is added" nv port add v --type vhost
host_behind x 10.0.0.1/24
host_behind y 10.0.0.2/24
must "port x is added" nv port add x --type nic --device net_af_packet0,iface=x
must "port y is added" nv port add y --type nic --device net_af_packet1,iface=y
must "x reaches y" reaches x 10.0.0.2
pings
sleep 5
noise=$(gap)
echo "without an enemy, the longest gap is $noise ms" | show

pings
for name in $("$nvpeer" list-cases | cut -d ' ' -f 1); do
	timeout 30 "$nvpeer" --socket $DIR/run/vhost/h.sock --seconds 0.3 hostile "$name" 2>&1 |
		tail -n 2 | show
	if ! alive > $DIR/alive.out 2>&1; then
		not_ok "the daemon survives $name"
		show < $DIR/alive.out
		exit 1
	fi
	if ! wait_for 3 works_again h; then
		# A port that had to be given up comes back when its operator says so.
		nv port set h enabled=no > /dev/null && nv port set h enabled=yes > /dev/null
	fi
	check "the port works after $name" works_again h
done
longest=$(gap)
check "other ports were never held up for $limit_ms ms ($longest ms; $noise ms of it is noise)" \
	test "$longest" -lt $((limit_ms + noise))

# Half a message blocks the thread that reads messages: it must give up on it
# soon enough for everybody else.
quickest=99999 slowest=0
for round in 1 2 3 4 5 6; do
	[ $round -le 3 ] || {
		"$nvpeer" --socket $DIR/run/vhost/h.sock --seconds 2 hostile half-message > /dev/null 2>&1 &
		enemy=$!
		sleep 0.05
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
check "half a message delays another port's guest by less than $limit_ms ms ($quickest ms, then $slowest ms)" \
	test $slowest -lt $((quickest + limit_ms + noise))
echo "port h: $(value '"\(.state) \(.error // "")"' port show h)" | show
nv --json port show h | jq -c .drops | show
