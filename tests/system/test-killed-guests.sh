#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The daemon is killed with SIGKILL again and again, at random moments, while
# real guests send numbered datagrams to each other: one with packed rings, one
# with split rings, and one whose QEMU listens (client mode) with packed rings.
# Their drivers lose what was under way and nothing else, see nothing twice but
# after a kill, nothing out of order, and go on within 2 seconds.
# test-killed.sh does the same with nvpeer, which also counts buffers.
#
# Environment: NETVM_GUEST_KILLS  (16)
. "$(dirname "$0")/lib.sh"

kills=${NETVM_GUEST_KILLS:-16}

# numbers_start FROM TO PORT: FROM sends to TO, whose address is 10.0.0.N.
numbers_start()
{
	on "$2" "numbers recv $3 > recv.$3 2>&1 & echo \$! > recv.$3.pid"
	on "$1" "numbers send ${address[$2]} $3 > send.$3 2>&1 & echo \$! > send.$3.pid"
}

# numbers_end FROM TO PORT: what both say, in $DIR/PORT.json.
numbers_end()
{
	on "$1" "kill \$(cat send.$3.pid); sleep 1"
	on "$2" "kill \$(cat recv.$3.pid); sleep 1"
	{
		on "$1" "cat send.$3"
		on "$2" "cat recv.$3"
	} | jq -s add > "$DIR/$3.json"
}

# numbers_are JQ TEXT: for every stream.
numbers_are()
{
	local port
	for port in 1001 1002 1003 1004; do
		check "$2, stream $port" jq -e "$1" "$DIR/$port.json" || jq -c . "$DIR/$port.json" | show
	done
}

declare -A address=([a]=10.0.0.1 [b]=10.0.0.2 [c]=10.0.0.3)
netvmd_start
guest_start c ip=10.0.0.3/24 cpus=1 qemu=server socket=$DIR/c.sock device=packed=on
must "QEMU of c listens" wait_for 10 test -S $DIR/c.sock
must "port a" nv port add a --type vhost
must "port b" nv port add b --type vhost
must "port c, client mode" nv port add c --type vhost --mode client --socket $DIR/c.sock
guest_start a ip=10.0.0.1/24 cpus=1 device=packed=on
guest_start b ip=10.0.0.2/24 cpus=1
must "the guests boot" guest_ready a b c
check "a has packed rings" test "$(value .rings port show a)" = packed
check "b has split rings" test "$(value .rings port show b)" = split
check "c has packed rings" test "$(value .rings port show c)" = packed
must "a reaches b" reaches a 10.0.0.2
must "a reaches c" reaches a 10.0.0.3
# Otherwise a guest whose link was down asks for addresses first, at most once a
# second, and keeps and reorders what it sends meanwhile.
for g in a b c; do
	for other in a b c; do
		[ $g = $other ] || on $g "arp -s ${address[$other]} $(guest_mac $other)"
	done
done
booted=$(for g in a b c; do guest_run $g "cat /proc/sys/kernel/random/boot_id"; done)

numbers_start a b 1001
numbers_start b a 1002
numbers_start a c 1003
numbers_start c b 1004
sleep 2
slowest=0
for ((i = 0; i < kills; i++)); do
	since=$(now_ms)
	kill -KILL "$NETVMD_PID"
	wait "$NETVMD_PID" 2> /dev/null
	NETVMD_PID=
	netvmd_start
	took=$(($(now_ms) - since))
	[ $took -le $slowest ] || slowest=$took
	# QEMU tries again a second after the end of a connection.
	sleep "$(awk -v r=$RANDOM 'BEGIN { print 1.5 + 2 * r / 32768 }')"
done
sleep 2
numbers_end a b 1001
numbers_end b a 1002
numbers_end a c 1003
numbers_end c b 1004

numbers_are '.received > 1000 and .stalled == false' "traffic flows at the end"
numbers_are ".stalls <= $((2 * kills))" "it stalls only when the daemon is killed"
# A stall begins with the kill, the 2 seconds with the new daemon.
numbers_are ".longest_ms < 2000 + $slowest" "and goes on within 2 s (start: $slowest ms)"
numbers_are '.reordered == 0 and .corrupt == 0' "nothing is reordered or damaged"
numbers_are ".gaps <= $((2 * kills)) and .largest_gap <= .window" "no more is missing than was under way"
numbers_are ".repeated <= $kills * .window" "and no more came twice"
check "nobody was rebooted" test "$booted" = "$(
	for g in a b c; do guest_run $g "cat /proc/sys/kernel/random/boot_id"; done)"
check "no driver complains" eval "! grep -iE 'virtio_net.*(error|id .* is not a head|timed out)' $DIR/*.console.log"
jq -c '{stalls, longest_ms, most_given_up, largest_gap, repeated}' $DIR/100?.json | show
