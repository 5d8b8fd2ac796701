#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# netvmctl against a scripted daemon (fake-netvmd): the requests it sends, the
# tables it prints, its exit codes and its sentences for wrong usage. Then the
# bash completion. Runs in the build folder.
# shellcheck source-path=SCRIPTDIR source=lib-cli.sh
. "${srcdir:-.}/tests/unit/lib-cli.sh"

answer status '{"result":{"version":"0.1.0","dpdk":"DPDK 22.11","pid":42,"run_dir":"/r",
	"uptime_s":90061,"hugepages":true,"packet_memory":67108864,"simd":"avx2","workers":2,
	"poll":"adaptive","ports":3,"ports_up":1,"networks":2}}'
answer port.add '{"result":{"name":"vm1","state":"waiting","socket":"/r/vhost/vm1.sock"}}'
answer port.list '{"result":{"ports":[
	{"name":"vm1","type":"vhost","state":"up","network":"default","vlan":10,
	 "counters":{"rx_packets":12345678901,"tx_packets":7},"drops":{"a":1,"b":2}},
	{"name":"uplink-with-a-long-name-of-31-ch","type":"nic","state":"error","trunk":"10,20-30",
	 "counters":{"rx_packets":0,"tx_packets":0},"drops":{}}]}}'
answer port.show '{"result":{"name":"vm1","type":"vhost","state":"up","enabled":true,
	"network":"default","vlan":0,"guard":"mac=52:54:00:00:00:01","mtu":1500,
	"queues":{"configured":4,"running":2},
	"counters":{"rx_packets":3,"rx_bytes":180,"tx_packets":4,"tx_bytes":240},
	"queue_counters":[{"rx_packets":1,"rx_bytes":60,"tx_packets":4,"tx_bytes":240},
		{"rx_packets":2,"rx_bytes":120,"tx_packets":0,"tx_bytes":0}],
	"drops":{"no_room":5,"guard_mac":0},"persistent":"state","socket":"/r/vhost/vm1.sock",
	"mode":"server","connected":true,"features":["VERSION_1","MRG_RXBUF"],
	"protocol_features":["MQ"],"guest_mtu":1500,"rings":"packed","ring_sizes":[[256,256],[1024,512]],
	"link":{"up":true,"mbps":10000}}}'
for m in group.del port.del port.set network.add network.del network.set stats.reset; do
	answer $m '{"result":{}}'
done
answer group.add '{"result":{"name":"g","buffers":29000,"buffer_size":2304}}'
answer group.list '{"result":{"groups":[{"name":"g","state":"up","buffers":29000,
	"buffer_size":2304,"free":28000,"with_guests":1000,"numa":"all","ports":["fw0","fw1"]}]}}'
answer group.show '{"result":{"name":"g","state":"up","free":28000,"under_way":3}}'
answer network.list '{"result":{"networks":[{"name":"default","ageing_s":300,"max_macs":8192,
	"storm_pps":0,"ports":["vm1","vm2"],"macs":2,"moves":0,"full":0,"flooded":9}]}}'
answer network.show '{"result":{"name":"default","ageing_s":300,"flooded":9,"ports":["vm1"]}}'
answer network.fdb '{"result":{"entries":[
	{"mac":"52:54:00:00:00:01","vlan":0,"port":"vm1","age_s":3}],"more":17}}'
answer worker.list '{"result":{"workers":[{"id":0,"cpu":1,"state":"sleeping","packets":100,
	"busy_cycles":7200,"idle_cycles":999999,"busy_cycles_per_packet":72,"idle_percent":99,
	"sleeps":4,"queues":2}]}}'
answer stats.get '{"result":{"time":5.5,"ports":[{"name":"vm1","rx_packets":3,"rx_bytes":180,
	"tx_packets":4,"tx_bytes":240,"drops":{"no_room":5,"guard_mac":0},
	"queues":[{"rx_packets":1},{"rx_packets":2}]}],
	"workers":[{"id":0,"cpu":1,"state":"polling","packets":100}]}}'

# The daemon is there as soon as status answers.
run status --wait 10
rc_is 0
sent status '{}'
out_has '^  uptime +1d 01:01:01$'
out_has '^  hugepages +yes$'
out_has '^  packet memory +64 MiB$'
run --json status
[ "$(jq -r .pid "$tmp/out")" = 42 ] || fail "$what: not the result object"

