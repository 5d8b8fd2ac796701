#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Bonds: two of them face each other over two veth pairs, a host behind each.
# Active-backup and LACP, links that go and come, what is refused. The kernel's
# own bonding is not asked for: its module is not everywhere.
. "$(dirname "$0")/lib.sh"

# device NUMBER PREFIX: the two members of a bond.
members()
{
	echo "net_af_packet${1}0,iface=${2}1 net_af_packet${1}1,iface=${2}2"
}

# member BOND INDEX: its state.
member()
{
	value ".members[$2].state" port show "$1"
}

members_are()
{
	[ "$(member "$1" 0) $(member "$1" 1)" = "$2 $3" ]
}

# still_reaches WHAT: the hosts do, within seconds.
still_reaches()
{
	check "$1" wait_for 10 reaches ha 10.0.1.2
}

# What a ping every 20 ms saw while link l1 went and came.
flap()
{
	ping_steady ha 10.0.1.2
	sleep 1
	ip link set l1 down
	sleep 2
	check "the bond sees that the link is gone ($1)" \
		wait_for 5 members_are left down "$2"
	ip link set l1 up
	sleep 3
	read -r answers gap <<< "$(ping_gap ha 10.0.1.2)"
	check "traffic goes on: $answers answers, at most $gap ms without" test "$gap" -lt 5000
}

# Two jumbo bonds need 66 MiB each; without hugepages DPDK gets more than asked.
printf '[memory]\npacket-memory = 256M\n' > $DIR/netvmd.conf
netvmd_start
for n in 1 2; do
	must "veth pair $n is made" ip link add l$n type veth peer name r$n
	ethtool -K l$n tx off tso off gso off gro off > /dev/null
	ethtool -K r$n tx off tso off gso off gro off > /dev/null
	quiet_link l$n
	quiet_link r$n
done
must "a host is put behind a veth" host_behind ha 10.0.1.1/24
must "another one, too" host_behind hb 10.0.1.2/24
must "there are two networks" nv network add one
nv network add two
must "host ha has a port" \
	nv port add pa --type nic --device net_af_packet0,iface=ha --network one
must "host hb has one" nv port add pb --type nic --device net_af_packet1,iface=hb --network two

must "an active-backup bond is added" nv port add left --type nic --network one \
	--bond active-backup --device "$(members 2 l)"
must "and the other end" nv port add right --type nic --network two \
	--bond active-backup --device "$(members 3 r)"
check "both are up" wait_for 5 port_is left up
check "the first device carries, the second is ready" wait_for 5 members_are left active backup
nv port show left | show
check "the hosts reach each other" reaches ha 10.0.1.2
check "TCP over the bond" iperf_moves 5 ha hb 10.0.1.2 -t 2
flap active-backup active
check "the first device carries again" wait_for 5 members_are left active backup
ip link set l1 down
ip link set l2 down
check "without a link the port is down" wait_for 5 port_is left down
check "and says so of its devices" members_are left down down
ip link set l2 up
still_reaches "the second link alone serves"
ip link set l1 up
check "the first is preferred when it comes back" wait_for 5 members_are left active backup

check "a device of the bond cannot be a port" \
	refused nv port add bad --type nic --device net_af_packet20,iface=l1
check "nor its interface under another name" \
	refused nv port add bad --type nic --device net_af_packet9,iface=l1
nv port add bad --type nic --device net_af_packet9,iface=l1 2>&1 | show
check "nor can it be in another bond" refused nv port add bad --type nic \
	--bond lacp --device "net_af_packet8,iface=ha net_af_packet9,iface=l1"
check "a bond of one device is refused" \
	refused nv port add bad --type nic --bond lacp --device net_af_packet9,iface=nosuch
check "several devices without a bond are refused" \
	refused nv port add bad --type nic --device "$(members 9 x)"
check "a bond with a device that is not there is refused" \
	refused nv port add bad --type nic --bond lacp --device "$(members 9 x)"
nv port add bad --type nic --bond lacp --device "$(members 9 x)" 2>&1 | show

check "all of that left the bond as it was" members_are left active backup
still_reaches "and its traffic"
must "the bonds are deleted" nv port del left
nv port del right
check "their devices are free again" nv port add plain --type nic --device net_af_packet20,iface=l1
nv port del plain

must "a LACP bond with MTU 9000 is added" nv port add left --type nic --network one \
	--bond lacp --mtu 9000 --device "$(members 2 l)"
check "alone it carries nothing" test "$(value .state port show left)" = down
must "and the other end" nv port add right --type nic --network two --bond lacp --mtu 9000 \
	--device "$(members 3 r)"
check "they agree while the workers sleep" wait_for 40 members_are left active active
check "on both sides" wait_for 10 members_are right active active
check "the port is up" port_is left up
check "its devices have the MTU" test "$(cat /sys/class/net/l2/mtu)" = 9000
nv port show left | show
still_reaches "the hosts reach each other"
check "TCP over LACP" iperf_moves 5 ha hb 10.0.1.2 -t 2 -P 4
flap LACP active
check "the link joins again" wait_for 40 members_are left active active
must "LACP bonds are deleted" nv port del left
nv port del right

must "a LACP bond survives a restart" nv port add left --type nic --network one \
	--bond lacp --device "$(members 2 l)"
must "the daemon stops" netvmd_end TERM
netvmd_start
check "it is there" test "$(value .bond port show left)" = lacp
