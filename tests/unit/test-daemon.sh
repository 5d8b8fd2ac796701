#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The daemon as a process, over a data path in memory: options and exit codes,
# locks, signals, a crash, what it leaves behind.
set -u
dir=$(mktemp -d)
netvmd=$PWD/tests/unit/netvmd-dry
pids=
failed=0

cleanup()
{
	for p in $pids; do
		kill -9 "$p" 2>/dev/null
	done
	rm -rf "$dir"
}
trap cleanup EXIT

fail()
{
	echo "FAIL: $*" >&2
	failed=1
}

ctl()
{
	run=$1
	shift
	./netvmctl --run-dir "$dir/$run" "$@"
}

# start NAME [OPTION...]: run directory $dir/NAME, log $dir/NAME.log
start()
{
	name=$1
	shift
	"$netvmd" --run-dir "$dir/$name" "$@" 2>"$dir/$name.log" &
	pid=$!
	pids="$pids $pid"
	ctl "$name" status --wait 10 >/dev/null || fail "$name does not answer: $(cat "$dir/$name.log")"
}

# stop PID: ends with status 0 within 2 s
stop()
{
	kill -TERM "$1"
	n=0
	while kill -0 "$1" 2>/dev/null && [ $n -lt 20 ]; do
		sleep 0.1
		n=$((n + 1))
	done
	kill -0 "$1" 2>/dev/null && fail "still there 2 s after SIGTERM"
	wait "$1" || fail "exit status $? after SIGTERM"
}

# expect STATUS WORDS COMMAND...: exit status and a part of what it prints
expect()
{
	want=$1
	words=$2
	shift 2
	out=$("$@" 2>&1)
	got=$?
	[ "$got" = "$want" ] || fail "$*: exit status $got, not $want: $out"
	case $out in
	*"$words"*) ;;
	*) fail "$*: says \"$out\", not \"$words\"" ;;
	esac
}

# --- options ---------------------------------------------------------------
conf=$dir/netvmd.conf
printf '[port p]\ntype=vhost\n' >"$conf"
expect 0 "netvmd " "$netvmd" --version
expect 0 "is fine: 1 ports" "$netvmd" --check --config "$conf"
expect 2 "Unknown option --nonsense" "$netvmd" --nonsense
expect 2 "nothing to do with x" "$netvmd" x
expect 2 "" "$netvmd" --config
expect 1 "cannot read the config $dir/absent" "$netvmd" --config "$dir/absent" --check
expect 1 "cannot read the config $dir/absent" "$netvmd" --config "$dir/absent" --run-dir "$dir/o"
printf '[workers]\ncpus=5000\n' >"$dir/bad.conf"
expect 1 "there is no CPU 5000" "$netvmd" --check --config "$dir/bad.conf"
expect 1 "there is no CPU 5000" "$netvmd" --config "$dir/bad.conf" --run-dir "$dir/o"
printf '[workers]\ncpus=0\nnonsense=1\n' >"$dir/bad.conf"
expect 1 "bad.conf:3: [workers] there is no key \"nonsense\"" \
	"$netvmd" --config "$dir/bad.conf" --run-dir "$dir/o"
long=$(printf '%0100d' 0)
expect 1 "a Unix socket's path has at most 107" "$netvmd" --config "$conf" --run-dir "$dir/$long"
: >"$dir/file"
expect 1 "cannot create the run directory" "$netvmd" --config "$conf" --run-dir "$dir/file"

# --- one run directory, one daemon; two run directories, two -------------------
start a --config "$conf"
a=$pid
expect 1 "in use by another netvmd (pid $a" "$netvmd" --config "$conf" --run-dir "$dir/a"
expect 1 "state.json is in use by another netvmd" \
	"$netvmd" --config "$conf" --run-dir "$dir/o" --state-file "$dir/a/state.json"
start b --config "$conf" --state-file "$dir/state/deep/b.json"
b=$pid
ctl b port add only-b --type vhost >/dev/null || fail "port add"
expect 1 "only-b" ctl a port show only-b
[ "$(stat -c %a "$dir/a/control.sock")" = 600 ] || fail "control socket's mode"
[ "$(stat -c %a "$dir/a")" = 755 ] || fail "run directory's mode"
[ -f "$dir/state/deep/b.json" ] || fail "no state file"

# --- a crash, and back -------------------------------------------------------
ctl a port add guest --type vhost --queues 3 --vlan 9 >/dev/null || fail "port add"
kill -9 "$a"
wait "$a" 2>/dev/null
[ -S "$dir/a/control.sock" ] || fail "this test wants a stale socket"
start a --config "$conf"
a=$pid
expect 0 '"configured" : 3' ctl a --json port show guest
expect 0 '"vlan" : 9' ctl a --json port show guest

# --- started without descriptors 0 to 2 --------------------------------------
"$netvmd" --run-dir "$dir/c" <&- >&- 2>&- &
c=$!
pids="$pids $c"
ctl c status --wait 10 >/dev/null || fail "netvmd without standard descriptors does not answer"
for fd in 0 1 2; do
	[ "$(readlink "/proc/$c/fd/$fd")" = /dev/null ] || fail "descriptor $fd is something else"
done
stop "$c"

# --- a damaged state file ----------------------------------------------------
stop "$a"
[ -e "$dir/a/control.sock" ] && fail "the control socket stays"
[ -e "$dir/a/netvmd.lock" ] && fail "the lock file stays"
[ -f "$dir/a/state.json" ] || fail "the state file is gone"
echo '{"version": 1, "ports": [' >"$dir/a/state.json"
start a --config "$conf"
a=$pid
grep -q "it is kept as $dir/a/state.json.corrupt-1" "$dir/a.log" || fail "says nothing of the file"
expect 0 "" ctl a port show p
expect 1 "guest" ctl a port show guest

# --- reload ------------------------------------------------------------------
wait_log()
{
	n=0
	until grep -q "$1" "$dir/a.log"; do
		n=$((n + 1))
		[ $n -lt 100 ] || { fail "the log lacks: $1"; return; }
		sleep 0.05
	done
}
printf '[port p]\ntype=vhost\n[port q]\ntype=vhost\n' >"$conf"
kill -HUP "$a"
wait_log "config reloaded"
expect 0 "" ctl a port show q
printf '[port p]\nkind=vhost\n' >"$conf"
kill -HUP "$a"
wait_log "reload refused, nothing has changed: .*netvmd.conf:2: .port p. a port has no setting"
expect 0 "" ctl a port show q

# --- a clean stop while a client is there ------------------------------------
ctl a stats --watch >/dev/null 2>&1 &
pids="$pids $!"
sleep 0.2
stop "$a"

# --- leaving for a restart, as if killed --------------------------------------
kill -USR2 "$b"
wait "$b" || fail "leaving for a restart is a failure: $?"
grep -q "leaving: shm guests wait" "$dir/b.log" || fail "says nothing of leaving"
start b
stop "$pid"
exit $failed
