#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A guest migrates between two daemons while it receives a large file from a
# guest that stays, and back; with split and with packed rings. Destinations that
# cannot take it refuse, and it goes on where it was.
. "$(dirname "$0")/lib.sh"
. "$here/lib-migrate.sh"

megabytes=96
limit_ms=10000 # emulated, on a machine with other work

# file_begins FROM TO ADDRESS: sends a file of noise in the background.
file_begins()
{
	on "$2" "rm -f got; (sleep 300 | busybox nc -l -p 5998 > got) > /dev/null 2>&1 & sleep 0.3" &&
		on "$1" "rm -f sum; head -c $((megabytes << 20)) /dev/urandom > sent && sha256sum < sent > sum &&
			(busybox nc $3 5998 < sent; rm -f sent) > /dev/null 2>&1 &"
}

received()
{
	on "$1" "stat -c %s got"
}

has_received()
{
	[ "$(received "$1")" -ge "$2" ]
}

# file_is_whole FROM TO: waits for the rest.
file_is_whole()
{
	local sent got
	wait_for 120 has_received "$2" $((megabytes << 20))
	sent=$(on "$1" "cat sum") got=$(on "$2" "sha256sum < got; rm -f got")
	echo "sent $sent, got $got"
	[ -n "$sent" ] && [ "$sent" = "$got" ]
}

# arrives FROM TO SOCKET WORD...: guest process FROM migrates to TO, which is
# started with these words and plugs in to that socket, and TO goes on.
#
# Both are compared while they stand still, to the byte. On busy CPUs QEMU 7.2
# loses writes of an emulated (TCG) guest now and then, with a tap device as well
# as with vhost-user: some pages of the guest's kernel differ. Then the guest goes on
# where it was and tries again; what netvmd does not log differs each time.
arrives()
{
	local from=$1 to=$2 socket=$3 attempt
	shift 3
	for attempt in 1 2 3 4 5 6 7 8; do
		rm -f $DIR/incoming
		guest_start "$to" like=m "socket=$socket" incoming=$DIR/incoming qemu-option=-S "$@"
		wait_for 20 test -S $DIR/incoming || return 1
		# Lost less often by a guest that is not preempted.
		guest_qmp "$from" query-cpus-fast | jq ".[].\"thread-id\"" | xargs renice -n -20 -p
		migrate "$from" $DIR/incoming 60000000 || return 1
		wait_for 10 guest_is "$to" paused || return 1
		if same_memory "$from" "$to"; then
			guest_qmp "$to" cont && guest_ready "$to"
			return
		fi
		echo "attempt $attempt: these pages differ" | tee -a $DIR/attempts
		guest_signal "$to" KILL
		guest_qmp "$from" cont
	done
	return 1
}

# moves FROM TO HOST(nv|nv_b) SOCKET WORD...: on to that host, while it receives
# a file from c.
moves()
{
	local from=$1 to=$2 host=$3 socket=$4 booted answers gap
	booted=$(guest_run "$from" "cat /proc/sys/kernel/random/boot_id")
	ping_steady c 10.0.0.1 0.05
	must "a file begins to arrive" file_begins c "$from" 10.0.0.1
	must "some of it is there" wait_for 60 has_received "$from" 1000000
	must "the guest arrives with the same memory" arrives "$from" "$to" "${@:4}"
	show < $DIR/check.out
	echo "$(received "$to") bytes of $((megabytes << 20)) are there now" | show
	check "it was not booted" test "$(guest_run "$to" "cat /proc/sys/kernel/random/boot_id")" = "$booted"
	check "the port is up there" test "$($host --json port show m | jq -r .state)" = up
	check "and logs no more" eval "! $host --json port show m | grep -q log_all"
	check "its address is known there at its port" wait_for 5 is_learned_at "$host" "$mac" m
	check "the file has the checksum it was sent with" file_is_whole c "$to"
	check "c reaches it" reaches c 10.0.0.1
	check "TCP flows from it" iperf_moves 2 "$to" c 10.0.0.2 -t 2
	read -r answers gap < <(ping_gap c 10.0.0.1 0.05)
	check "c had $answers answers and was never without one for $limit_ms ms ($gap ms)" \
		test "${gap:-99999}" -lt $limit_ms
	guest_stop "$from"
}

sent_by()
{
	guest_run "$1" "cat /sys/class/net/net0/statistics/tx_packets"
}

# announced FROM TO HOST OTHER SOCKET WORD...: a guest that says nothing arrives;
# the switches know of it nevertheless, since netvmd speaks for it.
announced()
{
	local from=$1 to=$2 host=$3 other=$4 said
	# Nobody asks it for its address either.
	on c "ip link set net0 down; sleep 1"
	said=$(sent_by "$from")
	must "a silent guest arrives" arrives "$from" "$to" "${@:5}"
	check "its address is known there at its port" wait_for 5 is_learned_at "$host" "$mac" m
	check "the other host has it behind the cable" wait_for 5 is_learned_at "$other" "$mac" cable
	check "though it has sent nothing" test "$(sent_by "$to")" = "$said"
	on c "ip link set net0 up"
	check "c reaches it" reaches c 10.0.0.1
	guest_stop "$from"
}

hosts_start
must "host B has port m" nv_b port add m --type vhost --mtu 9000 --queues 2
a=$DIR/run/vhost/m.sock b=$DIR/b/vhost/m.sock
mac=$(guest_mac m)
guest_start c ip=10.0.0.2/24
must "guest c boots" guest_ready c

for rings in split packed; do
	device=device=host_mtu=9000
	[ $rings = split ] || device=$device,packed=on
	# Without the word the kernel clears each page before it posts it, and so
	# hides from this test what netvmd does not log.
	guest_start m ip=10.0.0.1/24 $device append=init_on_alloc=0
	must "guest m boots with $rings rings" guest_ready m
	must "c reaches m" reaches c 10.0.0.1
	check "they are $rings" test "$(value .rings port show m)" = $rings
	check "A has m's address at its port" is_learned_at nv "$mac" m
	moves m m2 nv_b $b $device
	check "A has m's address behind the cable" is_learned_at nv "$mac" cable
	check "A's port m waits" wait_for 5 port_is m waiting
	moves m2 m nv $a $device
	check "B has m's address behind the cable" is_learned_at nv_b "$mac" cable
	[ $rings = packed ] || announced m m2 nv_b nv $b $device
	[ $rings = split ] || guest_stop m
	[ $rings = packed ] || guest_stop m2
done
[ ! -e $DIR/attempts ] || echo "attempts that were repeated: $(wc -l < $DIR/attempts)" | show

check "the second daemon ends with status 0" netvmd_b_end
