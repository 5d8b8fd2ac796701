#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# VLANs keep ports apart: access ports, trunk ports to a guest and to a NIC, and
# a change while it runs. Separate networks do as well.
. "$(dirname "$0")/lib.sh"

netvmd_start
must "access port a, VLAN 10" nv port add a --type vhost --vlan 10
must "access port b, VLAN 20" nv port add b --type vhost --vlan 20
must "trunk port t, VLANs 10 and 20" nv port add t --type vhost --trunk 10,20
host_behind out 192.168.0.1/24
must "trunk port nic" nv port add nic --type nic --device net_af_packet0,iface=out --trunk 10,20
guest_start a ip=10.0.0.1/24
guest_start b ip=10.0.0.2/24
guest_start t ip=10.0.0.3/24 vlan=10
for vlan in 10 20; do
	on out "ip link add link eth0 name eth0.$vlan type vlan id $vlan &&
		ip link set eth0.$vlan up"
done
on out "ip address add 10.0.0.110/24 dev eth0.10"
must "the guests boot" guest_ready a b t

check "a (10) reaches t's VLAN 10" reaches a 10.0.0.3
check "b (20) does not reach t's VLAN 10" refused on b "ping -c 2 -W 1 10.0.0.3"
check "a (10) does not reach b (20)" refused on a "ping -c 2 -W 1 10.0.0.2"
check "a (10) reaches VLAN 10 behind the NIC" reaches a 10.0.0.110
check "b (20) does not reach VLAN 10 behind the NIC" refused on b "ping -c 2 -W 1 10.0.0.110"
on out "ip address del 10.0.0.110/24 dev eth0.10; ip address add 10.0.0.110/24 dev eth0.20"
on b "ip neigh flush all" > /dev/null
check "b (20) reaches VLAN 20 behind the NIC" reaches b 10.0.0.110
check "TCP through the tag's push and pop" iperf_moves 5 a t 10.0.0.3 -t 2
check "TCP from the NIC's VLAN 20 to b" iperf_moves 5 out b 10.0.0.2 -t 2
check "TCP from b to the NIC's VLAN 20" iperf_moves 5 b out 10.0.0.110 -t 2

must "b moves to VLAN 10" nv port set b vlan=10
check "a reaches b then" reaches a 10.0.0.2
must "a network is added" nv network add other
must "b moves to the other network" nv port set b network=other
check "a does not reach b there" refused on a "ping -c 2 -W 1 10.0.0.2"
