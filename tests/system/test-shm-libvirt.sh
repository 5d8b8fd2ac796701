#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A network function in a libvirt domain, over PCI, as one static program in a guest that
# has nothing else: what "netvmctl domain xml" prints is all that makes the domain different.
# Stock guests speak through it; a domain that is destroyed under full load gives all
# buffers back at once, disturbs nobody, and is there again.
#
# Environment: NETVM_ROUNDS   how often it is destroyed (3)
. "$(dirname "$0")/lib.sh"
. "$here/lib-libvirt.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm-guest.sh
. "$here/lib-shm-guest.sh"

rounds=${NETVM_ROUNDS:-3}
forward=$nf_folder/simple-forward
[ -x "$forward" ] || {
	skip "network functions in domains" "guest-pmd/nf/simple-forward is not built"
	exit 0
}
must "the function is a static program" refused ldd "$forward"
must "the guest's image has it" shm_guest_programs "$forward"

# There: s1, f, s2. Back: s2, g, s1.
chain_make()
{
	nv port add f --type shm --group blue --ring-size 256 &&
		nv port add g --type shm --group blue --ring-size 256 &&
		nv port add s1 --type vhost && nv port add s2 --type vhost &&
		nv port set s1 forward=f && nv port set f forward=s2 &&
		nv port set s2 forward=g && nv port set g forward=s1
}
netvmd_start
must "libvirtd runs" libvirt_start
must "a group" nv group add blue --pool-size 16M
must "a chain there and back" chain_make
for n in 1 2; do
	must "domain s$n is defined" domain_define s$n socket=$DIR/run/vhost/s$n.sock reconnect=1 \
		ip=10.0.0.$n/24
done
must "domain n1, with both functions' ports" domain_define n1 shm=f shm=g cpus=1
must "virsh start" domain_start s1 s2 n1
must "all guests boot" guest_ready s1 s2 n1
check "port f is attached" test "$(value .attached port show f)" = true
for port in f g; do
	# The first one that is free; which is which makes no difference.
	must "a function starts" nf_start n1 $port "simple-forward --timeout 60 --transport pci:"
done
must "both ports are open" functions_run n1 f g
must "s1 reaches s2" wait_for 60 reaches s1 10.0.0.2
check "with large packets, too" reaches s1 10.0.0.2 -s 1472
check "TCP there" iperf_moves 0.05 s1 s2 10.0.0.2 -t 3
check "TCP back" iperf_moves 0.05 s1 s2 10.0.0.2 -t 3 -R
check "a file of 4 MiB arrives whole" file_arrives s1 s2 10.0.0.2 4
check "the functions end" eval 'nf_signal n1 f TERM && nf_signal n1 g TERM'
check "their buffers are back" wait_for 30 none_owned f g

# --- destroyed under full load ----------------------------------------------------

# A function on l sends back what comes from a, which sends more than it can take; beside
# them c and d of the same group, and the two stock guests.
must "ports a and l" shm_pair blue a l --ring-size 256
must "ports c and d" shm_pair blue c d --ring-size 256
must "domain n2, with l" domain_define n2 shm=l cpus=1
must "s1 and s2 are connected" eval 'nv port set s1 forward=s2 && nv port set s2 forward=s1'

# How long asking takes is not the daemon's fault.
asking=0
for _ in 1 2 3 4 5; do
	since=$(now_ms)
	owned l > /dev/null
	took=$(($(now_ms) - since))
	[ $took -le $asking ] || asking=$took
done

n2_works()
{
	domain_start n2 && guest_ready n2 &&
		nf_start n2 l "simple-forward --timeout 60 --transport pci:" && functions_run n2 l &&
		wait_for 60 has_sent "$(value .counters.rx_packets port show l)"
}
has_sent()
{
	[ "$(value .counters.rx_packets port show l)" -gt $(($1 + 1000)) ]
}
loaded()
{
	[ "$(owned l)" -gt 32 ]
}
# n2_destroyed: and notes how long after QEMU's end its buffers were back. QEMU closes its
# sockets as it ends.
shortest=99999 longest=0
n2_destroyed()
{
	local pid since took virsh
	pid=$(cat /run/libvirt/qemu/n2.pid) || return 1
	virsh --quiet destroy n2 &
	virsh=$!
	while kill -0 "$pid" 2> /dev/null && ! process_ended "$pid"; do :; done
	since=$(now_ms)
	until [ "$(owned l)" = 0 ]; do
		[ $(($(now_ms) - since)) -lt 20000 ] || { echo "it still owns $(owned l)"; return 1; }
	done
	took=$(($(now_ms) - since))
	[ $took -le $longest ] || longest=$took
	[ $took -ge $shortest ] || shortest=$took
	wait $virsh
}
must "a sends without a break" peer_start a traffic --rate 200000 --size 200
must "d echoes" peer_start d echo
must "c sends and judges" peer_start c traffic --rate 500 --inflight 100
check "s1 reaches s2" wait_for 60 reaches s1 10.0.0.2
ping_steady s1 10.0.0.2 0.1
for ((round = 1; round <= rounds; round++)); do
	must "round $round: n2 starts, and its function has the port at once" n2_works
	check "it is under full load" wait_for 30 loaded
	must "virsh destroy" n2_destroyed
done
# A machine that is busy with other things may be late once.
check "all its buffers were back within 100 ms ($shortest to $longest ms; asking takes $asking ms)" \
	test $shortest -lt $((100 + 2 * asking))
check "a was never asked to open its port again" eval \
	'peer_end a; peer_holds a ".reopened == 0 and .corrupt == 0"'
check "between c and d not one packet was lost" eval \
	'peer_end c; peer_holds c ".reopened == 0 and .corrupt == 0 and .lost == 0 and .received > 1000"'
check "d was not disturbed" eval 'peer_end d; peer_holds d ".reopened == 0"'
# Late is the machine's business, missing is ours.
none_missing()
{
	on s1 "kill -INT \$(cat ping.10.0.0.2.pid); sleep 0.5; cat ping.10.0.0.2" | awk '
		match($0, /seq=[0-9]+/) { n++; last = substr($0, RSTART + 4, RLENGTH - 4) + 0 }
		END { print n, "answers, the last one to ping", last; exit !(n > 20 && n == last + 1) }'
}
check "s1 had an answer from s2 to each ping meanwhile" none_missing
check "no port was put in error" refused grep -E "port [a-z0-9]+: error" $DIR/netvmd.log
for domain in s1 s2 n1; do
	check "virsh destroy $domain" virsh --quiet destroy $domain
done
check "not one buffer is missing" eval 'wait_for 10 pool_full blue || pool_full blue'
