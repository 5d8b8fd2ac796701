#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The network functions that we ship, as processes between two hosts with the kernel's
# own network stack: what they let through arrives whole, what they change is right to
# the other end, and what they drop does not arrive.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"

# --- functions ------------------------------------------------------------------

declare -A functions=()

number()
{
	value .number port show "$1"
}

# function_start PORT PROGRAM [OPTION-OF-ITS-OWN...]: until it has the port open.
function_start()
{
	local port=$1 program=$2
	shift 2
	setpriv --pdeathsig KILL "$nf_folder/$program" --transport "unix:$DIR/run/shm/$port" \
		--offloads --segments -- "$@" > "$DIR/$port.log" 2>&1 < /dev/null &
	functions[$port]=$!
	wait_for 60 port_is "$port" up || { cat "$DIR/$port.log"; return 1; }
}

# function_end PORT: in order; its counters are in the log then.
function_end()
{
	local pid=${functions[$1]}
	unset "functions[$1]"
	kill -TERM "$pid"
	wait "$pid" && cat "$DIR/$1.log"
}

# said PORT NAME: a counter that it printed last.
said()
{
	sed -n "s/^$2: \([0-9]*\).*/\1/p" "$DIR/$1.log" | tail -n 1
}

# The two hosts, for --between.
hosts()
{
	echo "$(number nic1),$(number nic2)"
}

# through PORT: all that the two hosts send goes to the port.
through()
{
	nv port set nic1 forward="$1" && nv port set nic2 forward="$1"
}

netvmd_start
must "a group" nv group add blue --pool-size 16M
for n in 1 2; do
	must "host $n" host_behind host$n 10.0.0.$n/24
	must "its address in IPv6" ip -n host$n address add fd00::$n/64 dev eth0 nodad
	must "its NIC port" nv port add nic$n --type nic --device net_af_packet$n,iface=host$n
done
for port in one two; do
	must "port $port" nv port add $port --type shm --group blue
done

# --- those that look, or let pass --------------------------------------------------------

all_pass()
{
	reaches host1 10.0.0.2 && reaches host2 fd00::1 && reaches host1 10.0.0.2 -s 1472 &&
		file_arrives host1 host2 10.0.0.2 1
}
must "the hosts send to port one" through one
for function in simple-forward basic-monitor flow-tracker; do
	must "$function" function_start one $function --between "$(hosts)"
	check "$function: ping and a file pass" all_pass
	check "$function: it ends" function_end one
done
check "flow-tracker has seen the flows" test "$(said one begun)" -ge 3
echo secret > $DIR/patterns
must "payload-scan" function_start one payload-scan --patterns $DIR/patterns --matched drop \
	--between "$(hosts)"
check "payload-scan: what does not match arrives" reaches host1 10.0.0.2
check "payload-scan: what matches does not" refused on host1 \
	"ping -c 3 -i 0.2 -W 1 -p 736563726574 10.0.0.2"
check "payload-scan: it ends" function_end one
check "payload-scan: it has counted that" test "$(said one matched)" = 3
must "rate-limit" function_start one rate-limit --rate 100k --burst 5000 --between "$(hosts)"
check "rate-limit: a few pass" reaches host1 10.0.0.2
check "rate-limit: not many" refused on host1 "ping -q -c 50 -i 0.01 -W 1 -s 1400 10.0.0.2 |
	tee /dev/stderr | grep -q ' 0% packet loss'"
check "rate-limit: it ends" function_end one
check "rate-limit: it has counted that" test "$(said one dropped)" -gt 10

# --- those that judge --------------------------------------------------------------------

echo "allow icmp 10.0.0.1 any
allow tcp 10.0.0.1 any 5999
allow icmp6 any any" > $DIR/rules
must "firewall" function_start one firewall --rules $DIR/rules --stateful --between "$(hosts)"
check "firewall: what is allowed passes, with its answers" reaches host1 10.0.0.2
check "firewall: and TCP" file_arrives host1 host2 10.0.0.2 1
check "firewall: IPv6 finds its neighbours" reaches host2 fd00::1
check "firewall: nothing else" refused reaches host2 10.0.0.1
check "firewall: it ends" function_end one
echo "drop icmp any any
next tcp any any 5999" > $DIR/ways
must "nf-router" function_start one nf-router --rules $DIR/ways --between "$(hosts)"
check "nf-router: by its rules, one way" file_arrives host1 host2 10.0.0.2 1
check "nf-router: and another" refused reaches host1 10.0.0.2
check "nf-router: it ends" function_end one

# --- those that change -------------------------------------------------------------------

echo "here mac $(ip netns exec host2 cat /sys/class/net/eth0/address)" > $DIR/ends
must "a virtual address on host2" ip -n host2 address add 10.0.0.9/32 dev lo
must "load-balancer" function_start one load-balancer --backends $DIR/ends --address 10.0.0.9 \
	--answer --between "$(hosts)"
check "load-balancer: its address answers" reaches host1 10.0.0.9
check "load-balancer: and takes a file" file_arrives host1 host2 10.0.0.9 1
check "load-balancer: it ends" function_end one

