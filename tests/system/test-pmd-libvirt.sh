#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A chain of libvirt domains: stock guest, two guests with testpmd on our driver over PCI,
# stock guest. Ping, TCP and a file with its SHA-256 go through it; from one testpmd to the
# other nothing is copied.
. "$(dirname "$0")/lib.sh"
. "$here/lib-libvirt.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm-guest.sh
. "$here/lib-shm-guest.sh"

[ -e "$pmd_driver" ] || {
	skip "testpmd in libvirt domains" "the driver is not built; ci/driver-sdk says how"
	exit 0
}
must "testpmd and the driver are put into the guests' image" testpmd_programs

# s1 <-> in1, testpmd in n1, out1 <-> in2, testpmd in n2, out2 <-> s2.
chain_make()
{
	local port
	for port in in1 out1 in2 out2; do
		nv port add $port --type shm --group blue --ring-size 256 || return 1
	done
	nv port add s1 --type vhost && nv port add s2 --type vhost &&
		connect s1 in1 && connect out1 in2 && connect out2 s2
}
connect()
{
	nv port set "$1" forward="$2" && nv port set "$2" forward="$1"
}
netvmd_start
must "libvirtd runs" libvirt_start
must "a group" nv group add blue --pool-size 16M
must "a chain of ports" chain_make
for n in 1 2; do
	must "domain s$n is defined" domain_define s$n socket=$DIR/run/vhost/s$n.sock reconnect=1 \
		ip=10.0.0.$n/24
	must "domain n$n, with two ports" domain_define n$n shm=in$n shm=out$n memory=768 cpus=1
done
must "virsh start" domain_start s1 s2 n1 n2
must "all guests boot" guest_ready s1 s2 n1 n2
must "testpmd starts in n1" testpmd_start n1
must "testpmd starts in n2" testpmd_start n2
for n in 1 2; do
	must "testpmd has the ports of n$n" \
		eval "wait_for 120 ports_up in$n out$n || { testpmd_says n$n; false; }"
done
must "s1 reaches s2 through both" eval \
	'wait_for 60 reaches s1 10.0.0.2 || { testpmd_says n1; testpmd_says n2; false; }'
check "with large packets, too" reaches s1 10.0.0.2 -s 1472
check "TCP there" iperf_moves 0.05 s1 s2 10.0.0.2 -t 3
check "TCP back" iperf_moves 0.05 s1 s2 10.0.0.2 -t 3 -R
check "a file of 4 MiB arrives whole" file_arrives s1 s2 10.0.0.2 4
check "and one the other way" file_arrives s2 s1 10.0.0.1 4

# uncopied PORT: all that came to it came without a copy.
uncopied()
{
	local hops packets
	read -r hops packets < <(value '"\(.hops) \(.counters.tx_packets)"' port show "$1")
	echo "$1 got $packets packets, $hops of them without a copy"
	[ "$hops" -gt 1000 ] && [ "$hops" = "$packets" ]
}
check "from testpmd to testpmd nothing was copied ($(value .hops port show in2) hops)" uncopied in2
check "nor on the way back ($(value .hops port show out1) hops)" uncopied out1

check "testpmd ends in n1" testpmd_ends n1
check "all buffers of n1 are back" wait_for 10 none_owned in1 out1
must "it starts again" testpmd_start n1
must "and has its ports" eval 'wait_for 120 ports_up in1 out1 || { testpmd_says n1; false; }'
check "s1 reaches s2 again" wait_for 60 reaches s1 10.0.0.2
check "n2 is destroyed" virsh --quiet destroy n2
check "all buffers of n2 are back" wait_for 10 none_owned in2 out2
must "n2 is started at once" domain_start n2
must "its guest boots" guest_ready n2
must "testpmd starts in it" testpmd_start n2
must "and has its ports" eval 'wait_for 120 ports_up in2 out2 || { testpmd_says n2; false; }'
check "s1 reaches s2 again" wait_for 60 reaches s1 10.0.0.2
for domain in s1 s2 n1 n2; do
	check "virsh destroy $domain" virsh --quiet destroy $domain
done
check "not one buffer is missing" eval 'wait_for 10 pool_full blue || pool_full blue'
