#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# shm ports that libvirt plugs in to a guest while it runs, and unplugs: both devices of
# each, with what "netvmctl domain xml" prints. The network function in the guest is
# started after, finds them by itself, and when they are gone, so it is; its buffers are
# in the pool again and other ports of the guest are left alone.
. "$(dirname "$0")/lib.sh"
. "$here/lib-libvirt.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm-guest.sh
. "$here/lib-shm-guest.sh"

forward=$nf_folder/simple-forward
[ -x "$forward" ] || {
	skip "hot-plugged functions" "guest-pmd/nf/simple-forward is not built"
	exit 0
}
must "the guest's image has the function" shm_guest_programs "$forward"
netvmd_start
must "libvirtd runs" libvirt_start
must "a group" nv group add blue --pool-size 16M
# A function on p sends back what comes from a, one on q what comes from b.
must "ports a and p" shm_pair blue a p
must "ports b and q" shm_pair blue b q
must "a domain without a device is defined" domain_define n1 cpus=1
must "it starts" domain_start n1
must "its guest boots" guest_ready n1
must "p's devices, a file for each" device_files p
must "q's devices" device_files q

# devices_are N: so many ivshmem devices are in the guest.
devices_are()
{
	[ "$(guest_run n1 "cat /sys/bus/pci/devices/*/device | grep -c 0x1110")" = "$1" ]
}
# An unplugged device leaves when the guest's kernel lets it go.
has_devices()
{
	wait_for 60 devices_are "$1" || { guest_run n1 "ls /sys/bus/pci/devices; dmesg | tail -n 5"; return 1; }
}
function_starts()
{
	nf_start n1 "$1" "simple-forward --timeout 60 --transport pci:" &&
		{ wait_for 60 port_is "$1" up || { nf_says n1 "$1"; return 1; }; }
}
function_ended()
{
	! guest_run n1 "kill -0 \$(cat /tmp/$1.pid)"
}
# there_and_back PORT: from the member at the other side of the function.
there_and_back()
{
	peer "$1" traffic --count 500 --seconds 60 --rate 500 --inflight 60 > "$DIR/$1.peer.log"
	peer_holds "$1" '.received >= 500 and .corrupt == 0 and .lost == 0 and .reordered == 0'
}
is_detached()
{
	[ "$(value .attached port show "$1")" = false ] && [ "$(owned "$1")" = 0 ]
}
unplugged()
{
	domain_detach n1 "$1" && wait_for 60 is_detached "$1"
}

says_that_none_is_there()
{
	guest_run n1 "/nf/simple-forward --timeout 1 --transport pci:" > "$DIR/said"
	cat "$DIR/said"
	grep -q "no free NetVM device" "$DIR/said"
}
check "a function says that there is no device" says_that_none_is_there
for round in 1 2 3; do
	must "round $round: p is plugged in" domain_attach n1 p
	check "the guest sees both devices" has_devices 2
	must "a function finds them" function_starts p
	check "and forwards" there_and_back a
	check "it ends" eval 'nf_signal n1 p TERM && wait_for 30 function_ended p'
	must "p is unplugged" unplugged p
	check "the guest has no such device" has_devices 0
	check "every buffer is in the pool" wait_for 10 pool_full blue
done

# One device after the other, and a function that is there before them.
check "a function waits for its devices" \
	nf_start n1 p "simple-forward --timeout 60 --transport pci:"
must "p's rings are plugged in" virsh --quiet attach-device n1 "$DIR/p.00"
check "the guest sees the device" has_devices 1
check "the function waits for the pool" refused function_ended p
must "the pool is plugged in" virsh --quiet attach-device n1 "$DIR/p.01"
must "the function has its port" eval 'wait_for 60 port_is p up || { nf_says n1 p; false; }'
check "and forwards" there_and_back a

# Ports of a group have its pool in common, and each a device for it.
must "a sends" peer_start a traffic --rate 300 --inflight 100
must "q is plugged in beside it" domain_attach n1 q
must "a function finds what is free" function_starts q
check "and forwards" there_and_back b
must "p is unplugged under load, with its function running" unplugged p
check "its function ends by itself" wait_for 60 function_ended p
check "and says why ($(nf_says n1 p | head -n 1))" \
	eval 'nf_says n1 p | grep -q "the port is gone"'
check "the function on q goes on" there_and_back b
must "p is plugged in again" domain_attach n1 p
must "a function finds it" function_starts p
check "a was never asked to open its port again" eval \
	'peer_end a; peer_holds a ".reopened == 0 and .corrupt == 0"'
check "it forwards again" there_and_back a
check "and so does the one on q" there_and_back b

in_use()
{
	sed 's/netvm-q-ring/other/' "$DIR/q.00" > "$DIR/other"
	virsh --quiet attach-device n1 "$DIR/other"
}
check "a port that is in use is not plugged in a second time" refused in_use
check "and goes on" there_and_back b
check "libvirt lists all four" test "$(virsh dumpxml n1 | grep -c "<shmem ")" = 4
check "virsh destroy" virsh --quiet destroy n1
check "both ports wait" wait_for 10 eval 'port_is p waiting && port_is q waiting'
check "not one buffer is missing" wait_for 10 pool_full blue
