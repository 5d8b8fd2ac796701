#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two stock guests on one network, one with packed and one with split rings: ping, TCP, UDP and a file, over IPv4 and IPv6,
# with and without offloads, with MTU 1500 and 9000.
. "$(dirname "$0")/lib.sh"

# average_frame PORT: bytes per packet that came from the guest since the last
# reset.
average_frame()
{
	value '.counters | if .rx_packets > 0 then .rx_bytes / .rx_packets | floor else 0 end' \
		port show "$1"
}

segments_pass_whole()
{
	average_frame a
	[ "$(average_frame a)" -gt 2000 ]
}

frames_fit()
{
	average_frame a
	[ "$(average_frame a)" -le $(($1 + 18)) ]
}

offloads()
{
	local guest
	for guest in a b; do
		guest_run $guest "ethtool -K net0 tx $1 sg $1 tso $1 gso $1 gro $1 > /dev/null" || return 1
	done
}

mtu()
{
	guest_run a "ip link set net0 mtu $1" && guest_run b "ip link set net0 mtu $1"
}

netvmd_start
must "port a is added" nv port add a --type vhost --mtu 9000
must "port b is added" nv port add b --type vhost --mtu 9000
guest_start a ip=10.0.0.1/24 ip=fd00::1/64 device=packed=on
guest_start b ip=10.0.0.2/24 ip=fd00::2/64
must "the guests boot" guest_ready a b
check "port a is up" wait_for 5 port_is a up
check "a has packed rings" test "$(value .rings port show a)" = packed
check "b has split rings" test "$(value .rings port show b)" = split
must "a reaches b" reaches a 10.0.0.2
check "a reaches b over IPv6" reaches a fd00::2

for mtu in 1500 9000; do
	for offload in on off; do
		with="with MTU $mtu, offloads $offload"
		must "the guests are set up $with" eval "mtu $mtu && offloads $offload"
		check "a ping of the largest size is answered $with" \
			reaches a 10.0.0.2 -s $((mtu - 28))
		nv stats reset
		check "TCP from a to b $with" iperf_moves 5 a b 10.0.0.2 -t 2
		if [ $offload = on ]; then
			check "segments pass whole $with" segments_pass_whole
		else
			check "no frame is longer than the MTU $with" frames_fit $mtu
		fi
		check "TCP from b to a $with" iperf_moves 5 a b 10.0.0.2 -t 2 -R
		check "TCP over IPv6 $with" iperf_moves 5 a b fd00::2 -t 2
		check "UDP from a to b $with" iperf_moves 4 a b 10.0.0.2 -t 2 -u -b 5M
	done
done
mtu 1500
offloads on
check "a file of 64 MiB arrives whole" file_arrives a b 10.0.0.2 64
