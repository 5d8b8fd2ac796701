#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Network functions inside guests: each port is two ivshmem devices of a QEMU, and the
# function is one static program, over PCI, without a driver. A chain of stock guest,
# two such guests, stock guest carries ping, TCP and a file; a function that is killed
# in its guest, a guest that is reset, and one that is destroyed give their buffers
# back and are there again; the daemon is killed and the guests go on.
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm-guest.sh
. "$here/lib-shm-guest.sh"

forward=$nf_folder/simple-forward
[ -x "$forward" ] || {
	skip "network functions in guests" "guest-pmd/nf/simple-forward is not built"
	exit 0
}
must "the function is a static program" refused ldd "$forward"
must "it is put into the guests' image" shm_guest_programs "$forward" "$shmpeer"

# There: s1 -> f1 -> f2 -> s2. Back: s2 -> g2 -> g1 -> s1. Guest n1 has f1 and g1, n2 the
# others.
chain_make()
{
	local port
	for port in f1 f2 g1 g2; do
		nv port add $port --type shm --group blue --ring-size 256 --heartbeat 2000 ||
			return 1
	done
	nv port add s1 --type vhost && nv port add s2 --type vhost &&
		nv port set s1 forward=f1 && nv port set f1 forward=f2 &&
		nv port set f2 forward=s2 && nv port set s2 forward=g2 &&
		nv port set g2 forward=g1 && nv port set g1 forward=s1
}
netvmd_start
must "a group" nv group add blue --pool-size 16M
must "a chain of ports, there and back" chain_make
guest_start s1 ip=10.0.0.1/24
guest_start s2 ip=10.0.0.2/24
shm_guest_start n1 f1 g1
shm_guest_start n2 f2 g2
must "all guests boot" guest_ready s1 s2 n1 n2
check "nobody has opened the ports" port_is f1 waiting
check "but they are attached" test "$(value .attached port show f1)" = true

# functions_start GUEST [OPTION]
functions_start()
{
	nf_start "$1" one "simple-forward --transport pci: ${2:-}" && sleep 0.5 &&
		nf_start "$1" two "simple-forward --transport pci: ${2:-}"
}
must "functions start in n1" functions_start n1
must "functions start in n2" functions_start n2
must "all ports are open" functions_run n1 f1 f2 g1 g2
must "s1 reaches s2 through the chain" reaches s1 10.0.0.2
check "with large packets, too" reaches s1 10.0.0.2 -s 1472
check "TCP there" iperf_moves 1 s1 s2 10.0.0.2 -t 3
check "TCP back" iperf_moves 1 s1 s2 10.0.0.2 -t 3 -R
check "a file of 8 MiB arrives whole" file_arrives s1 s2 10.0.0.2 8
check "from function to function nothing was copied ($(value .hops port show f2) hops)" \
	test "$(value .hops port show f2)" -gt 1000

ping_steady s1 10.0.0.2
check "functions are killed inside n1" eval 'nf_signal n1 one KILL && nf_signal n1 two KILL'
check "their buffers are back when the heartbeat has expired" wait_for 10 none_owned f1 g1
ping_gap s1 10.0.0.2 > /dev/null
must "they start again, and take requests" functions_start n1 "--offloads --segments"
must "and have their ports" functions_run n1 f1 g1
check "s1 reaches s2" reaches s1 10.0.0.2
check "TCP with its requests" iperf_moves 1 s1 s2 10.0.0.2 -t 3
check "a file of 8 MiB arrives whole with them" file_arrives s1 s2 10.0.0.2 8
check "every request was understood" test "$(value .violations port show f1)" = 0

# A reset leaves QEMU and its sockets as they are.
ping_steady s1 10.0.0.2
check "n2 is reset" guest_qmp n2 system_reset
sleep 1
must "it boots again" guest_ready n2
ping_gap s1 10.0.0.2 > /dev/null
check "its buffers are back" wait_for 10 none_owned f2 g2
must "functions start in it" functions_start n2
must "and have their ports" functions_run n2 f2 g2
check "s1 reaches s2" reaches s1 10.0.0.2

check "n1 is destroyed" guest_signal n1 KILL
check "its buffers are back at once" wait_for 2 none_owned f1 g1
shm_guest_start n1 f1 g1
must "another one boots at the same ports" guest_ready n1
must "functions start in it" functions_start n1
must "and have their ports" functions_run n1 f1 g1
check "s1 reaches s2" reaches s1 10.0.0.2

kill -KILL "$NETVMD_PID"
wait "$NETVMD_PID" 2> /dev/null
NETVMD_PID=
since=$(now_ms)
netvmd_start
check "the daemon was killed: functions in guests go on" functions_run n1 f1 f2 g1 g2
check "s1 reaches s2 within some seconds" wait_for 15 on s1 "ping -c 1 -W 1 10.0.0.2"
echo "after $(($(now_ms) - since)) ms, of which QEMU takes a second to connect again" | show
# To both functions of a guest.
both()
{
	nf_signal "$1" one "$2" && nf_signal "$1" two "$2"
}
check "no function was started anew" both n1 0

check "functions end in order" eval 'both n1 TERM && both n2 TERM'
check "not one buffer is missing" wait_for 10 pool_full blue
