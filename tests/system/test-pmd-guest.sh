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

driver=$NETVM_BUILD/guest-pmd/pmd/librte_net_netvm.so
[ -e "$driver" ] || {
	skip "testpmd in a guest" "the driver is not built; ci/driver-sdk says how"
	exit 0
}
# Mempools need a plugin, which stands where testpmd's other drivers do.
testpmd=$(command -v dpdk-testpmd)
plugins=$(dirname "$(ldd "$testpmd" | awk '/librte_bus_vdev/ { print $3 }')")
must "testpmd and the driver are put into the guests' image" \
	shm_guest_programs "$testpmd" "$driver" "$plugins/librte_mempool_ring.so"

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

# The driver finds the ivshmem devices itself, one port after the other. Without huge
# pages of the guest, and without its PCI drivers.
testpmd_start()
{
	# It ends at the end of its input.
	guest_run n1 "mkfifo /tmp/input" && nf_start n1 testpmd "dpdk-testpmd \
		--lcores 0@0,1@0 --no-pci --no-huge -m 128 --no-telemetry --no-shconf \
		-d /nf/librte_mempool_ring.so -d /nf/librte_net_netvm.so \
		--vdev net_netvm0,transport=pci: --vdev net_netvm1,transport=pci: \
		-- --total-num-mbufs=4096 --forward-mode=io --auto-start <> /tmp/input"
}
says()
{
	guest_run n1 "tail -n 25 /tmp/testpmd.log"
}
must "testpmd starts in it" testpmd_start
must "and has both ports" eval 'wait_for 60 ports_up in0 in1 || { says; false; }'

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
must "testpmd forwards" eval 'wait_for 60 first_comes_back || { says; false; }'
check "frames of 60 bytes pass, and come back whole and in order" goes_through 60
check "frames of 1514 bytes, too" goes_through 1514
hops=$(value .hops port show b)
check "and without a copy ($hops came to b so)" \
	test "$hops" = "$(value .counters.tx_packets port show b)"
check "the member ends" peer_end b
check "testpmd ends in order" eval 'nf_signal n1 testpmd TERM &&
	wait_for 20 guest_run n1 "grep -q \"Bye\" /tmp/testpmd.log" || { says; false; }'
check "not one buffer is missing" eval 'wait_for 10 pool_full blue || pool_full blue'
