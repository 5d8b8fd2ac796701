#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# An idle daemon uses under 2 % of a CPU, and the first packet after idle time
# does not wait. Guests are played by nvpeer, which sleeps.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
nvpeer=$NETVM_BUILD/tests/frontend/nvpeer

# cpu_ms: processor time that the daemon has used, user and system.
cpu_ms()
{
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' \
		"/proc/$NETVMD_PID/stat"
}

# idle_percent SECONDS: of one CPU, in tenths.
idle_tenths()
{
	local before
	before=$(cpu_ms)
	sleep "$1"
	echo $((($(cpu_ms) - before) / $1))
}

netvmd_start
sleep 1
tenths=$(idle_tenths 5)
check "without ports it uses under 2 % of a CPU ($tenths tenths)" test "$tenths" -lt 20
must "port a is added" nv port add a --type vhost
must "port b is added" nv port add b --type vhost
"$nvpeer" --socket $DIR/run/vhost/a.sock --seconds 60 --ready $DIR/a.ready hold > /dev/null &
"$nvpeer" --socket $DIR/run/vhost/b.sock --seconds 60 --ready $DIR/b.ready hold > /dev/null &
must "both guests run" wait_for 10 test -e $DIR/a.ready -a -e $DIR/b.ready
sleep 1
tenths=$(idle_tenths 5)
check "with two idle guests under 2 % ($tenths tenths)" test "$tenths" -lt 20

# Each of these pings comes after a second of idle time, and wakes the daemon
# twice: there and back.
host_behind x 10.0.0.1/24
host_behind y 10.0.0.2/24
must "port x is added" nv port add x --type nic --device net_af_packet0,iface=x
must "port y is added" nv port add y --type nic --device net_af_packet1,iface=y
must "x reaches y" reaches x 10.0.0.2
sleep 1
tenths=$(idle_tenths 5)
check "with two idle NIC ports as well under 2 % ($tenths tenths)" test "$tenths" -lt 20
on x "ping -i 1 -c 9 10.0.0.2" | sed -n 's/.*time=\([0-9.]*\).*/\1/p' | sort -n > $DIR/rtt
median=$(sed -n 5p $DIR/rtt)
check "a first packet is forwarded within 1 ms (both ways took $median ms)" \
	awk "BEGIN { exit !(\"$median\" != \"\" && $median + 0 < 2) }"
