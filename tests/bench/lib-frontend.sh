# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Frontends of the bench: frontend_NAME SIZE drives socket_a and socket_b and
# prints JSON with at least pps and tsc_hz, or us_* for latency. $work/frontend.log
# says what went wrong.
# shellcheck disable=SC2154 # shared with run

# Our own generator: it only moves indices, the backend is the bottleneck.
lean_run() {
	lean_start --socket "$socket_a" --socket "$socket_b" "$@"
}

lean_start() {
	local extra=()
	[ "$huge" = no ] || extra+=(--hugepages)
	"$lean" --seconds "$seconds" --cpu "$frontend_cpu" --warmup 0.5 "${extra[@]}" "$@" \
		2>"$work/frontend.log"
}

frontend_lean() {
	lean_run --size "$1" --ring "$ring"
}

frontend_lean_packed() {
	lean_run --size "$1" --ring "$ring" --packed
}

# Rings that have a slot for each of the thousand, for one flow as well.
frontend_lean_flows() {
	lean_run --size 64 --ring 1024 --flows "$1"
}

frontend_lean_latency() {
	lean_run --size "$1" --ring "$ring" --latency --gap-us "$gap_us"
}

# Two virtio-user devices whose guest is testpmd's flowgen: each port sends new
# packets of 1024 IPv4 flows as fast as it can, and frees what comes. It sends
# from one MAC on both ports to one that nobody has, so a learning switch floods
# (to one other port) and moves that MAC about.
virtio_user() {
	local size=$1 options=$2 dir=$work/frontend pid result=1
	shift 2
	mkdir -p "$dir"
	# shellcheck disable=SC2046 # several words
	testpmd_begin testpmd --lcores "0@$frontend_cpu,1@$frontend_cpu" --no-pci "$@" \
		--file-prefix "netvm-bench-$$-f" $(eal_memory 256) \
		--vdev "net_virtio_user0,path=$socket_a,queue_size=$ring,$options" \
		--vdev "net_virtio_user1,path=$socket_b,queue_size=$ring,$options" -- \
		-i --forward-mode=flowgen --no-mlockall --total-num-mbufs=16384 \
		--txd="$ring" --rxd="$ring"
	pid=${pids[-1]}
	if testpmd_ready "$pid"; then
		{
			echo "set txpkts $size"
			echo "start"
		} >"$dir/testpmd.in"
		sleep 1
		echo "show port stats all" >"$dir/testpmd.in"
		sleep "$seconds"
		echo "show port stats all" >"$dir/testpmd.in"
		sleep 0.3
		testpmd_rate "$size"
		result=$?
	fi
	testpmd_end "$pid"
	return $result
}

# A child that has ended is there for kill -0 until somebody waits for it.
testpmd_runs() {
	local state
	state=$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)
	[ -n "$state" ] && [ "${state:0:1}" != Z ]
}

testpmd_ready() {
	for _ in {1..100}; do
		grep -q '^testpmd> ' "$dir/testpmd.log" 2>/dev/null && sleep 0.5 && return 0
		testpmd_runs "$1" || return 1
		sleep 0.1
	done
	return 1
}

# Opening a FIFO that nobody reads would wait for ever.
testpmd_end() {
	cp "$dir/testpmd.log" "$work/frontend.log"
	! testpmd_runs "$1" || echo quit >"$dir/testpmd.in"
	for _ in {1..30}; do
		testpmd_runs "$1" || break
		sleep 0.1
	done
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

# The second "since last show" of both ports, from testpmd's own clock.
testpmd_rate() {
	local hz
	hz=$("$lean" --clock | jq .tsc_hz)
	awk -v size="$1" -v hz="$hz" '/Rx-pps:/ { rate[n++] = $2 }
		END {
			if (n < 4 || rate[n - 1] + rate[n - 2] == 0)
				exit 1
			pps = rate[n - 1] + rate[n - 2]
			printf "{\"size\": %d, \"pps\": %d, \"mpps\": %.3f, \"gbps\": %.3f, \"tsc_hz\": %d}\n",
				size, pps, pps / 1e6, pps * size * 8 / 1e9, hz
		}' "$dir/testpmd.log"
}

frontend_virtio_user() {
	virtio_user "$1" mrg_rxbuf=1,in_order=0
}

# The vectorised driver wants buffers in order, AVX-512, and no mergeable ones;
# where it cannot have them DPDK takes another one, and the figure is not its.
frontend_virtio_user_packed() {
	virtio_user "$1" packed_vq=1,mrg_rxbuf=0,in_order=1,vectorized=1 \
		--force-max-simd-bitwidth=512 --log-level=pmd.net.virtio.*:debug || return
	[ "$(grep -c 'packed ring vectorized [RT]x path' "$work/frontend.log")" -ge 4 ] ||
		say "virtio-user-packed: this backend or CPU does not allow the vectorised driver"
}
