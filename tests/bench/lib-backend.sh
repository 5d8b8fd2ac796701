# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Backends of the bench. Each NAME has
#
#	NAME_available  returns 1 with the reason in $missing
#	NAME_start      starts it in $dir, appends to pids, sets socket_a and
#	                socket_b, and returns when both are served. The variable
#	                variant may ask for more; what does not know it ignores it
#	NAME_counters   prints "packets busy_cycles" so far; empty when the
#	                backend does not count: it polls all the time, and its
#	                cycles per packet are the CPU's by the rate
# shellcheck disable=SC2154,SC2034 # shared with run

variant=

have() {
	missing="$1 is missing (Debian: $2)"
	command -v "$1" >/dev/null
}

# Waits until the sockets in $@ exist and the process $! still runs.
wait_sockets() {
	local pid=$1 s
	shift
	for s in "$@"; do
		for _ in {1..150}; do
			[ -S "$s" ] && break
			kill -0 "$pid" 2>/dev/null || return 1
			sleep 0.1
		done
		[ -S "$s" ] || return 1
	done
}

# EAL arguments for memory of $1 MiB.
eal_memory() {
	if [ "$huge" = yes ]; then
		echo "--in-memory --single-file-segments -m $1"
	else
		echo "--no-huge -m $1"
	fi
}

# --- netvm: this daemon, two vhost ports in one learning network -------------

netvm_available() {
	missing="$build/netvmd or $build/netvmctl is not built"
	[ -x "$build/netvmd" ] && [ -x "$build/netvmctl" ]
}

netvm_ctl() {
	"$build/netvmctl" --run-dir "$dir/run" "$@"
}

# variant=bare: without the two ports.
netvm_vhost_ports() {
	[ "$variant" != bare ] || return 0
	netvm_ctl port add a --type vhost --network bench >>"$dir/log" 2>&1 &&
		netvm_ctl port add b --type vhost --network bench >>"$dir/log" 2>&1 &&
		netvm_idle_ports && wait_sockets "$netvm_pid" "$socket_a" "$socket_b"
}

# variant=idle: 64 further ports with a guest each that does nothing.
netvm_idle_ports() {
	local i
	[ "$variant" = idle ] || return 0
	for i in {1..64}; do
		netvm_ctl port add "idle$i" --type vhost --network bench >>"$dir/log" 2>&1 || return 1
		"$nvpeer" --socket "$dir/run/vhost/idle$i.sock" --ready "$dir/ready$i" \
			--seconds 10000 hold >/dev/null 2>>"$dir/log" &
		pids+=("$!")
	done
	for i in {1..64}; do
		for _ in {1..100}; do
			[ -e "$dir/ready$i" ] && break
			sleep 0.1
		done
		[ -e "$dir/ready$i" ] || return 1
	done
}

netvm_start() {
	local pid pages=never
	[ "$huge" = no ] || pages=auto
	cat >"$dir/netvmd.conf" <<END
[workers]
cpus=$backend_cpu
poll=$poll
[memory]
hugepages=$pages
END
	"$build/netvmd" --config "$dir/netvmd.conf" --run-dir "$dir/run" \
		--state-file "$dir/state.json" >"$dir/log" 2>&1 &
	pid=$!
	netvm_pid=$pid
	pids+=("$pid")
	socket_a=$dir/run/vhost/a.sock
	socket_b=$dir/run/vhost/b.sock
	netvm_ctl status --wait 15 >>"$dir/log" 2>&1 &&
		netvm_ctl network add bench >>"$dir/log" 2>&1 && netvm_vhost_ports
}

netvm_counters() {
	netvm_ctl --json worker list |
		jq -r '(.workers // .) | "\(map(.packets) | add) \(map(.busy_cycles) | add)"'
}

# --- ovs: OVS-DPDK, own database and run directory ---------------------------

ovs_daemon=/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk

ovs_available() {
	have ovsdb-tool openvswitch-switch && have ovs-vsctl openvswitch-switch || return 1
	if ! [ -x $ovs_daemon ]; then
		ovs_daemon=$(command -v ovs-vswitchd)
		missing="no ovs-vswitchd with DPDK (Debian: openvswitch-switch-dpdk)"
		"$ovs_daemon" --version 2>/dev/null | grep -q DPDK || return 1
	fi
	missing="it cannot do without hugepages"
	[ "$huge" = yes ]
}

ovs_set() {
	ovs-vsctl --db="unix:$dir/db.sock" --timeout=30 "$@" >>"$dir/log" 2>&1
}

