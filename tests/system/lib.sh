# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What every system test stands on. A test is a bash script named test-TOPIC.sh:
#
#	#!/bin/bash
#	. "$(dirname "$0")/lib.sh"
#	netvmd_start
#	must "a port is added" nv port add p1 --type vhost
#	check "..." COMMAND...
#
# Sourcing this file starts the script anew in mount, network and process
# namespaces of its own, with an empty /run: the test cannot touch the machine's
# network, libvirt or daemons, two tests can run at the same time, and whatever
# way it ends, the kernel ends its processes and drops its interfaces and files.
#
# At the end it prints the daemon's log when something failed, then the line
# "N passed, N failed, N skipped". Exit status 1 when something failed or when
# nothing was tested.
#
# Environment: NETVM_BUILD     the build folder (else the current one, else the top)
#              NETVM_TEST_LOGS a folder that gets the logs when the test fails

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)

if [ -z "${NETVM_TEST_PRIVATE:-}" ]; then
	if [ "$(id -u)" != 0 ]; then
		echo "$0: needs root, for its namespaces and interfaces; run it with sudo" >&2
		exit 1
	fi
	for folder in "${NETVM_BUILD:-}" "$PWD" "$top"; do
		if [ -n "$folder" ] && [ -x "$folder/netvmd" ]; then
			NETVM_BUILD=$(cd "$folder" && pwd)
			break
		fi
	done
	NETVM_BUILD=${NETVM_BUILD:-$top}
	# Built and probed outside: both are kept for the next test. A test that
	# boots no guest exports NO_GUESTS=1 and does not wait for them.
	if [ -z "${NO_GUESTS:-}" ]; then
		image=$("$top/tests/guest/build") || exit 1
		accel=$("$top/tests/guest/accel") || exit 1
	fi
	export NETVM_TEST_PRIVATE=1 NETVM_BUILD NETVM_IMAGE=${image:-} NETVM_ACCEL=${accel:-tcg}
	unset NOTIFY_SOCKET
	exec unshare --mount --propagation private --net --pid --fork --kill-child \
		bash "$0" "$@"
fi

export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C
mount -t proc proc /proc && mount -t sysfs sysfs /sys && mount -t tmpfs -o mode=755 tmpfs /run ||
	exit 1
ip link set lo up
DIR=/run/t
mkdir -p $DIR /run/netns /run/lock

passed=0 failed=0 skipped=0
NETVMD_PID=

# --- results ----------------------------------------------------------------

ok()
{
	passed=$((passed + 1))
	echo "ok $*"
}

not_ok()
{
	failed=$((failed + 1))
	echo "not ok $*"
}

# skip TEXT REASON
skip()
{
	skipped=$((skipped + 1))
	echo "skip $1: $2"
}

# Shows what a step printed, marked so that it is not taken for a result.
show()
{
	sed 's/^/# /'
}

# check TEXT COMMAND...: one result; the command's output shows when it fails.
check()
{
	local text=$1 status
	shift
	"$@" > "$DIR/check.out" 2>&1
	status=$?
	if [ $status = 0 ]; then
		ok "$text"
	else
		not_ok "$text"
		echo "command: $* (exit status $status)" | show
		tail -n 20 "$DIR/check.out" | show
	fi
	return $status
}

# As check, where the rest of the test makes no sense after a failure.
must()
{
	check "$@" || exit 1
}

# The command has to fail.
refused()
{
	! "$@"
}

# wait_for SECONDS COMMAND...: until it succeeds, silently; fails at the end.
wait_for()
{
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "${EPOCHREALTIME/./}" -lt $end ] || return 1
		sleep 0.05
	done
}

now_ms()
{
	echo $((${EPOCHREALTIME/./} / 1000))
}

# --- the daemon -------------------------------------------------------------

# netvmd_start: starts or restarts it, and waits until it answers.
# The configuration is $DIR/netvmd.conf, empty unless the test writes one.
netvmd_start()
{
	touch $DIR/netvmd.conf
	setpriv --pdeathsig KILL "$NETVM_BUILD/netvmd" --config $DIR/netvmd.conf \
		--run-dir $DIR/run --state-file $DIR/state.json \
		>> $DIR/netvmd.log 2>&1 < /dev/null &
	NETVMD_PID=$!
	if ! nv status --wait 20 > $DIR/status.out 2>&1; then
		not_ok "netvmd starts"
		show < $DIR/status.out
		exit 1
	fi
}

# netvmd_end SIGNAL: and waits for its end, 10 s at most. Its exit status.
netvmd_end()
{
	local pid=$NETVMD_PID
	NETVMD_PID=
	kill "-$1" "$pid" || return 1
	wait_for 10 process_ended "$pid" || { kill -KILL "$pid"; return 1; }
	wait "$pid" 2> /dev/null
}

# Gone, or only waiting to be asked for its exit status.
process_ended()
{
	local state
	state=$(sed 's/.*) //' "/proc/$1/stat" 2> /dev/null | cut -c 1)
	[ -z "$state" ] || [ "$state" = Z ]
}

nv()
{
	"$NETVM_BUILD/netvmctl" --run-dir $DIR/run "$@"
}

# port_is NAME STATE, for wait_for.
port_is()
{
	[ "$(nv --json port show "$1" | jq -r .state)" = "$2" ]
}

# value FILTER NOUN VERB...: one value of netvmctl's JSON output.
value()
{
	local filter=$1
	shift
	nv --json "$@" | jq -r "$filter"
}

# --- the end ----------------------------------------------------------------

finish()
{
	local status=$?
	trap - EXIT
	trap '' INT TERM HUP
	if [ $status != 0 ] && [ $failed = 0 ]; then
		not_ok "the test ended early (exit status $status)"
	fi
	if [ -n "$NETVMD_PID" ]; then
		if process_ended "$NETVMD_PID"; then
			wait "$NETVMD_PID"
			not_ok "netvmd was still running at the end (it ended with status $?)"
		else
			netvmd_end TERM
			status=$?
			if [ $status = 0 ]; then
				ok "netvmd ends with status 0 on SIGTERM"
			else
				not_ok "netvmd ends with status 0 on SIGTERM (it was $status)"
			fi
		fi
	fi
	if [ $failed != 0 ]; then
		[ ! -e $DIR/netvmd.log ] || { echo "the daemon's log ends:"; tail -n 40 $DIR/netvmd.log; } | show
		if [ -n "${NETVM_TEST_LOGS:-}" ]; then
			mkdir -p "$NETVM_TEST_LOGS"
			find $DIR -name '*.log' -exec cp -t "$NETVM_TEST_LOGS" {} +
			echo "the logs are in $NETVM_TEST_LOGS" | show
		fi
	fi
	echo "$passed passed, $failed failed, $skipped skipped"
	[ $failed = 0 ] && [ $((passed + skipped)) != 0 ]
	exit
}
trap finish EXIT
trap 'not_ok "the test was stopped by a signal"; exit 1' INT TERM HUP

. "$here/lib-net.sh"
. "$here/lib-guest.sh"
