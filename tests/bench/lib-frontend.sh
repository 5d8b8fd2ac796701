# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Frontends of the bench: frontend_NAME SIZE drives socket_a and socket_b and
# prints JSON with at least pps and tsc_hz, or us_* with --latency.
# shellcheck disable=SC2154 # shared with run

# Our own generator: it only moves indices, the backend is the bottleneck.
frontend_lean() {
	local extra=()
	[ "$huge" = no ] || extra+=(--hugepages)
	[ "$latency" = no ] || extra+=(--latency --gap-us "$gap_us")
	"$lean" --socket "$socket_a" --socket "$socket_b" --size "$1" --seconds "$seconds" \
		--cpu "$frontend_cpu" --ring "$ring" --flows "$flows" "${extra[@]}" \
		2>"$work/frontend.log"
}

mac_a=52:54:00:be:00:0a
mac_b=52:54:00:be:00:0b

# Two virtio-user devices; a fixed number of packets goes round and round, each
# hop with the MACs of the port it leaves and of the other one, so that a
# learning switch sees two stations (flowgen sends from one MAC on both sides).
virtio_user() {
	local size=$1 options=$2 dir=$work/frontend pid result=1
	mkdir -p "$dir"
	# shellcheck disable=SC2046 # several words
	testpmd_begin testpmd --lcores "0@$frontend_cpu,1@$frontend_cpu" --no-pci \
		--file-prefix "netvm-bench-$$-f" $(eal_memory 256) \
		--vdev "net_virtio_user0,path=$socket_a,mac=$mac_a,queue_size=$ring,$options" \
		--vdev "net_virtio_user1,path=$socket_b,mac=$mac_b,queue_size=$ring,$options" -- \
		-i --forward-mode=mac --no-mlockall --total-num-mbufs=16384 \
		--txd="$ring" --rxd="$ring" --eth-peer=0,$mac_b --eth-peer=1,$mac_a
	pid=${pids[-1]}
	if testpmd_ready "$pid"; then
		{
			echo "set txpkts $size"
			echo "start tx_first 4"
		} >"$dir/testpmd.in"
		sleep 1
		echo "show port stats all" >"$dir/testpmd.in"
		sleep "$seconds"
		echo "show port stats all" >"$dir/testpmd.in"
		sleep 0.3
		testpmd_rate "$size"
		result=$?
	fi
	cp "$dir/testpmd.log" "$work/frontend.log"
	echo quit >"$dir/testpmd.in"
	for _ in {1..30}; do
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -9 "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	return $result
}

testpmd_ready() {
	for _ in {1..100}; do
		grep -q '^testpmd> ' "$dir/testpmd.log" 2>/dev/null && sleep 0.5 && return 0
		kill -0 "$1" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

# The second "since last show" of both ports, from testpmd's own clock.
testpmd_rate() {
	local hz
	hz=$("$lean" --limit --seconds 0.01 --warmup 0.01 --cpu "$frontend_cpu" \
		--backend-cpu "$frontend_cpu" | jq .tsc_hz)
	awk -v size="$1" -v hz="$hz" '/Rx-pps:/ { rate[n++] = $2 }
		END {
			if (n < 4 || rate[n - 1] + rate[n - 2] == 0)
				exit 1
			pps = rate[n - 1] + rate[n - 2]
			printf "{\"size\": %d, \"pps\": %d, \"mpps\": %.3f, \"gbps\": %.3f, \"tsc_hz\": %d}\n",
				size, pps, pps / 1e6, pps * size * 8 / 1e9, hz
		}' "$dir/testpmd.log"
}

frontend_testpmd() {
	virtio_user "$1" mrg_rxbuf=1,in_order=0
}

frontend_testpmd_packed() {
	virtio_user "$1" mrg_rxbuf=1,in_order=0,packed_vq=1
}
