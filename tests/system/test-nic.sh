#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A stock guest talks to a host behind a NIC port: net_af_packet and net_af_xdp
# on veth, net_tap; a capture is replayed through net_pcap. Needs no real NIC.
. "$(dirname "$0")/lib.sh"

guest_offloads()
{
	guest_run a "ethtool -K net0 tx $1 sg $1 tso $1 gso $1 gro $1 > /dev/null"
}

# zero_copy NUMBER DRIVER: large frames went out of the guest's own memory, or the
# port says why not.
zero_copy()
{
	local sent
	sent=$(value .zero_copy_packets port show "nic$1")
	if [ "$2" = net_af_xdp ]; then
		check "$2 is copied to ($(value .zero_copy_off port show "nic$1"))" \
			test "$sent" = 0
	else
		check "large frames went over $2 without a copy ($sent)" test "$sent" -gt 100
	fi
}

# traffic HOST NUMBER DRIVER: between guest a, 10.0.NUMBER.1, and the host, .2.
traffic()
{
	local host=$1 address=10.0.$2.2 address6=fd00:$2::2 with="over $3" offload
	check "the guest reaches $host $with" reaches a "$address"
	check "$host reaches the guest $with" reaches "$host" "10.0.$2.1"
	for offload in on off; do
		guest_offloads $offload
		check "TCP from the guest $with, its offloads $offload" \
			iperf_moves 5 a "$host" "$address" -t 2
		check "TCP over IPv6 from the guest $with, its offloads $offload" \
			iperf_moves 5 a "$host" "$address6" -t 2
	done
	guest_offloads on
	zero_copy "$2" "${3%% *}"
	check "TCP to the guest $with" iperf_moves 5 a "$host" "$address" -t 2 -R
	check "UDP $with" iperf_moves 4 a "$host" "$address" -t 2 -u -b 5M
}

# guest_address NUMBER: another network for each driver.
guest_address()
{
	guest_run a "ip -6 address flush dev net0 scope global; ip -4 address flush dev net0;
		ip address add 10.0.$1.1/24 dev net0; ip address add fd00:$1::1/64 dev net0"
}

# A capture of as many broadcast frames, each 60 bytes.
write_capture()
{
	local i
	printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0'
	for ((i = 0; i < $1; i++)); do
		printf '\0\0\0\0\0\0\0\0\74\0\0\0\74\0\0\0'
		printf '\xff\xff\xff\xff\xff\xff\2\0\0\0\0\1\x88\xb5'
		head -c 46 /dev/zero
	done
}

netvmd_start
must "port a is added" nv port add a --type vhost --mtu 9000
guest_start a ip=10.0.1.1/24 ip=fd00:1::1/64
must "the guest boots" guest_ready a

must "a host is put behind a veth" host_behind out1 10.0.1.2/24
on out1 "ip address add fd00:1::2/64 dev eth0"
must "a net_af_packet port is added" \
	nv port add nic1 --type nic --device net_af_packet0,iface=out1
check "it is up" wait_for 5 port_is nic1 up
check "it names its driver" test "$(value .driver port show nic1)" = net_af_packet
traffic out1 1 net_af_packet
check "a file of 16 MiB arrives whole over net_af_packet" file_arrives a out1 10.0.1.2 16
check "a second port on its interface is refused" \
	refused nv port add bad --type nic --device net_af_packet8,iface=out1
must "the port is deleted" nv port del nic1
check "the guest reaches nobody then" refused on a "ping -c 2 -W 1 10.0.1.2"

host_behind out2 10.0.2.2/24 9000
on out2 "ip address add fd00:2::2/64 dev eth0"
guest_address 2
must "a net_af_packet port with MTU 9000 is added" \
	nv port add nic2 --type nic --device net_af_packet1,iface=out2 --mtu 9000
guest_run a "ip link set net0 mtu 9000"
check "the guest reaches out2 with 9000 bytes" reaches a 10.0.2.2 -s 8972
check "out2 reaches the guest with 9000 bytes, in one frame" \
	reaches out2 10.0.2.1 -s 8972 -M "do"
traffic out2 2 "net_af_packet with MTU 9000"
guest_run a "ip link set net0 mtu 1500"
nv port del nic2

host_behind out3 10.0.3.2/24
on out3 "ip address add fd00:3::2/64 dev eth0"
guest_address 3
must "a net_af_xdp port is added" nv port add nic3 --type nic --device net_af_xdp0,iface=out3
traffic out3 3 net_af_xdp
nv port del nic3

guest_address 4
must "a net_tap port is added" nv port add nic4 --type nic --device net_tap0,iface=tap0
ip address add 10.0.4.2/24 dev tap0
ip address add fd00:4::2/64 dev tap0 nodad
ip link set tap0 up
traffic here 4 net_tap
nv port del nic4

write_capture 100 > $DIR/replay.pcap
before=$(guest_run a "cat /sys/class/net/net0/statistics/rx_packets")
must "a net_pcap port is added" \
	nv port add nic5 --type nic --device "net_pcap0,rx_pcap=$DIR/replay.pcap,tx_pcap=$DIR/sent.pcap"
replayed()
{
	[ "$(value .counters.rx_packets port show nic5)" = 100 ]
}
check "all frames of the capture came in" wait_for 5 replayed
after=$(guest_run a "cat /sys/class/net/net0/statistics/rx_packets")
check "and went on to the guest ($before, then $after)" test $((after - before)) -ge 100

for bad in nosuchdriver0 net_af_packet7,iface=nosuch 0000:99:00.0; do
	check "the device $bad is refused" refused nv port add bad --type nic --device $bad
	nv port add bad --type nic --device $bad 2>&1 | show
done