# variant=tso: guests are offered segmentation, which is off by default, and it
# works for ports only that connect to a QEMU that listens.
ovs_begin() {
	local schema=/usr/share/openvswitch/vswitch.ovsschema pid memory tso=false
	[ "$variant" != tso ] || tso=true
	export OVS_RUNDIR=$dir OVS_LOGDIR=$dir OVS_DBDIR=$dir OVS_SYSCONFDIR=$dir
	memory=$(eal_memory 768)
	ovsdb-tool create "$dir/conf.db" $schema >>"$dir/log" 2>&1 || return 1
	ovsdb-server "$dir/conf.db" --remote="punix:$dir/db.sock" --unixctl="$dir/db.ctl" \
		--pidfile="$dir/ovsdb.pid" >>"$dir/log" 2>&1 &
	pid=$!
	pids+=("$pid")
	wait_sockets "$pid" "$dir/db.sock" || return 1
	ovs_set --no-wait init || return 1
	ovs_set --no-wait set Open_vSwitch . other_config:dpdk-init=true \
		other_config:pmd-cpu-mask="$(printf %x $((1 << backend_cpu)))" \
		other_config:dpdk-lcore-mask="$(printf %x $((1 << frontend_cpu)))" \
		other_config:userspace-tso-enable=$tso \
		other_config:dpdk-extra="--no-pci $memory" || return 1
	"$ovs_daemon" "unix:$dir/db.sock" --unixctl="$dir/vswitchd.ctl" \
		--pidfile="$dir/vswitchd.pid" >>"$dir/log" 2>&1 &
	pids+=("$!")
	socket_a=$dir/a
	socket_b=$dir/b
	ovs_set add-br br0 -- set Bridge br0 datapath_type=netdev fail-mode=secure &&
		ovs_port a 1 && ovs_port b 2 || return 1
	[ "$variant" = tso ] || wait_sockets "${pids[-1]}" "$socket_a" "$socket_b"
}

ovs_port() {
	if [ "$variant" = tso ]; then
		ovs_set add-port br0 "$1" -- set Interface "$1" type=dpdkvhostuserclient \
			ofport_request="$2" options:vhost-server-path="$dir/$1"
	else
		ovs_set add-port br0 "$1" -- set Interface "$1" type=dpdkvhostuser \
			ofport_request="$2"
	fi
}

ovs_flow() {
	ovs-ofctl add-flow "unix:$dir/br0.mgmt" "$1" >>"$dir/log" 2>&1
}

# variant=normal: as a learning switch.
ovs_start() {
	ovs_begin || return 1
	if [ "$variant" = normal ]; then
		ovs_flow actions=NORMAL
	else
		ovs_flow in_port=1,actions=output:2 && ovs_flow in_port=2,actions=output:1
	fi
}

# "packets received" counts what the worker took from its ports.
ovs_counters() {
	ovs-appctl -t "$dir/vswitchd.ctl" dpif-netdev/pmd-stats-show |
		awk '/^pmd thread/ { pmd = 1 }
			/^main thread/ { pmd = 0 }
			pmd && /packets received:/ { p += $3 }
			pmd && /processing cycles:/ && !/avg/ { c += $3 }
			END { print p, c }'
}

# --- testpmd: io forwarding between two net_vhost ports ----------------------

testpmd_available() {
	have dpdk-testpmd dpdk-dev
}

# Starts testpmd with the arguments $@ as $1; its commands come from $dir/$1.in.
# In interactive mode the main thread sleeps: waiting for its workers it would
# spin beside the other side's thread. stdbuf: figures must not wait in a
# buffer until it quits.
testpmd_begin() {
	local name=$1
	shift
	rm -f "$dir/$name.in"
	mkfifo "$dir/$name.in"
	stdbuf -oL dpdk-testpmd "$@" <>"$dir/$name.in" >"$dir/$name.log" 2>&1 &
	pids+=("$!")
}

testpmd_start() {
	socket_a=$dir/a
	socket_b=$dir/b
	# shellcheck disable=SC2046 # several words
	testpmd_begin log --lcores "0@$frontend_cpu,1@$backend_cpu" --no-pci \
		--file-prefix "netvm-bench-$$" $(eal_memory 256) \
		--vdev "net_vhost0,iface=$socket_a,queues=1" \
		--vdev "net_vhost1,iface=$socket_b,queues=1" -- \
		-i --auto-start --forward-mode=io --no-mlockall --total-num-mbufs=32768
	mv "$dir/log.log" "$dir/log" 2>/dev/null
	wait_sockets "${pids[-1]}" "$socket_a" "$socket_b"
}

testpmd_counters() {
	:
}
