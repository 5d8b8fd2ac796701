#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The daemon is killed with SIGKILL under TCP traffic and started again. Guests
# carry on within 2 seconds of the sockets being ready, without a reboot: one
# whose QEMU connects (server mode, reconnect) and one whose QEMU listens
# (client mode). The state file brings every object back.
. "$(dirname "$0")/lib.sh"

# What an operator has set up, without what changes by itself.
objects()
{
	nv --json port list | jq -S '[.ports[] | {name, type, network, vlan, trunk, guard, mtu,
		mode, socket, device, enabled, queues: .queues.configured}] | sort_by(.name)'
	nv --json network list | jq -S '[.networks[] | {name, ageing_s, max_macs, storm_pps}] |
		sort_by(.name)'
}

# ms_until_answer GUEST ADDRESS SINCE: until the steady ping has an answer again.
ms_until_answer()
{
	guest_run "$1" "n=\$(grep -c seq= ping.$2); for i in \$(seq 1000); do
		[ \$(grep -c seq= ping.$2) = \$n ] || break; usleep 10000; done"
	echo $(($(now_ms) - $3))
}

netvmd_start
must "a network is added" nv network add tenant --ageing-s 100
must "port a, server mode" nv port add a --type vhost --network tenant
guest_start b ip=10.0.0.2/24 qemu=server socket=$DIR/b.sock
must "QEMU of b listens" wait_for 10 test -S $DIR/b.sock
must "port b, client mode" nv port add b --type vhost --network tenant --mode client --socket $DIR/b.sock
must "a port with settings" nv port add c --type vhost --network tenant --queues 4 --mtu 9000 \
	--guard mac=52:54:00:00:00:0c,ip=10.0.0.3
must "a trunk port" nv port add d --type vhost --trunk 10,20-30 --network tenant
host_behind out 10.0.0.100/24
must "a NIC port" nv port add nic --type nic --device net_af_packet0,iface=out --network tenant
guest_start a ip=10.0.0.1/24
must "the guests boot" guest_ready a b
must "a reaches b" reaches a 10.0.0.2
must "b reaches the host behind the NIC" reaches b 10.0.0.100
before=$(objects)
booted=$(guest_run a "cat /proc/sys/kernel/random/boot_id")$(guest_run b "cat /proc/sys/kernel/random/boot_id")

ping_steady a 10.0.0.2 0.02
ping_steady b 10.0.0.100 0.02
on b "timeout 120 iperf3 -s -1 > iperf.log 2>&1 &"
on a "(iperf3 -c 10.0.0.2 -t 20 --json > iperf.json 2>&1; echo \$? > iperf.status) &"
sleep 3
must "the daemon is killed" kill -KILL "$NETVMD_PID"
wait "$NETVMD_PID" 2> /dev/null
NETVMD_PID=
sleep 1
netvmd_start
ready=$(now_ms)
took=$(ms_until_answer a 10.0.0.2 "$ready")
check "a reaches b within 2 s of the restart ($took ms)" test "$took" -lt 2000
took=$(ms_until_answer b 10.0.0.100 "$ready")
check "b reaches the host behind the NIC within 2 s ($took ms)" test "$took" -lt 2000
check "port a is up" wait_for 5 port_is a up
check "port b is up" wait_for 5 port_is b up
objects > $DIR/after
check "every object is back" diff <(echo "$before") $DIR/after
wait_for 60 on a "test -s iperf.status"
check "the TCP connection outlived the daemon" on a "grep -qx 0 iperf.status"
mbit=$(on a "cat iperf.json" | jq '[.intervals[-3:][].sum.bits_per_second] | add / 3e6 | floor')
check "and moved data at its end ($mbit Mbit/s)" test "${mbit:-0}" -ge 1
check "nobody was rebooted" test "$booted" = "$(guest_run a "cat /proc/sys/kernel/random/boot_id")$(
	guest_run b "cat /proc/sys/kernel/random/boot_id")"

must "the daemon stops in order" netvmd_end TERM
netvmd_start
check "and everything works after a planned restart, too" wait_for 10 reaches a 10.0.0.2
objects > $DIR/after
check "with every object" diff <(echo "$before") $DIR/after
check "b reaches the NIC's host" reaches b 10.0.0.100

# A state file that is no state file.
must "the daemon stops" netvmd_end TERM
echo '{"version": 1, "ports": [' > $DIR/state.json
netvmd_start
check "a corrupt state file is said" grep -q "state.json" $DIR/netvmd.log
check "and kept aside" eval "ls $DIR/state.json.* "
check "the daemon starts without its objects" test "$(value '.ports | length' port list)" = 0
