#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The daemon's life without a guest: what it refuses to start with, kill -9 and
# the state file, reload, clean stop, and two daemons side by side.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/lib-control.sh"

# --- what it does not start with ---------------------------------------------------

# starts_not STATUS TEXT OPTION...: the daemon ends by itself with the status and
# says one sentence with the text; nothing of it stays.
starts_not()
{
	gives "$1" "$2" timeout -k 1 20 "$NETVM_BUILD/netvmd" --config $DIR/bad.conf \
		--run-dir $DIR/bad --state-file $DIR/bad.json "${@:3}" || return 1
	[ ! -e $DIR/bad/control.sock ] || { echo "the control socket is left"; return 1; }
}
# bad_config TEXT LINE...: refused by a start, --check and netvmctl alike.
bad_config()
{
	local text=$1
	shift
	printf '%s\n' "$@" > $DIR/bad.conf
	check "start refused: $* ($text)" starts_not 1 "$text"
	check "--check refuses it, too" starts_not 1 "$text" --check
	check "config check refuses it, too" gives 1 "$text" nv config check $DIR/bad.conf
}
# bad_machine TEXT LINE...: only this machine makes it wrong.
bad_machine()
{
	local text=$1
	shift
	printf '%s\n' "$@" > $DIR/bad.conf
	check "start refused: $* ($text)" starts_not 1 "$text"
	check "--check refuses it, too" starts_not 1 "$text" --check
	check "config check cannot know" nv config check $DIR/bad.conf
}

bad_config 'colour' '[workers]' 'colour=red'
bad_config 'plugins' '[plugins]' 'a=b'
bad_config 'bad.conf:3' '' '[workers]' 'poll=never'
bad_config 'colour' '[port p]' 'type=vhost' 'colour=red'
bad_config 'tap' '[port p]' 'type=tap'
bad_config 'type' '[port p]' 'network=default'
bad_config 'green' '[port p]' 'type=vhost' 'network=green'
bad_config 'p' '[port p]' 'type=vhost' '[port p]' 'type=vhost'
bad_config 'mtu' '[port p]' 'type=vhost' 'mtu=1500' 'mtu=1600'
bad_config 'name' '[port ../p]' 'type=vhost'
bad_config 'ageing' '[network n]' 'ageing-s=x'
bad_config 'bad.conf:1' 'poll=always'
bad_config 'bad.conf:2' '[workers]' 'poll'
bad_config 'cpus' '[workers]' 'cpus=1-'
bad_config 'packet-memory' '[memory]' 'packet-memory=lots'
bad_config 'no-such-user' '[sockets]' 'owner=no-such-user'
bad_config 'mode' '[sockets]' 'mode=rw'
bad_machine '999' '[workers]' 'cpus=999'
bad_machine 'memory' '[memory]' 'hugepages=never' 'packet-memory=1000G'
bad_machine 'memory' '[memory]' 'hugepages=required' 'packet-memory=1000G'
rm $DIR/bad.conf
check "a config that was named has to be there" starts_not 1 bad.conf
touch $DIR/bad.conf
check "a run directory too long for a socket" gives 1 '107' timeout 20 "$NETVM_BUILD/netvmd" \
	--config $DIR/bad.conf --run-dir "$DIR/$(printf 'd%.0s' {1..110})" --state-file $DIR/bad.json
check "an unknown option is wrong usage" \
	[ "$("$NETVM_BUILD/netvmd" --no-such-option > /dev/null 2>&1; echo $?)" = 2 ]
check "a word too many is wrong usage" \
	[ "$("$NETVM_BUILD/netvmd" surplus > /dev/null 2>&1; echo $?)" = 2 ]

# --- kill -9 and the state file ------------------------------------------------------

cat > $DIR/netvmd.conf << 'CONF'
[memory]
hugepages = never
packet-memory = 32M
[network blue]
[port cfg1]
type = vhost
network = blue
CONF
check "--check likes a good config" "$NETVM_BUILD/netvmd" --check --config $DIR/netvmd.conf \
	--run-dir $DIR/unused
check "--check makes nothing" [ ! -e $DIR/unused ]
netvmd_start
host_behind h0 10.1.0.2/24
must "objects at run time" eval '
	nv network add red --ageing-s 30 --storm-pps 7 &&
	nv port add vm1 --type vhost --network red --vlan 10 --guard mac=52:54:00:00:00:01 --mtu 9000 --queues 2 &&
	nv port add vm2 --type vhost --mode client --socket /run/t/q.sock --trunk 10,20-30 &&
	nv port add up0 --type nic --device net_af_packet0,iface=h0 &&
	nv port add gone --type vhost && nv port del gone &&
	nv port set vm2 enabled=no mtu=1400'
objects > $DIR/before
check "kill -9" eval '! netvmd_end KILL'
check "the sockets stay behind" [ -S $DIR/run/vhost/vm1.sock ]
started=$(now_ms)
netvmd_start
echo "restarted within $(($(now_ms) - started)) ms" | show
objects > $DIR/after
check "every object is back as it was" diff $DIR/before $DIR/after
check "the NIC port is up again" wait_for 5 port_is up0 up
check "the vhost port listens again" socat -u OPEN:/dev/null "UNIX-CONNECT:$DIR/run/vhost/vm1.sock"

# --- reload --------------------------------------------------------------------------