# Requests: numbers as numbers, text as text, nothing invented.
run port add vm1 --type vhost --mode client --socket /s --queues 4 --network blue --vlan 10 \
	--guard mac=52:54:00:00:00:01,ip=10.0.0.1 --mtu=9000 --enabled no
rc_is 0
sent port.add '{"name":"vm1","type":"vhost","mode":"client","socket":"/s","queues":4,
	"network":"blue","vlan":10,"guard":"mac=52:54:00:00:00:01,ip=10.0.0.1","mtu":9000,
	"enabled":"no"}'
out_has '^port vm1: waiting, /r/vhost/vm1.sock$'
run port add 7 --type nic --device net_af_packet0,iface=veth0 --trunk 10 --queues auto
sent port.add '{"name":"7","type":"nic","device":"net_af_packet0,iface=veth0","trunk":"10",
	"queues":"auto"}'
run port add up --type nic --bond lacp --device "a b" --rate-bps 10M --rate-pps 5000 \
	--mirror p --mirror-direction in
sent port.add '{"name":"up","type":"nic","bond":"lacp","device":"a b","rate_bps":"10M",
	"rate_pps":5000,"mirror":"p","mirror_direction":"in"}'
run port set up out-rate-bps=1G out-burst-bytes=100000
sent port.set '{"name":"up","settings":{"out-rate-bps":"1G","out-burst-bytes":100000}}'
run port add x --vlan 1e3 --mtu 99999999999999999999 --queues -1
sent port.add '{"name":"x","vlan":"1e3","mtu":"99999999999999999999","queues":"-1"}'
run port del -- --odd
sent port.del '{"name":"--odd"}'
out_is_empty
run port set vm1 vlan=20 guard=mac=52:54:00:00:00:01 network=12 some-thing=1 max_macs=5
sent port.set '{"name":"vm1","settings":{"vlan":20,"guard":"mac=52:54:00:00:00:01",
	"network":"12","some-thing":"1","max_macs":"5"}}'
run network add blue --ageing-s 60 --max-macs 100 --storm-pps 5
sent network.add '{"name":"blue","ageing_s":60,"max_macs":100,"storm_pps":5}'
run network set blue ageing-s=70
sent network.set '{"name":"blue","settings":{"ageing-s":70}}'
run network del blue
sent network.del '{"name":"blue"}'
run group add g --pool-size 256M --buffer-size 4096 --numa 0
rc_is 0
sent group.add '{"name":"g","pool_size":"256M","buffer_size":4096,"numa":"0"}'
out_has '^group g: 29000 buffers of 2304 bytes$'
run group del g
sent group.del '{"name":"g"}'
run port add fw0 --type shm --group g --queues 2 --ring-size 512 --vectors 2 --heartbeat 5000
sent port.add '{"name":"fw0","type":"shm","group":"g","queues":2,"ring_size":512,"vectors":2,
	"heartbeat":5000}'
run port set fw0 forward=fw1
sent port.set '{"name":"fw0","settings":{"forward":"fw1"}}'
run stats reset
sent stats.reset '{}'
run stats -- reset
sent stats.get '{"port":"reset"}'

# Tables: right-aligned numbers, nothing cut off.
run port list
rc_is 0
err_is_empty
out_has '^NAME +TYPE +STATE +NETWORK +VLAN +RX +TX +DROPS$'
out_has '^vm1 +vhost +up +default +10 +12345678901 +7 +3$'
out_has '^uplink-with-a-long-name-of-31-ch  nic +error +- +10,20-30 +0 +0 +0$'
[ "$(awk '{ print length }' "$tmp/out" | sort -u | wc -l)" -eq 1 ] || fail "$what: not aligned"
run port show vm1
sent port.show '{"name":"vm1"}'
for line in '^port$' '^  state +up$' '^  queue pairs +2 running, 4 configured$' '^network$' \
	'^  guard +mac=52:54:00:00:00:01$' '^  rings +packed$' '^  ring sizes rx/tx +256/256, 1024/512$' \
	'^  link +up, 10000 Mbit/s$' '^  virtio +VERSION_1, MRG_RXBUF$' '^counters$' \
	'^ +1 +2 +120 +0 +0$' '^drops$' '^  no_room +5$'; do
	out_has "$line"
