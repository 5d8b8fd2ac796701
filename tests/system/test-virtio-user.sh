#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# DPDK's virtio-user as the frontend: mergeable buffers on and off, 1 and 4
# queue pairs, rings of 256 and 1024, split and packed, in order and not, and its
# vectorised loops. It has no switch for indirect descriptors: nvpeer, our own
# frontend, sends those.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"

# bounce QUEUES SIZE MERGEABLE [OPTIONS]: (more options of the devices) with one queue, testpmd sends some bursts from one
# port to the other and back for two seconds; with several, both ports send many
# flows, so that all queues have work. Both ports have to receive.
bounce()
{
	local words="queues=$1,queue_size=$2,mrg_rxbuf=$3${4:+,$4}" mode=mac start="start tx_first 4"
	[ "$1" = 1 ] || { words=$words,cq=1 mode=flowgen start=start; }
	: > $DIR/testpmd.log
	# shellcheck disable=SC2094 # the log is watched while it is written
	(
		# What it sends before the daemon has taken its rings up is lost.
		sleep 1
		echo "$start"
		sleep 2
		echo "stop"
		wait_for 20 grep -q '^Done' $DIR/testpmd.log
		echo "show port stats all"
		# What it echoes next must not land in the middle of the numbers; nor may
		# these wait in its buffer, which is for lines (stdbuf).
		sleep 0.5
		echo "quit"
	) | timeout 60 stdbuf -oL dpdk-testpmd --lcores '0@1,1@1' --no-pci --no-huge -m 256 --no-telemetry \
		--force-max-simd-bitwidth=512 --log-level=pmd.net.virtio.init:info \
		--file-prefix "bounce$1$2$3" \
		--vdev "net_virtio_user0,path=$DIR/run/vhost/p$1.sock,mac=52:54:00:00:00:01,$words" \
		--vdev "net_virtio_user1,path=$DIR/run/vhost/q$1.sock,mac=52:54:00:00:00:02,$words" \
		-- -i --forward-mode=$mode --total-num-mbufs=16384 --rxq="$1" --txq="$1" \
		--rxd="$2" --txd="$2" --eth-peer=0,52:54:00:00:00:02 --eth-peer=1,52:54:00:00:00:01 \
		> $DIR/testpmd.log 2>&1 || { tail -n 20 $DIR/testpmd.log; return 1; }
	grep 'RX-packets' $DIR/testpmd.log | tail -n 2
	[ "$(awk '/NIC statistics/ { on = 1 } on && $1 == "RX-packets:" && $2 > 1000' \
		$DIR/testpmd.log | wc -l)" = 2 ]
}

# A packed ring is vectorised only in order, and for receiving only without
# mergeable buffers. The driver says which loops it chose.
vectorised()
{
	bounce 1 "$1" 0 packed_vq=1,vectorized=1 || return 1
	[ "$(grep -c 'packed ring vectorized [RT]x path' $DIR/testpmd.log)" = 4 ]
}

# peers OPTION...: nvpeer sends with these options what another receives.
peers()
{
	local nvpeer=$NETVM_BUILD/tests/frontend/nvpeer status receiver
	rm -f $DIR/ready
	"$nvpeer" --socket $DIR/run/vhost/q1.sock --mac 52:54:00:00:00:02 --announce \
		--ready $DIR/ready --count 1500 --seconds 20 --ring 1024 "$@" recv &
	receiver=$!
	wait_for 5 test -e $DIR/ready || return 1
	"$nvpeer" --socket $DIR/run/vhost/p1.sock --mac 52:54:00:00:00:01 \
		--dst 52:54:00:00:00:02 --count 1500 --rate 1000 --size 1200 "$@" send
	status=$?
	wait $receiver && [ $status = 0 ]
}

netvmd_start
for queues in 1 4; do
	for port in p q; do
		must "port $port$queues is added" nv port add $port$queues --type vhost --queues $queues
	done
	for size in 256 1024; do
		for mergeable in 0 1; do
			check "virtio-user: queue pairs $queues, ring $size, mergeable $mergeable" \
				bounce $queues $size $mergeable
		done
	done
done
check "all four queue pairs carried packets" \
	test "$(value '[.queue_counters[] | select(.tx_packets > 0)] | length' port show q4)" = 4

for options in in_order=0 packed_vq=1,in_order=0 packed_vq=1; do
	for mergeable in 0 1; do
		check "virtio-user: $options, mergeable $mergeable" bounce 1 256 $mergeable $options
	done
done
check "virtio-user: packed, queue pairs 4, ring 1024" bounce 4 1024 1 packed_vq=1
if grep -qw avx512f /proc/cpuinfo; then
	for size in 256 1024; do
		check "virtio-user: packed, vectorised, ring $size" vectorised $size
	done
else
	skip "virtio-user: packed, vectorised" "the driver wants a CPU with AVX-512"
fi

for kind in "" --packed --in-order "--packed --in-order"; do
	read -ra ring <<< "$kind"
	kind=${kind:-split}
	check "plain descriptors, $kind" peers --no-indirect "${ring[@]}"
	check "chained descriptors, $kind" peers --no-indirect --segs 3 "${ring[@]}"
	check "indirect descriptors, $kind" peers --indirect --segs 3 "${ring[@]}"
	check "indirect descriptors, without mergeable buffers, $kind" \
		peers --indirect --segs 4 --no-mergeable "${ring[@]}"
	check "no EVENT_IDX, $kind" peers --no-event-idx "${ring[@]}"
done
