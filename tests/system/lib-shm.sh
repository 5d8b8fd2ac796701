# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the tests of shm ports share; they source it after lib.sh. Network functions
# are shmpeer (tests/shm), which sends numbered frames and judges what comes, and
# those that we ship (guest-pmd/nf).
# shellcheck disable=SC2154,SC2034 # lib.sh's; the tests'

shmpeer=$NETVM_BUILD/tests/shm/shmpeer
nf_folder=$NETVM_BUILD/guest-pmd/nf
declare -A peer_pids=()

# peer NAME-OF-PORT MODE [OPTION...]: in the foreground.
peer()
{
	local port=$1 mode=$2
	shift 2
	timeout 120 "$shmpeer" --dir "$DIR/run/shm" --port "$port" "$@" "$mode"
}

# peer_start PORT MODE [OPTION...]: in the background, until it has the port open. Its
# lines are in $DIR/PORT.peer.log.
peer_start()
{
	local port=$1 mode=$2
	shift 2
	: > "$DIR/$port.peer.log"
	setpriv --pdeathsig KILL "$shmpeer" --dir "$DIR/run/shm" --port "$port" "$@" "$mode" \
		> "$DIR/$port.peer.log" 2>> "$DIR/$port.peer-errors.log" < /dev/null &
	peer_pids[$port]=$!
	peer_open "$port" || {
		tail -n 3 "$DIR/$port.peer-errors.log"
		return 1
	}
}
# Without a shell's loop of its own: some tests do this hundreds of times.
peer_open()
{
	local end=$((SECONDS + 10))
	until [ -s "$DIR/$1.peer.log" ]; do
		[ $SECONDS -lt $end ] && ! process_ended "${peer_pids[$1]}" || return 1
		sleep 0.005
	done
}

# peer_end PORT: in order; its exit status.
peer_end()
{
	peer_signal "$1" TERM
}
peer_signal()
{
	local pid=${peer_pids[$1]}
	unset "peer_pids[$1]"
	kill "-$2" "$pid"
	wait "$pid" 2> /dev/null
}

# peer_said PORT FILTER: of its last line.
peer_said()
{
	tail -n 1 "$DIR/$1.peer.log" | jq -r "$2"
}

# peer_holds PORT CONDITION: the same as a check, which shows the line.
peer_holds()
{
	tail -n 1 "$DIR/$1.peer.log" | tee /dev/stderr | jq -e "$2" > /dev/null
}

# --- pools ------------------------------------------------------------------

# pool GROUP: "buffers free guests".
pool()
{
	value '"\(.buffers) \(.free) \(.with_guests)"' group show "$1"
}

# Every buffer is where it belongs when nobody is attached: free.
pool_full()
{
	local buffers free guests
	read -r buffers free guests < <(pool "$1")
	echo "group $1 has $buffers buffers, $free free, $guests with ports"
	[ -n "$buffers" ] && [ "$buffers" != 0 ] && [ "$buffers" = "$free" ] && [ "$guests" = 0 ]
}

# None is lost or there twice while members are quiet.
pool_exact()
{
	local buffers free guests
	read -r buffers free guests < <(pool "$1")
	echo "group $1 has $buffers buffers, $free free, $guests with ports"
	[ -n "$buffers" ] && [ "$buffers" = $((free + guests)) ]
}

# Packets that a port's own rings had no room for, and all others it dropped.
port_drops()
{
	value '[.drops[]?] | add // 0' port show "$1"
}

owned()
{
	value .owned port show "$1"
}

# none_owned PORT...: they have given back every buffer.
none_owned()
{
	local port
	for port in "$@"; do
		[ "$(owned "$port")" = 0 ] || return 1
	done
}

# shm_pair GROUP A B [OPTION...]: two ports that forward to each other.
shm_pair()
{
	local group=$1 a=$2 b=$3
	shift 3
	nv port add "$a" --type shm --group "$group" "$@" &&
		nv port add "$b" --type shm --group "$group" "$@" &&
		nv port set "$a" forward="$b" && nv port set "$b" forward="$a"
}