done
grep -q guard_mac "$tmp/out" && fail "$what: shows a reason that dropped nothing"
run network list
out_has '^default +2 +8192 +300 +0 +vm1, vm2$'
run network show default
out_has '^  frames flooded +9$'
run network fdb default
out_has '^52:54:00:00:00:01 +0 +vm1 +3$'
err_has '17 more entries'
run group list
out_has '^g +up +29000 +2304 +28000 +1000 +all +fw0, fw1$'
run group show g
sent group.show '{"name":"g"}'
out_has '^  under way +3$'

# What libvirt is told of a port.
run domain xml vm1
rc_is 0
sent port.show '{"name":"vm1"}'
out_has "<source type='unix' path='/r/vhost/vm1.sock' mode='client'>"
out_has "<driver queues='4'/>"
vhost_answer=$(cat "$tmp/answers/port.show.json")
answer port.show '{"result":{"name":"fw0","type":"shm","ring_socket":"/r&r/shm/fw0.ring.sock",
	"pool_socket":"/r/shm/fw0.pool.sock","vectors":3}}'
run domain xml fw0
rc_is 0
out_has "<shmem name='netvm-fw0-ring'>"
out_has "<server path='/r&amp;r/shm/fw0.ring.sock'/>"
out_has "<msi vectors='3' ioeventfd='on'/>"
out_has "<server path='/r/shm/fw0.pool.sock'/>"
run domain xml fw0 --json
[ "$(jq -r .name "$tmp/out")" = fw0 ] || fail "$what: not an object"
answer port.show '{"result":{"name":"up","type":"nic"}}'
run domain xml up
rc_is 1
err_has 'is of type nic: domains have vhost and shm ports'
answer port.show "$vhost_answer"
run worker list
sent worker.list '{}'
out_has '^ +0 +1 +sleeping +2 +100 +7200 +999999 +72 +99 +4$'
run worker list --json
[ "$(jq .workers[0].busy_cycles "$tmp/out")" = 7200 ] || fail "$what: not the result object"
run stats
out_has '^vm1 +3 +180 +4 +240 +5$'
out_has '^vm1 +no_room +5$'

# What a network function says comes escaped, and stays so.
answer port.messages '{"result":{"messages":[{"time":60,"type":"text","text":"a \\033[31m note\u001b[0m"}]}}'
TZ=UTC run port messages vm1
sent port.messages '{"name":"vm1"}'
rc_is 0
out_has '^TIME +TYPE +TEXT'
out_has '^1970-01-01 00:01:00 +text +a \\033\[31m note'
grep -q "$(printf '\033')" "$tmp/out" && fail "$what: prints an escape sequence"
answer port.messages '{"result":{"messages":[{"time":"x"},5]}}'
run port messages vm1
rc_is 0

# config check judges by the daemon's own code, without the daemon.
printf '[network n]\n[port p]\ntype=vhost\nnetwork=n\n' > "$tmp/good.conf"
printf '[port p]\ntype=tap\n' > "$tmp/bad.conf"
run config check "$tmp/good.conf"
rc_is 0
out_has 'is fine: 1 ports, 1 networks$'
run config check "$tmp/good.conf" --json
[ "$(jq -c '[.networks, .ports]' "$tmp/out")" = '[1,1]' ] || fail "$what: other numbers"
run config check "$tmp/bad.conf"
rc_is 1
err_has "$tmp/bad.conf:2"
out_is_empty
run config check "$tmp/bad.conf" --json
[ "$(jq .error.code "$tmp/err")" = -32002 ] || fail "$what: another code"
run config check "$tmp/none.conf"
rc_is 1
err_has "$tmp/none.conf"
[ ! -e "$tmp/answers/requests" ] || fail "$what: asked the daemon"

# An answer of another shape is no reason to crash.
answer port.list '{"result":{"ports":[{"name":5,"counters":[],"drops":"x"},7,null]}}'
run port list
rc_is 0
out_has '^5 +- '

