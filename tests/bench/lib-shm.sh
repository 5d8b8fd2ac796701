# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Rows of the bench for shm ports: network functions as host processes on one
# CPU, netvmd's worker on the other. Only netvmd has such ports; what OpenNetVM and
# OVS-DPDK did on such a machine is in targets.jq.
# shellcheck disable=SC2154,SC2034 # shared with run

pmd_dir= # where row shm-pmd keeps its driver
shm_rows="shm-hop shm-share shm-chain shm-stock shm-pmd shm-attach shm-memory"

hop_run() {
	"$hop" --dir "$dir/run/shm" --seconds "$seconds" --warmup 0.3 "$@" 2>"$work/frontend.log"
}

# shm_ports COUNT BUFFER-SIZE MTU: ports s1 ... in a group, each of which forwards to
# the next, the last one to the first.
shm_ports() {
	local count=$1 i
	netvm_ctl group add shm --pool-size 64M --buffer-size "$2" >>"$dir/log" 2>&1 || return 1
	for ((i = 1; i <= count; i++)); do
		netvm_ctl port add "s$i" --type shm --group shm --ring-size 1024 --mtu "$3" \
			>>"$dir/log" 2>&1 || return 1
	done
	for ((i = 1; i <= count; i++)); do
		netvm_ctl port set "s$i" forward="s$((i % count + 1))" >>"$dir/log" 2>&1 || return 1
	done
}

# shm_port_options COUNT
shm_port_options() {
	local i
	for ((i = 1; i <= $1; i++)); do
		echo "--port s$i"
	done
}

# shm_record ROW CASE COMMAND...: what it prints is a figure of the running daemon.
shm_record() {
	local row=$1 case=$2 before result
	shift 2
	before=$(netvm_counters)
	if ! result=$("$@"); then
		say "$row, $case: $(tail -n 3 "$work/frontend.log")"
		failed=1
		return
	fi
	record "$row" netvm "$case" "$before" "$(netvm_counters)" "$result"
}

# What does not start is a failure of the row; "$@" otherwise.
shm_setup() {
	local row=$1 ports=$2 buffer=$3 mtu=$4
	shift 4
	if shm_ports "$ports" "$buffer" "$mtu"; then
		"$@"
	else
		say "$row: $(tail -n 3 "$dir/log")"
		failed=1
	fi
}

# --- one hop: two NFs, one thread, packets between them for ever -----------------

hop_sizes() {
	local size
	for size in 64 1500; do
		# shellcheck disable=SC2046 # several words
		shm_record shm-hop "$size" hop_run $(shm_port_options 2) --size $size \
			--inflight 1024 --cpu "$frontend_cpu"
	done
	# shellcheck disable=SC2046 # several words
	shm_record shm-hop-few 128 hop_run $(shm_port_options 2) --size 64 --inflight 128 \
		--cpu "$frontend_cpu"
}

hop_jumbo() {
	# shellcheck disable=SC2046 # several words
	shm_record shm-hop 9000 hop_run $(shm_port_options 2) --size 9000 --inflight 1024 \
		--cpu "$frontend_cpu"
}

row_shm_hop() {
	with_backend netvm bare shm_setup shm-hop 2 2304 1500 hop_sizes
	with_backend netvm bare shm_setup shm-hop 2 10240 9000 hop_jumbo
}

# --- several NFs, a process each, on one core -------------------------------------

# share_run COUNT INFLIGHT: the rate of each NF, that is all hops by their number.
share_run() {
	local count=$1 i pid share=()
	rm -f "$work"/share.*
	for ((i = 1; i <= count; i++)); do
		hop_run --port "s$i" --size 64 --inflight $(($2 / count)) --cpu "$frontend_cpu" \
			--share --ready "$work/share.ready$i" --go "$work/share.go" \
			>"$work/share.out$i" &
		share+=("$!")
	done
	for ((i = 1; i <= count; i++)); do
		for _ in {1..100}; do
			[ -e "$work/share.ready$i" ] && break
			sleep 0.05
		done
	done
	touch "$work/share.go"
	for pid in "${share[@]}"; do
		wait "$pid" || return 1
	done
	cat "$work"/share.out* | jq -cs --argjson n "$count" '
		(map(.pps) | add / $n) as $pps |
		.[0] + {ports: $n, pps: $pps, mpps: ($pps / 1e6)}'
}

# OpenNetVM's NFs have 128 packets each, unless they are told otherwise.
share_all() {
	shm_record shm-share "$1" share_run "$1" 1024
	shm_record shm-share-few "$1" share_run "$1" 128
	shm_record shm-share-own "$1" share_run "$1" $((128 * $1))
}

row_shm_share() {
	local n
	for n in 2 3 4 5; do
		with_backend netvm bare shm_setup shm-share $n 2304 1500 share_all $n
	done
}

# --- a chain: what a hop costs whatever its length ---------------------------------

chain_one() {
	# shellcheck disable=SC2046 # several words
	shm_record shm-chain "$1" hop_run $(shm_port_options "$1") --size 64 --inflight 1024 \
		--cpu "$frontend_cpu"
}

row_shm_chain() {
	local n
	for n in 2 4 8; do
		with_backend netvm bare shm_setup shm-chain $n 2304 1500 chain_one $n
	done
}

# --- a stock guest and an shm port -------------------------------------------------

