#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Rates and mirrors of ports with real traffic: hosts behind NIC ports, a guest
# with TSO. Figures have wide margins: only what a limit forbids is exact.
. "$(dirname "$0")/lib.sh"

# udp_rate FROM TO ADDRESS: Mbit/s that arrive of 40 that are sent, for 3 s.
udp_rate()
{
	iperf_moves 0 "$1" "$2" "$3" -t 3 -u -b 40M -l 1200 > /dev/null || return 1
	grep -o '^[0-9]*' "$DIR/iperf.rate"
}

dropped()
{
	value ".drops[\"$2\"]" port show "$1"
}

# Frames that host hc got, from the kernel.
seen()
{
	on hc "cat /sys/class/net/eth0/statistics/rx_packets"
}

# within LEAST MOST NUMBER
within()
{
	[ "$3" -ge "$1" ] && [ "$3" -le "$2" ]
}

netvmd_start
for n in 1 2 3; do
	name=h$(cut -c $n <<< abc)
	must "host $name is put behind a veth" host_behind "$name" 10.0.1.$n/24
	must "it has a port" nv port add p$n --type nic --device net_af_packet$n,iface="$name"
done
check "ha reaches hb" reaches ha 10.0.1.2

rate=$(udp_rate ha hb 10.0.1.2)
check "without a limit UDP arrives ($rate Mbit/s)" test "$rate" -ge 20
nv port set p1 rate-bps=5M burst-bytes=100k
rate=$(udp_rate ha hb 10.0.1.2)
check "of 40 Mbit/s 5 may pass ($rate Mbit/s arrive)" within 2 6 "$rate"
check "the rest is counted on the sender's port" test "$(dropped p1 policed)" -gt 1000
check "and nothing on the receiver's" test "$(dropped p2 policed-out)" = 0
nv port show p1 | sed -n '/^limits/,/^$/p' | show
nv port set p1 rate-bps=0 rate-pps=500
rate=$(udp_rate ha hb 10.0.1.2)
check "500 packets per second are 5 Mbit/s ($rate Mbit/s arrive)" within 2 6 "$rate"
nv port set p1 rate-pps=0
nv port set p2 out-rate-bps=5M
rate=$(udp_rate ha hb 10.0.1.2)
check "a port can be sent 5 Mbit/s ($rate Mbit/s arrive)" within 2 6 "$rate"
check "the rest is counted on its port" test "$(dropped p2 policed-out)" -gt 1000
nv port set p2 out-rate-bps=0
rate=$(udp_rate ha hb 10.0.1.2)
check "without a limit all goes as before ($rate Mbit/s)" test "$rate" -ge 20

# hc's own port is in no network: it sees copies only.
nv port set p3 network=none
on ha "ping -c 50 -i 0.01 10.0.1.2" > /dev/null
before=$(seen)
on ha "ping -c 50 -i 0.01 10.0.1.2" > /dev/null
check "hc sees nothing of others' traffic" test $(($(seen) - before)) -lt 10
nv port set p1 mirror=p3 mirror-direction=in
before=$(seen)
on ha "ping -c 50 -i 0.01 10.0.1.2" > /dev/null
check "a mirror sees what a port sends ($(($(seen) - before)) frames)" \
	within 50 65 $(($(seen) - before))
nv port set p1 mirror-direction=both
before=$(seen)
on ha "ping -c 50 -i 0.01 10.0.1.2" > /dev/null
check "and with it what it is sent ($(($(seen) - before)) frames)" \
	within 100 130 $(($(seen) - before))
check "the mirror cannot be deleted" refused nv port del p3
nv port del p3 2>&1 | show
check "a circle is refused" refused nv port set p3 mirror=p1
check "the mirror's port says whose it is" test "$(value '.mirror_of[0]' port show p3)" = p1
check "traffic between the others goes on" iperf_moves 5 ha hb 10.0.1.2 -t 2
must "the daemon is restarted" netvmd_end TERM
netvmd_start
before=$(seen)
on ha "ping -c 50 -i 0.01 10.0.1.2" > /dev/null
check "the mirror is there again ($(($(seen) - before)) frames)" test $(($(seen) - before)) -ge 50

must "a guest's port is added, with a mirror" \
	nv port add a --type vhost --mirror p3 --mirror-direction both
guest_start a ip=10.0.1.9/24
must "the guest boots" guest_ready a
check "its large TCP packets reach hb, and in segments the mirror" \
	iperf_moves 5 a hb 10.0.1.2 -t 2
check "no frame was too long for the mirror" test "$(dropped p3 too-big)" = 0
nv port set a mirror=none rate-bps=4M
nv stats reset
check "TCP from the guest stays below its rate" iperf_moves 0 a hb 10.0.1.2 -t 4
check "($(cat $DIR/iperf.rate))" within 1 4 "$(grep -o '^[0-9]*' $DIR/iperf.rate)"
