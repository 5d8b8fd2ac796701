#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Guests with four queue pairs use all of them, and change how many they use.
. "$(dirname "$0")/lib.sh"

# queues_used PORT COUNTER: how many queue pairs have counted something.
queues_used()
{
	value "[.queue_counters[] | select(.$2 > 0)] | length" port show "$1"
}

running_is()
{
	[ "$(value .queues.running port show "$1")" = "$2" ]
}

netvmd_start
must "port a is added" nv port add a --type vhost --queues 4
must "port b is added" nv port add b --type vhost --queues 4
guest_start a ip=10.0.0.1/24 queues=4 cpus=4
guest_start b ip=10.0.0.2/24 queues=4 cpus=4
must "the guests boot" guest_ready a b
check "four queue pairs run" wait_for 5 running_is a 4
must "a reaches b" reaches a 10.0.0.2
nv stats reset
check "sixteen TCP streams" iperf_moves 5 a b 10.0.0.2 -t 4 -P 16
# The guest's kernel sends on the queue of the CPU it runs on, and iperf3 is one
# thread.
on a "for cpu in 0 1 2 3; do taskset \$((1 << cpu)) ping -c 3 -i 0.2 10.0.0.2 & done; wait" > /dev/null
check "a sent on all four queues" test "$(queues_used a rx_packets)" = 4
check "b received on all four queues" test "$(queues_used b tx_packets)" = 4
value '[.queue_counters[] | [.rx_packets, .tx_packets]] | tostring' port show b | show

for n in 1 3 4; do
	check "the guest changes to $n queue pairs" guest_run a "ethtool -L net0 combined $n"
	check "and the port runs $n" wait_for 5 running_is a $n
	check "and it still reaches b" reaches a 10.0.0.2
done
check "TCP goes on afterwards" iperf_moves 5 a b 10.0.0.2 -t 2 -P 4
