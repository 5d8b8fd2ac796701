#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# What a guest may do to its device in the middle of traffic: lose and find its
# driver, sleep and wake, reboot, change its queues, get more memory; with split
# and with packed rings. Two other guests ping each other and must not notice.
. "$(dirname "$0")/lib.sh"

# Five emulated guests share this machine's CPUs, one of them always booting or
# working hard: only a stop counts.
limit_ms=5000

carrier_is()
{
	[ "$(guest_run "$1" "cat /sys/class/net/net0/carrier")" = "$2" ]
}

# memory_of GUEST: MiB that its kernel has.
memory_of()
{
	guest_run "$1" "awk '/^MemTotal/ { print int(\$2 / 1024) }' /proc/meminfo"
}

# takes_memory GUEST MIB: what was plugged in is used as it turns up, which in a busy
# guest takes its time.
takes_memory()
{
	guest_run "$1" "for m in /sys/devices/system/memory/memory*; do [ \$(cat \$m/state) = online ] || echo online > \$m/state; done"
	[ "$(memory_of "$1")" -gt "$2" ]
}

# The driver leaves the device, which resets it, and takes it again.
rebind()
{
	guest_run "$1" "cd /sys/bus/virtio/drivers/virtio_net; dev=\$(basename \$(readlink -f /sys/class/net/net0/device)); echo \$dev > unbind; sleep 0.3; echo \$dev > bind; sleep 0.3; ip link set eth0 name net0; ip address add $2/24 dev net0; ip link set net0 up"
}

# plug_memory GUEST N: 128 MiB more, which QEMU shares like the rest.
plug_memory()
{
	guest_qmp "$1" object-add "{\"qom-type\": \"memory-backend-memfd\", \"id\": \"more$2\", \"size\": 134217728, \"share\": true}" > /dev/null &&
		guest_qmp "$1" device_add "{\"driver\": \"pc-dimm\", \"id\": \"dimm$2\", \"memdev\": \"more$2\"}" > /dev/null
}

asleep()
{
	[ "$(guest_qmp "$1" query-status | jq -r .status)" = suspended ]
}

# corners GUEST ADDRESS PEER: GUEST, at ADDRESS, and a guest at PEER.
corners()
{
	local round was
	for round in 1 2 3; do
		ping_steady "$1" "$3" 0.01
		check "$1: the driver lets go and takes hold again ($round)" rebind "$1" "$2"
		check "$1: it reaches its peer" reaches "$1" "$3"
		ping_gap "$1" "$3" 0.01 > /dev/null
	done

	memory_plugged "$1" "$3"
	check "$1: it reaches its peer with more memory" reaches "$1" "$3"

	check "$1: it goes to sleep" eval "guest_run $1 '(sleep 0.2; echo mem > /sys/power/state) > /dev/null 2>&1 &' && wait_for 20 asleep $1"
	guest_qmp "$1" system_wakeup > /dev/null
	check "$1: it wakes up and reaches its peer" eval "guest_ready $1 && reaches $1 $3"

	for round in 1 2 1 2; do
		ping_steady "$1" "$3" 0.01
		check "$1: it changes to $round queue pairs" guest_run "$1" "ethtool -L net0 combined $round"
		check "$1: it reaches its peer" reaches "$1" "$3"
		ping_gap "$1" "$3" 0.01 > /dev/null
	done

	check "$1: its port is switched off" nv port set "$1" enabled=no
	check "$1: it sees no carrier" wait_for 10 carrier_is "$1" 0
	check "$1: its port is switched on" nv port set "$1" enabled=yes
	check "$1: it sees a carrier" wait_for 10 carrier_is "$1" 1
	check "$1: it reaches its peer" reaches "$1" "$3"

	was=$(guest_boot "$1")
	iperf_serve d
	guest_reboot "$1" "iperf3 -c $3 -t 20"
	check "$1: it boots again in the middle of TCP" guest_back "$1" "$was"
	check "$1: it reaches its peer" reaches "$1" "$3"
}

# memory_plugged GUEST PEER: two DIMMs are plugged while GUEST sends to PEER.
memory_plugged()
{
	local before n
	before=$(memory_of "$1")
	iperf_serve d
	guest_run "$1" "iperf3 -c $2 -t 6 > iperf.out 2>&1 & echo \$! > iperf.pid"
	for n in 1 2; do
		sleep 1
		check "$1: memory is plugged while TCP runs ($n)" plug_memory "$1" "$n"
		check "$1: its kernel has it" wait_for 20 takes_memory "$1" $((before + n * 100))
	done
	check "$1: TCP went on" guest_run "$1" "while kill -0 \$(cat iperf.pid); do sleep 0.2; done 2> /dev/null; grep -q receiver iperf.out || { cat iperf.out; false; }"
	# More than it had before fits now, and is sent from where it lies.
	check "$1: a file that fills the new memory is sent" guest_run "$1" "mount -o remount,size=75% /tmp && head -c 230000000 /dev/zero > /tmp/file && iperf3 -c $2 -n 230000000 -F /tmp/file > file.out 2>&1; grep -q receiver file.out; status=\$?; rm /tmp/file; [ \$status = 0 ] || { cat file.out; free; false; }"
}

# A server anew: the last one may still serve a guest that has rebooted since.
iperf_serve()
{
	guest_run "$1" "killall iperf3 2> /dev/null; iperf3 -s > /dev/null 2>&1 &"
}

more=(memory=256 queues=2 qemu-option=-m "qemu-option=slots=4,maxmem=2G")
netvmd_start
for port in a b d; do
	must "port $port is added" nv port add $port --type vhost
done
must "port s is added" nv port add s --type vhost --queues 2
must "port p is added" nv port add p --type vhost --queues 2
guest_start a ip=10.0.0.1/24 cpus=1
guest_start b ip=10.0.0.2/24 cpus=1
guest_start d ip=10.0.0.4/24 cpus=1
must "the guests a, b and d boot" guest_ready a b d
must "a reaches b" reaches a 10.0.0.2
ping_steady a 10.0.0.2

guest_start s ip=10.0.0.5/24 "${more[@]}"
must "guest s boots" guest_ready s
check "its rings are split" test "$(value .rings port show s)" = split
corners s 10.0.0.5 10.0.0.4
guest_stop s

guest_start p ip=10.0.0.6/24 device=packed=on "${more[@]}"
must "guest p boots" guest_ready p
check "its rings are packed" test "$(value .rings port show p)" = packed
corners p 10.0.0.6 10.0.0.4

read -r answers gap < <(ping_gap a 10.0.0.2)
check "a had $answers answers from b meanwhile" test "${answers:-0}" -gt 100
check "and was never without one for $limit_ms ms ($gap ms)" test "${gap:-99999}" -lt $limit_ms