reload()
{
	kill -HUP $NETVMD_PID
}
printf '[port p]\ntype=tap\n' > $DIR/netvmd.conf
objects > $DIR/before
reload
check "a bad config is refused by a reload" wait_for 5 grep -q 'reload refused.*tap' $DIR/netvmd.log
objects > $DIR/after
check "a refused reload changes nothing" diff $DIR/before $DIR/after
cat > $DIR/netvmd.conf << 'CONF'
[memory]
hugepages = never
packet-memory = 32M
[network blue]
ageing-s = 77
[port cfg2]
type = vhost
network = blue
CONF
reload
check "a reload adds a port" wait_for 5 port_is cfg2 waiting
check "a reload takes a port away" gives 1 cfg1 nv port show cfg1
check "and its socket" [ ! -e $DIR/run/vhost/cfg1.sock ]
check "a reload changes a network" holds 77 .ageing_s network show blue
check "a reload leaves run-time ports alone" holds "10 9000" '"\(.vlan) \(.mtu)"' port show vm1
check "a port in use keeps its network" eval 'nv port set vm2 network=blue'
printf '[memory]\nhugepages = never\npacket-memory = 32M\n' > $DIR/netvmd.conf
reload
check "a reload does not take a network from a run-time port" \
	wait_for 5 grep -q 'reload refused.*blue' $DIR/netvmd.log
check "the network is still there" nv network show blue

# --- two daemons ---------------------------------------------------------------------

check "a second daemon on the same run directory is refused" gives 1 'in use' timeout 20 \
	"$NETVM_BUILD/netvmd" --config $DIR/netvmd.conf --run-dir $DIR/run --state-file $DIR/other.json
check "a second daemon on the same state file is refused" gives 1 'in use' timeout 20 \
	"$NETVM_BUILD/netvmd" --config $DIR/netvmd.conf --run-dir $DIR/run2 --state-file $DIR/state.json
check "the first one does not mind" nv status
"$NETVM_BUILD/netvmd" --config $DIR/netvmd.conf --run-dir $DIR/run2 --state-file $DIR/state2.json \
	> $DIR/netvmd2.log 2>&1 &
second=$!
nv2() { "$NETVM_BUILD/netvmctl" --run-dir $DIR/run2 "$@"; }
check "a daemon with its own run directory starts" nv2 status --wait 20
check "it has no ports of the first one" [ "$(nv2 --json port list | jq '.ports | length')" = 0 ]
check "a port of the same name in both" nv2 port add vm1 --type vhost
check "has a socket in each" [ -S $DIR/run2/vhost/vm1.sock -a -S $DIR/run/vhost/vm1.sock ]
kill $second
check "the second one stops" wait_for 10 process_ended $second
check "the first one still answers" nv status

# eal_folder RUN-DIR: where DPDK has the telemetry socket (eal.c names it).
eal_folder()
{
	local path hash=2166136261 i
	path=$(realpath "$1")
	for ((i = 0; i < ${#path}; i++)); do
		hash=$((((hash ^ $(printf '%d' "'${path:i:1}")) * 16777619) & 0xffffffff))
	done
	printf '/var/run/dpdk/netvm-%08x' $hash
}
"$NETVM_BUILD/netvmd" --config $DIR/netvmd.conf --run-dir $DIR/run2 --state-file $DIR/state2.json \
	> $DIR/netvmd2.log 2>&1 &
second=$!
check "the second one starts again" nv2 status --wait 20
check "it has a folder for DPDK" [ -S "$(eal_folder $DIR/run2)/dpdk_telemetry.v2" ]
kill -KILL $second
check "killed, it ends" wait_for 10 process_ended $second
check "and leaves that behind" [ -d "$(eal_folder $DIR/run2)" ]
"$NETVM_BUILD/netvmd" --config $DIR/netvmd.conf --run-dir $DIR/run3 --state-file $DIR/state3.json \
	> $DIR/netvmd3.log 2>&1 &
second=$!
check "a third one starts" "$NETVM_BUILD/netvmctl" --run-dir $DIR/run3 status --wait 20
check "it has removed the folder" [ ! -e "$(eal_folder $DIR/run2)" ]
check "and not that of the first one" [ -S "$(eal_folder $DIR/run)/dpdk_telemetry.v2" ]
kill $second
check "the third one stops" wait_for 10 process_ended $second

# --- stop ----------------------------------------------------------------------------

check "SIGTERM ends it with status 0" netvmd_end TERM
check "no socket is left" [ -z "$(find $DIR/run -type s)" ]
check "no process is left" refused pgrep -x netvmd
check "the state file stays" [ "$(jq -r '[.ports[].name] | sort | join(" ")' $DIR/state.json)" = "up0 vm1 vm2" ]

# --- a state file that is of no use ----------------------------------------------------

printf '[memory]\nhugepages = never\npacket-memory = 32M\n[network blue]\n[port cfg1]\ntype = vhost\n' \
	> $DIR/netvmd.conf
# bad_state WORD TEXT: the daemon keeps it aside, says so, starts from the config.
bad_state()
{
	printf '%s' "$2" > $DIR/state.json
	: > $DIR/netvmd.log
	netvmd_start
	check "$1: it starts from the config" holds cfg1 '[.ports[].name] | join(" ")' port list
	check "$1: the file is kept aside" grep -qxF -- "$2" $DIR/state.json.*
	check "$1: the log says so" grep -qE "state.json.*state.json\.[a-z]+" $DIR/netvmd.log
	check "$1: it stops" netvmd_end TERM
	rm -f $DIR/state.json*
}
bad_state "a state file that is no JSON" '{"version":1,"ports":['
bad_state "a state file with a wrong value" '{"version":1,"networks":[],"ports":[{"name":"x","type":"tap"}]}'
bad_state "a state file of a newer version" '{"version":99,"ports":[],"networks":[]}'