# Refusals of the daemon.
answer port.del '{"error":{"code":1,"message":"there is no port \"vm\u0007\"; see port list"}}'
run port del vm9
rc_is 1
err_has 'netvmctl: there is no port "vm?"; see port list'
run port del vm9 --json
rc_is 1
out_is_empty
[ "$(jq .error.code "$tmp/err")" = 1 ] || fail "$what: no code"
answer port.del close
run port del vm1
rc_is 1
err_has 'closed the connection without an answer'
for bad in 'raw hello' 'raw []' 'raw {}' 'raw {"id":1}' 'raw {"id":99,"result":{}}' \
	'raw {"id":1,"result":7}' '{"error":7}'; do
	answer port.del "$bad"
	run port del vm1
	rc_is 1
	err_has "$tmp/run/control.sock"
done
answer status hang
run status --wait 1
rc_is 1
err_has 'does not answer'

# No daemon.
run --run-dir "$tmp/none" port list
rc_is 1
err_has "no daemon answers on $tmp/none/control.sock: is netvmd running?"
begin=$SECONDS
run --run-dir "$tmp/none" status --wait 1
rc_is 1
err_has 'no daemon answers'
[ $((SECONDS - begin)) -ge 1 ] || fail "$what: did not wait"
run --run-dir "$tmp/$(printf 'x%.0s' {1..120})" status
rc_is 1
err_has 'too long'
if [ "$(id -u)" -eq 0 ] && command -v setpriv > /dev/null; then
	mkdir -m 0710 "$tmp/closed"
	chmod 0711 "$tmp"
	# A build folder may be closed to others.
	cp "$ctl" "$tmp/netvmctl"
	chmod 0600 "$tmp/run/control.sock"
	for dir in closed run; do
		setpriv --reuid 65534 --regid 65534 --clear-groups "$tmp/netvmctl" \
			--run-dir "$tmp/$dir" status > "$tmp/out" 2> "$tmp/err"
		rc=$? what="netvmctl status as nobody, $dir"
		rc_is 1
		err_has "you may not"
		case $dir in
		closed) err_has "as root or as a member of group root (" ;;
		run) err_has "as root (" ;;
		esac
	done
fi

# Wrong usage: exit 2, the nearest word, and the daemon is not asked.
usage 'say what to do: status, port,'
usage 'unknown command "prot": did you mean "port"?' prot list
usage 'expected one of status, port,' xyzzy
usage 'port has no verb "lsit": did you mean "list"?' port lsit
usage 'port needs a verb: add, del' port
usage 'unknown option "--tpye": did you mean "--type"?' port add x --tpye vhost
usage 'unknown option "-j"' -j port list
usage 'unknown option "--vlan"' port list --vlan 5
usage 'option --type needs a value: --type TYPE' port add x --type
usage 'option --vlan is given twice' port add x --vlan 1 --vlan 2
usage 'option --json takes no value' --json=yes port list
usage 'something is missing: usage is netvmctl port del NAME' port del
usage '"b" is one word too many' port del a b
usage 'usage is netvmctl port set NAME KEY=VALUE...' port set a
usage '"vlan" is not KEY=VALUE' port set a vlan
usage '"=5" is not KEY=VALUE' port set a =5
usage 'setting "vlan" is given twice' port set a vlan=1 vlan=2
usage 'option --wait needs whole seconds' status --wait soon
usage 'is not UTF-8' port del $'\xff'
run --json port dle
rc_is 2
[ "$(jq .error.code "$tmp/err")" = -32001 ] || fail "$what: no JSON error"

# Help and version, wherever they stand; nobody is asked.
"$ctl" --version > "$tmp/out"
what="netvmctl --version"
out_has '^netvmctl \(NetVM\) [0-9]'
run --help
rc_is 0
while read -r noun verb; do
	run "$noun" ${verb:+"$verb"} --help
	rc_is 0
	err_is_empty
	out_has "^Usage: netvmctl $noun"
	[ ! -e "$tmp/answers/requests" ] || fail "$what: asked the daemon"
