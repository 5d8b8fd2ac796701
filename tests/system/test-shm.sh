#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Host processes on shm ports: traffic between them without a copy, who may attach,
# what a slow, a hoarding and a killed one do to others (nothing), and what
# becomes of their buffers: every one is accounted for.
#
# Environment: NETVM_ROUNDS   how often a network function is killed (200)
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"

rounds=${NETVM_ROUNDS:-200}

netvmd_start
must "a group" nv group add blue --pool-size 16M --buffer-size 2304
must "ports a and b, forwarding to each other" shm_pair blue a b --ring-size 256 --mtu 9000
check "all of the pool is free" pool_full blue
knows_itself()
{
	peer a info | tee /dev/stderr | jq -e '.name == "a" and .group == "blue" and .mtu == 9000'
}
check "a process attaches and is told what the port is" knows_itself

# --- traffic ------------------------------------------------------------------

# there_and_back SIZE: frames from a, which the function on b sends back.
there_and_back()
{
	peer_start b echo || return 1
	peer a traffic --size "$1" --count 2000 --seconds 30 --rate 5000 --inflight 30 > $DIR/a.peer.log
	peer_end b
	peer_holds a '.received >= 2000 and .corrupt == 0 and .reordered == 0 and .lost == 0 and
		.foreign == 0'
}
for size in 60 300 1514 2300 9014; do
	check "frames of $size bytes go there and back" there_and_back $size
done
check "hops are counted" test "$(value .hops port show b)" -ge 2000
both_ways()
{
	peer_start a traffic --rate 4000 --size 200 && peer_start b traffic --rate 4000 --size 1000 ||
		return 1
	sleep 2
	peer_end a && peer_end b && peer_holds a '.received > 1000 and .lost == 0' &&
		peer_holds b '.received > 1000 and .lost == 0'
}
check "both ways at once" both_ways
check "all buffers are back" wait_for 5 pool_full blue

# As every port, they are members of a network where nothing else is said.
must "port c" nv port add c --type shm --group blue
must "port d" nv port add d --type shm --group blue
in_network()
{
	peer_start d sink || return 1
	peer c traffic --to "$(value .mac port show d)" --rate 2000 --seconds 1 > $DIR/c.peer.log
	peer_end d
	peer_holds d '.received > 1000 and .corrupt == 0 and .lost == 0'
}
check "shm ports of a network reach each other" in_network
must "another group" nv group add red --pool-size 4M
must "port r of it" nv port add r --type shm --group red
between_groups()
{
	peer_start r sink || return 1
	peer c traffic --to "$(value .mac port show r)" --rate 2000 --seconds 1 > $DIR/c.peer.log
	peer_end r
	peer_holds r '.received > 1000 and .corrupt == 0 and .lost == 0'
}
check "and those of another group" between_groups
check "a group with ports is not deleted" refused nv group del red

# --- three queue pairs, one doorbell ---------------------------------------------

must "ports m and n with fewer doorbells than pairs" \
	shm_pair blue m n --queues 3 --vectors 1 --ring-size 256
doorbell_shared()
{
	peer_start n echo || return 1
	peer m traffic --count 1000 --seconds 30 --rate 2000 > $DIR/m.peer.log
	peer_end n
	# Pairs overtake each other, which counts as lost and found again.
	peer_holds m '.received >= 1000 and .corrupt == 0 and .foreign == 0'
}
check "traffic of pairs that share a doorbell" doorbell_shared
worker_sleeps()
{
	value '[.workers[].sleeps] | add' worker list
}
# On a timer it would be 1,000 times a second.
sleeps_long()
{
	local before
	peer_start m idle && peer_start n idle || return 1
	sleep 0.5
	before=$(worker_sleeps)
	sleep 2
	echo "slept $(($(worker_sleeps) - before)) times"
	[ $(($(worker_sleeps) - before)) -lt 300 ]
	local status=$?
	peer_end m && peer_end n && return $status
}
check "a worker sleeps until it is rung" sleeps_long

# --- who may attach -----------------------------------------------------------

