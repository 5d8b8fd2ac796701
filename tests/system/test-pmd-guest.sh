#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# DPDK's testpmd inside a guest, on our driver and over PCI: two ports of a group, each two
# ivshmem devices of a QEMU. It forwards between them, unchanged, what members on the
# host send and judge; every buffer comes back.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm-guest.sh
. "$here/lib-shm-guest.sh"

[ -e "$pmd_driver" ] || {
	skip "testpmd in a guest" "the driver is not built; ci/driver-sdk says how"
	exit 0
}
must "testpmd and the driver are put into the guests' image" testpmd_programs

# Nothing on the host forwards: a -> in0, testpmd, in1 -> b, and back.
chain_make()
{
	local port
	for port in a in0 in1 b; do
		nv port add $port --type shm --group blue --ring-size 256 || return 1
	done
	nv port set a forward=in0 && nv port set in0 forward=a &&
		nv port set b forward=in1 && nv port set in1 forward=b
}
netvmd_start
must "a group" nv group add blue --pool-size 16M
must "ports at both sides of a guest" chain_make
shm_guest_start n1 memory=768 in0 in1
must "the guest boots" guest_ready n1

must "testpmd starts in it" testpmd_start n1
must "and has both ports" eval 'wait_for 60 ports_up in0 in1 || { testpmd_says n1; false; }'

# Comes out at the other side whole and in order: there and back by way of an echo at b.
goes_through()
{
	peer a traffic --size "$1" --count 1000 --seconds 60 --rate 1000 --inflight 60 > $DIR/a.peer.log
	peer_holds a '.received >= 1000 and .corrupt == 0 and .lost == 0 and .reordered == 0'
}
must "a member at the other side sends back" peer_start b echo
# A port is up when testpmd has probed it; what comes before it forwards is not for it.
first_comes_back()
{
	peer a traffic --count 1 --seconds 1 --rate 10 > $DIR/a.peer.log
	peer_holds a '.received >= 1'
}
must "testpmd forwards" eval 'wait_for 60 first_comes_back || { testpmd_says n1; false; }'
check "frames of 60 bytes pass, and come back whole and in order" goes_through 60
check "frames of 1514 bytes, too" goes_through 1514
hops=$(value .hops port show b)
check "and without a copy ($hops came to b so)" \
	test "$hops" = "$(value .counters.tx_packets port show b)"
check "the member ends" peer_end b
check "testpmd ends in order" testpmd_ends n1
check "not one buffer is missing" eval 'wait_for 10 pool_full blue || pool_full blue'
