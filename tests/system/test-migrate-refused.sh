#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Migrations that do not come to an end: the destination has fewer queues, offers
# less, dies, or somebody calls it off. Each time the guest goes on where it was,
# under traffic, and nothing is logged any more. And one that should not have
# been tried: to a port that allows less than the guest's MTU.
. "$(dirname "$0")/lib.sh"
. "$here/lib-migrate.sh"

device=device=host_mtu=9000,mrg_rxbuf=on

# waits_on PORT [WORD...]: a QEMU process that waits for m, at a port of host B.
waits_on()
{
	local port=$1
	shift
	rm -f $DIR/incoming
	guest_start m2 like=m socket=$DIR/b/vhost/"$port".sock incoming=$DIR/incoming queues=2 \
		$device "$@"
	wait_for 10 test -S $DIR/incoming
}

goes_on()
{
	check "the guest runs where it was" guest_is m running
	check "its port is up" port_is m up
	check "and logs no more" eval "! nv --json port show m | grep -q log_all"
	check "c reaches it" reaches c 10.0.0.1
	check "TCP flows to it" iperf_moves 2 c m 10.0.0.1 -t 1
	check "and from it" iperf_moves 2 m c 10.0.0.2 -t 1
}

# Half-way: slow enough that somebody can step in.
begins()
{
	guest_qmp m migrate-set-parameters '{"max-bandwidth": 10000000}' > /dev/null &&
		guest_qmp m migrate "{\"uri\": \"unix:$DIR/incoming\"}" > /dev/null &&
		wait_for 20 logs
}

logs()
{
	nv --json port show m | grep -q log_all
}

hosts_start
must "host B has a port with one queue pair" nv_b port add few --type vhost --mtu 9000
must "host B has a port for small frames" nv_b port add low --type vhost --queues 2
must "host B has a port like m's" nv_b port add m --type vhost --mtu 9000 --queues 2
guest_start c ip=10.0.0.2/24
guest_start m ip=10.0.0.1/24 queues=2 $device
must "the guests boot" guest_ready m c
must "c reaches m" reaches c 10.0.0.1
ping_steady c 10.0.0.1 0.05

# It tries for ever and waits for no guest meanwhile.
check "QEMU does not wait at a port with fewer queues" refused waits_on few
check "and says why" grep -q "more queues than supported" $DIR/m2.qemu.log
must "it ends" guest_signal m2 KILL
goes_on

must "QEMU waits, and offers less than the guest uses" waits_on m \
	device=host_mtu=9000,mrg_rxbuf=off
check "the migration fails" refused migrate m $DIR/incoming 1000000000
wait_for 10 process_ended "${guest_pids[m2]}"
check "and QEMU says why" grep -q "Features .* unsupported" $DIR/m2.qemu.log
guest_qmp m cont > /dev/null
goes_on

must "QEMU waits" waits_on m
must "a migration begins" begins
check "traffic flows meanwhile" iperf_moves 2 c m 10.0.0.1 -t 2
check "it is still on its way" migration_is m active
must "it is called off" guest_qmp m migrate_cancel
wait_for 20 migration_is m cancelled
wait_for 10 process_ended "${guest_pids[m2]}"
goes_on

must "QEMU waits" waits_on m
must "a migration begins" begins
must "its destination dies" guest_signal m2 KILL
check "it fails" wait_for 20 migration_is m failed
goes_on

# The guest's MTU is told to a port only when the guest runs there.
must "QEMU waits at a port for small frames" waits_on low
must "the guest arrives" migrate m $DIR/incoming 1000000000
check "the port refuses it" wait_for 10 b_port_is low error
check "and says why" eval "nv_b --json port show low | grep 'MTU is 9000, this port allows 68 to 1500'"
must "the port's MTU is raised" nv_b port set low mtu=9000
must "the port is switched off" nv_b port set low enabled=no
must "and on, so that QEMU tries again" nv_b port set low enabled=yes
check "the port is up" wait_for 10 b_port_is low up
check "c reaches the guest there" reaches c 10.0.0.1
read -r answers gap < <(ping_gap c 10.0.0.1 0.05)
echo "c had $answers answers; the longest time without one was $gap ms" | show

check "the second daemon ends with status 0" netvmd_b_end