second_is_refused()
{
	peer_start b echo && peer_start a traffic --rate 2000 || return 1
	sleep 0.3
	! peer a info --timeout 2 && ! peer b traffic --seconds 1 --timeout 2 || return 1
	sleep 0.3
	peer_end a && peer_end b && peer_holds a '.received > 200 and .lost == 0 and .reopened == 0'
}
check "a second client is refused, and the first one undisturbed" second_is_refused
nobody()
{
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}
as_nobody()
{
	cp "$shmpeer" $DIR/shmpeer && nobody $DIR/shmpeer --dir $DIR/run/shm --port a info
}
chmod 711 $DIR
check "who may not open the sockets does not attach" refused as_nobody
chown 65534 $DIR/run/shm/a.*.sock
check "and may when it owns them" as_nobody

# --- with nothing but two sockets in sight --------------------------------------

# in_cell PROGRAM WORD...: in namespaces of its own, where of all that is on this machine
# only the program, its libraries and the two sockets of port a are to be seen, as a user
# without any privilege. What libnetvm(3) says of containers.
cell=$DIR/cell
cell_make()
{
	local file
	rm -rf $cell
	mkdir -p $cell/nf
	touch $cell/nf/a.ring.sock $cell/nf/a.pool.sock
	cp "$1" $cell/nf/program
	for file in $(ldd "$1" 2> /dev/null | awk '$2 == "=>" { print $3 } $1 ~ "^/" { print $1 }'); do
		install -D "$(readlink -f "$file")" "$cell$file"
	done
}
# What runs inside the namespaces.
export cell
# shellcheck disable=SC2016 # it is that shell's
cell_enter='mount --bind "$1/a.ring.sock" $cell/nf/a.ring.sock &&
	mount --bind "$1/a.pool.sock" $cell/nf/a.pool.sock && shift && exec chroot --userspec=65534:65534 $cell "$@"'
in_cell()
{
	exec unshare --mount --net --pid --ipc --uts --fork --kill-child \
		bash -c "$cell_enter" cell $DIR/run/shm "$@"
}
from_cell()
{
	cell_make "$shmpeer"
	peer_start b echo || return 1
	timeout 60 bash -c "$(declare -f in_cell); DIR=$DIR cell_enter='$cell_enter' in_cell \
		/nf/program --dir /nf --port a --count 500 --seconds 20 traffic" > $DIR/a.peer.log
	peer_end b
	peer_holds a '.received >= 500 and .corrupt == 0 and .lost == 0'
}
check "a process that sees only the two sockets works" from_cell
if [ -x "$nf_folder/simple-forward" ]; then
	cell_is_bare()
	{
		cell_make "$nf_folder/simple-forward"
		(cd $cell && find . -not -type d | sort | paste -sd ' ' | tee /dev/stderr |
			grep -qx './nf/a.pool.sock ./nf/a.ring.sock ./nf/program')
	}
	check "a static one sees no file but itself, not even a /proc" cell_is_bare
	nf_in_cell()
	{
		local pid
		setpriv --pdeathsig KILL bash -c "$(declare -f in_cell); DIR=$DIR cell_enter='$cell_enter' \
			in_cell /nf/program --transport unix:/nf/a" > $DIR/cell.log 2>&1 &
		pid=$!
		wait_for 10 port_is a up
		peer b traffic --count 500 --seconds 20 > $DIR/b.peer.log
		# Another user's, so it does not die with unshare.
		kill -TERM "$(value .peer port show a)"
		wait $pid
		peer_holds b '.received >= 500 and .corrupt == 0 and .lost == 0'
	}
	check "so does one that we ship" nf_in_cell
else
	skip "one that we ship in such a cell" "guest-pmd/nf/simple-forward is not built"
fi
check "all buffers are back" wait_for 5 pool_full blue

# --- killed under load ------------------------------------------------------------

# How long asking takes is not the daemon's fault.
asking=0
for _ in 1 2 3 4 5; do
	since=$(now_ms)
	owned b > /dev/null
	took=$(($(now_ms) - since))
	[ $took -le $asking ] || asking=$took
