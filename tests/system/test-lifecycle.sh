#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Guests reboot, are killed, and ports come and go, while two other guests ping
# each other and must not notice.
. "$(dirname "$0")/lib.sh"

# An emulated guest shares this machine's CPUs with others that boot, so a gap
# has to be far beyond what scheduling does before it counts.
limit_ms=1000

netvmd_start
for port in a b c d; do
	must "port $port is added" nv port add $port --type vhost
done
guest_start a ip=10.0.0.1/24
guest_start b ip=10.0.0.2/24
must "the guests a and b boot" guest_ready a b
must "a reaches b" reaches a 10.0.0.2
ping_steady a 10.0.0.2

guest_start c ip=10.0.0.3/24
guest_start d ip=10.0.0.4/24
must "the guests c and d boot" guest_ready c d
check "c reaches d" reaches c 10.0.0.4

was=$(guest_boot c)
guest_reboot c
must "c boots again" guest_back c "$was"
check "c reaches d after its reboot" reaches c 10.0.0.4

check "QEMU of d is killed" guest_signal d KILL
check "its port waits" wait_for 5 port_is d waiting
guest_start d ip=10.0.0.4/24
must "d boots again" guest_ready d
check "its port is up again" wait_for 5 port_is d up
check "c reaches d" reaches c 10.0.0.4

must "port c is deleted under its guest" nv port del c
check "c reaches nobody" refused on c "ping -c 2 -W 1 10.0.0.4"
must "port c is added again" nv port add c --type vhost
check "QEMU comes back" wait_for 5 port_is c up
check "c reaches d, without a reboot" reaches c 10.0.0.4

must "port c is switched off" nv port set c enabled=no
check "c reaches nobody" refused on c "ping -c 2 -W 1 10.0.0.4"
must "port c is switched on" nv port set c enabled=yes
check "QEMU comes back" wait_for 5 port_is c up
check "c reaches d" reaches c 10.0.0.4

# Traffic on a port that is deleted at that moment.
ping_steady c 10.0.0.4 0.01
for _ in 1 2 3 4 5; do
	check "port d goes under traffic" nv port del d
	check "and comes back" eval "nv port add d --type vhost && wait_for 5 port_is d up"
done
check "c reaches d in the end" reaches c 10.0.0.4
ping_gap c 10.0.0.4 0.01 > /dev/null

read -r answers gap < <(ping_gap a 10.0.0.2)
check "a had $answers answers from b meanwhile" test "${answers:-0}" -gt 100
check "and was never without one for $limit_ms ms ($gap ms)" test "${gap:-99999}" -lt $limit_ms