done < <("$ctl" --help | sed -n 's/^  \([a-z]\+\) \([a-z]*\)\b.*  .*/\1 \2/p')
run port --help
out_has '^  port list '
# A capture: the request, wrong usage, and what answers with no pieces of a file.
answer capture.start 'raw {"jsonrpc":"2.0","id":1,"result":{"port":"vm1"}}
AAAA'
run capture vm1 "$tmp/c.pcapng" --count 5 --snaplen 96 --direction in --filter "arp"
rc_is 1
err_has "closed the connection in the middle"
[ "$(stat -c %a:%s "$tmp/c.pcapng")" = 600:0 ] || fail "$what: the file is not empty"
[ "$(jq -c '.params.program | length % 4, (.[0:4])' "$tmp/answers/requests" | tr '\n' ' ')" = \
	"0 [40,0,0,12] " ] || fail "$what: the program is no BPF"
[ "$(jq -cS '.params | del(.program)' "$tmp/answers/requests")" = \
	'{"count":5,"direction":"in","filter":"arp","port":"vm1","snaplen":96}' ] ||
	fail "$what: sent $(cat "$tmp/answers/requests")"
usage 'filter "ip and": ' capture vm1 "$tmp/x" --filter "ip and"
run capture vm1 - --json
rc_is 2
out_is_empty
usage "something is missing" capture vm1
usage "FILE is empty" capture vm1 ""
[ ! -e "$tmp/x" ] || fail "a refused capture leaves a file"
answer capture.start '{"error":{"code":3,"message":"8 captures are running"}}'
run capture vm1 "$tmp/x"
rc_is 1
err_has "8 captures are running"
[ ! -e "$tmp/x" ] || fail "a refused capture leaves a file"

run stats --help
out_has '^  --watch '
"$ctl" port list --help > /dev/full 2> "$tmp/err" && fail "a full disk is no failure"
# Nor does what was to be printed go to the daemon, which would get the closed number.
"$ctl" --run-dir "$tmp/run" port list >&- 2> "$tmp/err" && fail "a closed output is no failure"
what="netvmctl port list >&-"
err_has "cannot write the output"

# --watch: rates by the daemon's clock, ended well by a signal.
answer stats.get '{"result":{"time":1.0,"ports":[{"name":"vm1","rx_packets":1000,"rx_bytes":0,"drops":{}}],
	"workers":[{"id":0,"cpu":1,"packets":0,"busy_cycles":0,"idle_cycles":0}]}}'
what="netvmctl stats --watch"
"$ctl" --run-dir "$tmp/run" stats vm1 --watch > "$tmp/out" 2> "$tmp/err" &
watcher=$!
sleep 0.5
answer stats.get '{"result":{"time":3.0,"ports":[{"name":"vm1","rx_packets":2469000,"rx_bytes":16000,"drops":{}}],
	"workers":[{"id":0,"cpu":1,"packets":2000,"busy_cycles":10000,"idle_cycles":30000}]}}'
sleep 1.2
kill "$watcher"
wait "$watcher"
rc=$?
rc_is 0
err_is_empty
out_has '^vm1 +1.234 M +64.00 k +0 +0 +0$'
out_has '^ +0 +1 +- +1.000 k +25.0 +5$'

# Completion: each table of the program, names from the daemon.
answer port.list '{"result":{"ports":[{"name":"vm1"},{"name":"vm2"},{"name":"up"}]}}'
# shellcheck source=/dev/null
. "$srcdir/src/cli/completions/netvmctl"
completes() # LINE EXPECTED...
{
	local line=$1 got
	shift
	COMP_LINE="$ctl --run-dir $tmp/run $line"
	COMP_POINT=${#COMP_LINE}
	_netvmctl 2> "$tmp/err"
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')
	what="completion of \"$line\""
	[ "$got" = "$*" ] || fail "$what: \"$got\", not \"$*\""
}
completes 'st' stats status
completes 'port s' set show
completes 'port show vm' vm1 vm2
completes 'port show vm1 ' ''
completes 'network add x ' --ageing-s --help --json --max-macs --run-dir --storm-pps --version
completes 'port add x --t' --trunk --type
completes 'port add x --type ' nic shm vhost
completes 'port set vm1 vl' vlan=
completes 'port add x --network def' default
completes 'stats ' reset up vm1 vm2
completes 'network fdb d' default
completes 'capture v' vm1 vm2
completes 'capture vm1 x --direction ' both in out
completes "port add x --socket $tmp/ru" "$tmp/run"
completes '--run-dir /nowhere port show ' ''

[ "$fails" -eq 0 ] || { echo "$fails checks failed"; exit 1; }