done
all_took=()
# killed_once: b is killed under load; its buffers are free soon, and it starts again at once.
killed_once()
{
	local since
	peer_start b "$1" || { echo "b does not attach"; return 1; }
	sleep "0.0$((RANDOM % 10))"
	peer_signal b KILL
	since=$(now_ms)
	until [ "$(owned b)" = 0 ]; do
		[ $(($(now_ms) - since)) -lt 5000 ] || { echo "it still owns $(owned b)"; return 1; }
	done
	all_took+=($(($(now_ms) - since)))
}
killed_often()
{
	local round mode
	for ((round = 1; round <= rounds; round++)); do
		mode="echo"
		[ $((round % 3)) != 0 ] || mode=hoard
		killed_once $mode || { echo "in round $round"; return 1; }
	done
}
must "c forwards to d, and d to c" eval 'nv port set c forward=d && nv port set d forward=c'
must "d echoes" peer_start d echo
must "a sends all the time" peer_start a traffic --rate 20000 --size 200
must "so does c, to d" peer_start c traffic --rate 5000 --inflight 100
check "the function on b is killed and started $rounds times" killed_often
# Half of the rounds must show it. In the others this machine may have been busy
# elsewhere; 5 s is the limit of each.
mapfile -t all_took < <(printf '%s\n' "${all_took[@]}" | sort -n)
median=${all_took[$((${#all_took[@]} / 2))]} longest=${all_took[-1]}
check "its buffers are free within 100 ms (median $median, longest $longest ms; asking takes $asking ms)" \
	test "$median" -lt $((100 + asking))
check "a was not disturbed: it was never asked to open its port again" eval \
	'peer_end a; peer_holds a ".reopened == 0 and .corrupt == 0"'
# What those saw that had nothing to do with it; the limit is a loaded machine's.
check "c and d were not disturbed: no frame is lost, and they come without a gap" eval \
	'peer_end c; peer_end d; peer_holds c ".lost == 0 and .corrupt == 0 and .reordered == 0 and
		.reopened == 0 and .gap_ms < 2000"'
echo "# their longest gap was $(peer_said c .gap_ms) ms"
check "not one buffer is missing" wait_for 5 pool_full blue

# --- slow and greedy ones -----------------------------------------------------------

beside()
{
	local enemy=$1 before
	shift
	before=$(port_drops d)
	peer_start d "$enemy" "$@" && peer_start b echo &&
		peer_start a traffic --rate 3000 --inflight 100 &&
		peer_start c traffic --rate 20000 || return 1
	sleep 2
	peer_end c
	peer_end a && peer_end b && peer_end d
	echo "dropped at its door: $(($(port_drops d) - before))"
	[ $(($(port_drops d) - before)) -gt 100 ] &&
		peer_holds a '.received > 1000 and .lost == 0 and .corrupt == 0'
}
check "a slow function backs up only itself" beside sink --delay-us 5000
check "so does one that has stopped" beside idle
check "and one that gives nothing back" beside hoard
check "all buffers are back" wait_for 5 pool_full blue

# --- the daemon is killed -------------------------------------------------------------

resumes=0
daemon_killed()
{
	local since got
	kill -KILL "$NETVMD_PID"
	wait "$NETVMD_PID" 2> /dev/null
	NETVMD_PID=
	since=$(now_ms)
	netvmd_start
	got=$(peer_said a .received)
	until [ "$(peer_said a .received)" -gt $((got + 10)) ]; do
		[ $(($(now_ms) - since)) -lt 10000 ] || return 1
		sleep 0.02
	done
	resumes=$(($(now_ms) - since))
}
# Not in the order of their names, and with a gap.
numbers()
{
	local port
	for port in a b y; do value .number port show $port; done
}
must "port z" nv port add z --type shm --group blue
must "port y" nv port add y --type shm --group blue
must "z goes" nv port del z
numbered=$(numbers)
must "b echoes" peer_start b echo
must "a sends" peer_start a traffic --rate 5000 --report 0.05
sleep 0.5
slowest=0
for round in 1 2 3 4 5; do
	check "round $round: processes go on after the daemon was killed" daemon_killed || break
	[ "$resumes" -le $slowest ] || slowest=$resumes
	sleep 0.2
done
check "ports keep their numbers" test "$(numbers)" = "$numbered"
check "within 2 s ($slowest ms)" test "$slowest" -lt 2000
check "without opening their ports again" eval 'peer_end a; peer_holds a \
	".reopened == 0 and .corrupt == 0 and .generation >= 5"'
check "the other as well" eval 'peer_end b; peer_holds b ".reopened == 0"'
check "not one buffer is missing" wait_for 5 pool_full blue

# A stop in order is the end for those who are attached.
check "a port with a client is deleted" eval 'peer_start a idle && nv port del a'
check "its process sees it" wait_for 5 process_ended "${peer_pids[a]}"
wait "${peer_pids[a]}" 2> /dev/null
check "all buffers are back" wait_for 5 pool_full blue
