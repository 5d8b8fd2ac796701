#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Two libvirt domains with <interface type='vhostuser'>: traffic, virsh destroy
# under it, start again, a restart of the daemon with <reconnect>, and a domain
# whose side listens.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-libvirt.sh"

netvmd_start
must "libvirtd runs" libvirt_start
must "port a is added" nv port add a --type vhost
must "port b is added" nv port add b --type vhost --queues 2
must "port c, client mode" nv port add c --type vhost --mode client --socket $DIR/c.sock
must "domain a is defined" domain_define a socket=$DIR/run/vhost/a.sock reconnect=1 ip=10.0.0.1/24
must "domain b is defined" domain_define b socket=$DIR/run/vhost/b.sock reconnect=1 \
	ip=10.0.0.2/24 queues=2
must "domain c is defined" domain_define c socket=$DIR/c.sock mode=server ip=10.0.0.3/24
must "the domains start" domain_start a b c
must "their guests boot" guest_ready a b c
for port in a b c; do
	check "port $port is up" wait_for 5 port_is $port up
done
check "a reaches b" reaches a 10.0.0.2
check "a reaches c" reaches a 10.0.0.3
check "TCP from a to b" iperf_moves 5 a b 10.0.0.2 -t 2
check "UDP from b to a" iperf_moves 4 b a 10.0.0.1 -t 2 -u -b 5M
check "TCP from c to a" iperf_moves 5 c a 10.0.0.1 -t 2

ping_steady a 10.0.0.3
on b "timeout 60 iperf3 -s > iperf.log 2>&1 & $(once_listening 5201)"
on a "timeout 20 iperf3 -c 10.0.0.2 -t 20 > iperf.log 2>&1 &"
sleep 1
check "virsh destroy under traffic" virsh --quiet destroy b
check "its port waits" wait_for 5 port_is b waiting
check "virsh start again" domain_start b
must "its guest boots" guest_ready b
check "a reaches b again" reaches a 10.0.0.2
check "TCP from a to b" iperf_moves 5 a b 10.0.0.2 -t 2
read -r answers gap < <(ping_gap a 10.0.0.3)
check "a had $answers answers from c meanwhile" test "${answers:-0}" -gt 100
check "and was never without one for a second ($gap ms)" test "${gap:-99999}" -lt 1000

must "the daemon is killed" kill -KILL "$NETVMD_PID"
wait "$NETVMD_PID" 2> /dev/null
NETVMD_PID=
netvmd_start
must "the guests answer" guest_ready a b c
check "a reaches b after the daemon's restart" wait_for 5 reaches a 10.0.0.2
check "a reaches c after the daemon's restart" wait_for 5 reaches a 10.0.0.3

for domain in a b c; do
	check "virsh destroy $domain" virsh --quiet destroy $domain
done
