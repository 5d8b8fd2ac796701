#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The daemon is killed with SIGKILL again and again, at random moments under
# numbered traffic, with split and with packed rings, between two devices of
# nvpeer, which knows what was under way. After every kill traffic resumes within
# 2 seconds of the daemon's start, nothing is reordered, no more is lost than was
# under way, and at the end every buffer of every ring is where it belongs.
#
# Environment: NETVM_KILLS        kills for each kind of ring with nvpeer (50)
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"

kills=${NETVM_KILLS:-50}
peer=$NETVM_BUILD/tests/frontend/nvpeer

# nap LEAST MOST: milliseconds, at random.
nap()
{
	sleep "$(awk -v a="$1" -v b="$2" -v r=$RANDOM 'BEGIN { print (a + (b - a) * r / 32768) / 1000 }')"
}

netvmd_kill()
{
	kill -KILL "$NETVMD_PID"
	wait "$NETVMD_PID" 2> /dev/null
	NETVMD_PID=
}

# Starts the daemon without waiting for it.
netvmd_spawn()
{
	setpriv --pdeathsig KILL "$NETVM_BUILD/netvmd" --config $DIR/netvmd.conf \
		--run-dir $DIR/run --state-file $DIR/state.json \
		>> $DIR/netvmd.log 2>&1 < /dev/null &
	NETVMD_PID=$!
}

# kill_again RESUMED: one kill, and a start. RESUMED prints how often traffic has
# resumed so far. Every fifth time the daemon is killed once more while guests
# connect to it. Sets took to the milliseconds from the last start to traffic.
kill_again()
{
	local before since end
	before=$($1)
	netvmd_kill
	netvmd_spawn
	killed=$((killed + 1))
	if [ $((RANDOM % 5)) = 0 ]; then
		nap 0 300
		netvmd_kill
		# It may have lived long enough for traffic to resume.
		before=$($1)
		netvmd_spawn
		killed=$((killed + 1))
	fi
	since=$(now_ms) end=$((SECONDS + 20))
	while [ "$($1)" -le "$before" ]; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.01
	done
	took=$(($(now_ms) - since))
	[ $took -le $longest ] || longest=$took
}

# --- nvpeer -----------------------------------------------------------------

# A reconnect that was under way when the daemon died again counts once.
peer_resumed()
{
	grep -c '"event": "reconnect"' $DIR/endure.out
}

# endure KIND OPTION...: NETVM_KILLS kills while nvpeer sends both ways.
endure()
{
	local kind=$1 pid end killed=0 longest=0 took
	shift
	: > $DIR/endure.out
	"$peer" --socket $DIR/run/vhost/a.sock --peer $DIR/run/vhost/b.sock --seconds 900 \
		--rate 50000 --size 300 "$@" endure \
		> $DIR/endure.out 2> $DIR/endure.err &
	pid=$!
	must "$kind: traffic flows" wait_for 10 grep -q '"event": "start"' $DIR/endure.out
	check "$kind: the port says so" test "$(value .rings port show a) rings" = "$kind"
	while [ $killed -lt "$kills" ]; do
		nap 20 600
		kill_again peer_resumed || break
	done
	kill -TERM $pid
	wait $pid
	end=$(tail -n 1 $DIR/endure.out)
	check "$kind: traffic resumes after each of $kills kills" test $killed -ge "$kills"
	check "$kind: within 2 s (at most $longest ms)" test $longest -lt 2000
	check "$kind: nothing is reordered or damaged" jq -e '[.there, .back] | all(.reordered == 0 and
		.backwards == 0 and .corrupt == 0 and .out_of_order == 0)' <<< "$end"
	check "$kind: no more is lost than was under way ($(jq .lost_most <<< "$end") of $(
		jq .window <<< "$end") frames)" jq -e '.lost_most <= .window' <<< "$end"
	check "$kind: every buffer is in its ring" \
		jq -e '[.there, .back] | all(.tx_returned and .rx_filled)' <<< "$end"
	check "$kind: nvpeer is content" jq -e .good <<< "$end" ||
		tail -n 3 $DIR/endure.out $DIR/endure.err | show
}

netvmd_start
must "port a" nv port add a --type vhost
must "port b" nv port add b --type vhost
endure "split rings"
endure "packed rings" --packed