# One lean device whose frames an NF sends back: two ports, as between stock guests,
# and both directions are counted.
stock_run() {
	lean_start --socket "$socket_a" --size "$1" --ring "$ring" --relay-dir "$dir/run/shm" \
		--relay s1 | jq -c '.pps *= 2 | .mpps *= 2 | .gbps *= 2'
}

stock_all() {
	local size
	netvm_ctl port set a forward=s1 >>"$dir/log" 2>&1 &&
		netvm_ctl port set s1 forward=a >>"$dir/log" 2>&1 || return
	for size in ${sizes//,/ }; do
		shm_record shm-stock "$size" stock_run "$size"
	done
}

row_shm_stock() {
	with_backend netvm "" shm_setup shm-stock 2 2304 1500 stock_all
}

# --- the PMD in testpmd, and virtio-user on the same path ---------------------------

# testpmd_circle SIZE TOPOLOGY EAL-ARGUMENT...: two ports whose packets go round. With
# `loop` testpmd sends each by the port that it came from, so that it crosses the daemon
# once for each time that testpmd has it; with `paired`, by its other port, whose buffers
# are not the first one's.
testpmd_circle() {
	local size=$1 topology=$2 dir=$work/frontend pid result=1
	shift 2
	mkdir -p "$dir"
	# shellcheck disable=SC2046 # several words
	testpmd_begin testpmd --lcores "0@$frontend_cpu,1@$frontend_cpu" --no-pci \
		--file-prefix "netvm-bench-$$-f" $(eal_memory 256) "$@" -- \
		-i --forward-mode=io --port-topology="$topology" --no-mlockall \
		--total-num-mbufs=16384 --txd="$ring" --rxd="$ring"
	pid=${pids[-1]}
	if testpmd_ready "$pid"; then
		{
			echo "set txpkts $size"
			echo "start tx_first 16"
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

# EAL loads drivers only from folders that nobody else can write to, and all above too.
pmd_find() {
	pmd=$build/guest-pmd/pmd/librte_net_netvm.so
	[ -e "$pmd" ] || return 1
	[ -n "$pmd_dir" ] || pmd_dir=$(mktemp -d /run/netvm-bench.XXXXXX) || return 1
	cp "$pmd" "$pmd_dir/driver.so"
}

# $1: size, $2: topology, $3: row
pmd_one() {
	shm_record "$3" "$1" testpmd_circle "$1" "$2" -d "$pmd_dir/driver.so" \
		--vdev "net_netvm0,transport=unix:$dir/run/shm/s1" \
		--vdev "net_netvm1,transport=unix:$dir/run/shm/s2"
}

pmd_all() {
	pmd_one 64 loop shm-pmd
	pmd_one 64 paired shm-pmd-pair
	pmd_one 1500 paired shm-pmd-pair
}

pmd_virtio_user_one() {
	shm_record "$3-virtio-user" "$1" testpmd_circle "$1" "$2" \
		--vdev "net_virtio_user0,path=$socket_a,queue_size=$ring,mrg_rxbuf=1,in_order=0" \
		--vdev "net_virtio_user1,path=$socket_b,queue_size=$ring,mrg_rxbuf=1,in_order=0"
}

pmd_virtio_user() {
	netvm_ctl port set a forward=b >>"$dir/log" 2>&1 &&
		netvm_ctl port set b forward=a >>"$dir/log" 2>&1 || return
	pmd_virtio_user_one 64 loop shm-pmd
	pmd_virtio_user_one 64 paired shm-pmd-pair
	pmd_virtio_user_one 1500 paired shm-pmd-pair
}

row_shm_pmd() {
	if ! pmd_find; then
		say "without row shm-pmd: the PMD is not built (configure --with-dpdk-driver-sdk)"
		return
	fi
	with_backend netvm bare shm_setup shm-pmd 2 2304 1500 pmd_all
	with_backend netvm "" pmd_virtio_user
}

# --- attaching, memory -------------------------------------------------------------

attach_one() {
	shm_record shm-attach 2 hop_run --port s1 --port s2 --attach 20 --cpu "$frontend_cpu"
}

row_shm_attach() {
	with_backend netvm bare shm_setup shm-attach 2 2304 1500 attach_one
}

# Everything that the daemon has in memory but the pool.
shm_rss_kib() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { pool = /netvm pool|netvm-pool|pool\// }
		/^Rss:/ && !pool { rss += $2 }
		END { print rss }' "/proc/$netvm_pid/smaps"
}

memory_ports() {
	local i before after n=32
	before=$(shm_rss_kib)
	for ((i = 1; i <= n; i++)); do
		netvm_ctl port add "m$i" --type shm --group shm >>"$dir/log" 2>&1 || return
		"$shmpeer" --dir "$dir/run/shm" --port "m$i" idle >"$work/peer$i" 2>>"$dir/log" &
		pids+=("$!")
	done
	for ((i = 1; i <= n; i++)); do
		for _ in {1..100}; do
			[ -s "$work/peer$i" ] && break
			sleep 0.05
		done
	done
	after=$(shm_rss_kib)
	shm_record shm-memory $n jq -n "{rss_mib: (($after - $before) / 1024 / $n)}"
}

row_shm_memory() {
	with_backend netvm bare shm_setup shm-memory 2 2304 1500 memory_ports
}