if [ -x "$nf_folder/aes-encrypt" ]; then
	(umask 077 && head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > $DIR/key &&
		head -c 16 /dev/urandom | od -An -v -tx1 | tr -d ' \n' > $DIR/key2)
	must "host1 leaves room" ip -n host1 link set eth0 mtu 1472
	must "what host2 sends goes straight back" nv port set nic2 forward=nic1
	must "aes-encrypt" function_start one aes-encrypt --key-file $DIR/key \
		--between "$(number nic1),$(number two)"
	must "aes-decrypt" function_start two aes-decrypt --key-file $DIR/key \
		--between "$(number one),$(number nic2)"
	check "aes: a file arrives as it left" file_arrives host1 host2 10.0.0.2 1
	check "aes: decrypt ends" function_end two
	check "aes: much was decrypted" test "$(said two "done")" -gt 500
	check "aes: and all of it was right" test "$(said two forged)" = 0
	must "aes-decrypt with another key" function_start two aes-decrypt --key-file $DIR/key2 \
		--between "$(number one),$(number nic2)"
	check "aes: nothing arrives then" refused timeout 10 ip netns exec host1 \
		bash -c 'echo lost | busybox nc -w 2 10.0.0.2 5998'
	check "aes: ping passes as it is" reaches host1 10.0.0.2
	check "aes: both end" eval 'function_end one && function_end two'
	must "the MTU is back" ip -n host1 link set eth0 mtu 1500
	must "the hosts send to port one again" through one
else
	skip "aes-encrypt, aes-decrypt" "built without OpenSSL"
fi

must "host2 gives up its address" ip -n host2 address flush dev eth0
must "for one outside" ip -n host2 address add 192.0.2.2/24 dev eth0
must "which host1 takes for a neighbour" ip -n host1 route add 192.0.2.0/24 dev eth0
must "nat" function_start one nat --inside 10.0.0.0/24 --outside 192.0.2.1 --between "$(hosts)"
check "nat: ping, by an address that host2 can answer" reaches host1 192.0.2.2
check "nat: a file" file_arrives host1 host2 192.0.2.2 1
check "nat: UDP, in and out" iperf_moves 1 host1 host2 192.0.2.2 -t 1 -u -b 2M
check "nat: nobody comes in by himself" refused reaches host2 192.0.2.1
check "nat: it ends" function_end one

# in_network N: host N with a network to itself.
in_network()
{
	ip -n "host$1" address flush dev eth0 && ip -n "host$1" address add "10.$1.0.1/24" dev eth0 &&
		ip -n "host$1" address add "fd0$1::1/64" dev eth0 nodad &&
		ip -n "host$1" route replace default via "10.$1.0.254" &&
		ip -n "host$1" route replace default via "fd0$1::fe"
}
must "a network for host1" in_network 1
must "a network for host2" in_network 2
echo "10.1.0.0/24 direct port:$(number nic1)
10.2.0.0/24 direct port:$(number nic2)
fd01::/64 direct port:$(number nic1)
fd02::/64 direct port:$(number nic2)" > $DIR/routes
must "l3fwd" function_start one l3fwd --routes $DIR/routes \
	--address 10.1.0.254/24,10.2.0.254/24,fd01::fe/64,fd02::fe/64
check "l3fwd: answers itself" reaches host1 10.1.0.254
check "l3fwd: in IPv6, too" reaches host1 fd01::fe
check "l3fwd: routes" reaches host1 10.2.0.1
check "l3fwd: in IPv6, too" reaches host2 fd01::1
check "l3fwd: a file" file_arrives host1 host2 10.2.0.1 1
check "l3fwd: says when time is exceeded" on host1 \
	"ping -c 3 -i 0.5 -t 1 10.2.0.1 | tee /dev/stderr | grep -q 'Time to live exceeded'"
check "l3fwd: and in IPv6" on host1 \
	"ping -c 3 -i 0.5 -t 1 fd02::1 | tee /dev/stderr | grep -q 'Hop limit'"
check "l3fwd: says when there is no route" on host1 \
	"ping -c 3 -i 0.5 10.3.0.1 | tee /dev/stderr | grep -q 'Unreachable'"
check "l3fwd: it ends" function_end one

# --- those that measure ------------------------------------------------------------------

must "ports that face each other" shm_pair blue left right --queues 2
generate()
{
	timeout 60 "$nf_folder/load-generator" --transport "unix:$DIR/run/shm/left" "$@"
}
must "simple-forward sends back" function_start right simple-forward
check "load-generator: nothing is lost" generate -- --count 5000 --window 64 --lossless
check "load-generator: also when its time is up" generate -- --seconds 1 --rate 2000 --lossless
check "load-generator: nor between two threads" generate --threads 2 -- --flows 100 \
	--count 5000 --window 64 --lossless
too_large()
{
	! generate -- --size 4000 2> $DIR/refused && grep 'allows 1518' $DIR/refused
}
check "load-generator: a size that the port cannot take is refused" too_large
must "simple-forward ends" function_end right
must "and serves the other end" function_start left simple-forward
tested()
{
	timeout 60 "$nf_folder/speed-tester" --transport "unix:$DIR/run/shm/right" -- \
		--seconds 1 | tee $DIR/right.log
	[ "$(said right packets)" -gt 1000 ]
}
check "speed-tester: packets go round" tested
check "simple-forward ends" function_end left
check "not one buffer is missing" wait_for 5 pool_full blue
