#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# VLANs keep ports apart: access ports, trunk ports to a guest and to a NIC, and
# a change while it runs. Separate networks do as well.
. "$(dirname "$0")/lib.sh"

netvmd_start
must "access port a, VLAN 10" nv port add a --type vhost --vlan 10
must "access port b, VLAN 20" nv port add b --type vhost --vlan 20
must "trunk port t, VLANs 10 and 20" nv port add t --type vhost --trunk 10,20
# Behind a wire there is another network, on which one guest tags by itself.
ip link add wire type veth peer name wire-end
ethtool -K wire tx off tso off gso off gro off > /dev/null
ethtool -K wire-end tx off tso off gso off gro off > /dev/null
quiet_link wire
quiet_link wire-end
must "network far" nv network add far
must "trunk port nic" nv port add nic --type nic --device net_af_packet0,iface=wire --trunk 10,20
must "trunk port far-nic" nv port add far-nic --type nic --device net_af_packet1,iface=wire-end \
	--network far --trunk all
must "trunk port f" nv port add f --type vhost --network far --trunk all
guest_start a ip=10.0.0.1/24
guest_start b ip=10.0.0.2/24
guest_start t ip=10.0.0.3/24 vlan=10
guest_start f ip=10.0.0.4/24 vlan=20
must "the guests boot" guest_ready a b t f

check "a (10) reaches t's VLAN 10" reaches a 10.0.0.3
check "b (20) does not reach t's VLAN 10" refused on b "ping -c 2 -W 1 10.0.0.3"
check "a (10) does not reach b (20)" refused on a "ping -c 2 -W 1 10.0.0.2"
check "b (20) reaches f's VLAN 20 behind the wire" reaches b 10.0.0.4
check "a (10) does not reach f's VLAN 20" refused on a "ping -c 2 -W 1 10.0.0.4"
check "t (10) does not reach f's VLAN 20" refused on t "ping -c 2 -W 1 10.0.0.4"
check "TCP through the tag's push and pop" iperf_moves 5 a t 10.0.0.3 -t 2
check "TCP from b, tagged on the wire" iperf_moves 5 b f 10.0.0.4 -t 2
check "TCP to b, tagged on the wire" iperf_moves 5 b f 10.0.0.4 -t 2 -R

must "b moves to VLAN 10" nv port set b vlan=10
check "a reaches b then" reaches a 10.0.0.2
must "a network is added" nv network add other
must "b moves to the other network" nv port set b network=other
check "a does not reach b there" refused on a "ping -c 2 -W 1 10.0.0.2"
