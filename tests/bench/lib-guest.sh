# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Row iperf: two real guests with all offloads of a stock driver, booted as the
# system tests boot theirs, and iperf3 from one to the other. Where KVM does not
# run guests they are emulated, and the figure is of use as a ratio only.
# shellcheck disable=SC2154,SC2034 # shared with run

# What tests/system/lib-guest.sh wants of whoever sources it.
process_ended() {
	! kill -0 "$1" 2>/dev/null
}

wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}

# At the top level: what is sourced declares arrays.
if row_wanted iperf; then
	if ! NETVM_IMAGE=$("$top/tests/guest/build") || ! NETVM_ACCEL=$("$top/tests/guest/accel"); then
		die "row iperf needs guests; leave it out with --only"
	fi
	# shellcheck source=tests/system/lib-guest.sh
	. "$top/tests/system/lib-guest.sh"
fi

iperf_between() {
	local gbps qemu=client
	[ "$1" != ovs ] || qemu=server
	rm -f "$DIR"/*
	guest_start a socket="$socket_a" qemu=$qemu ip=10.0.0.1/24
	guest_start b socket="$socket_b" qemu=$qemu ip=10.0.0.2/24
	pids+=("${guest_pids[a]}" "${guest_pids[b]}")
	if ! guest_ready a b; then
		failed=1
		return
	fi
	guest_run b "iperf3 -s -D"
	sleep 1
	guest_run a "iperf3 -c 10.0.0.2 -J -t 5 -O 1" >"$DIR/iperf.log" 2>&1
	gbps=$(jq '.end.sum_received.bits_per_second / 1e6 | round / 1e3' "$DIR/iperf.log" 2>/dev/null)
	if [ -z "$gbps" ]; then
		say "iperf, $1: iperf3 gave no figure: $(tail -n 3 "$DIR/iperf.log")"
		failed=1
		return
	fi
	record iperf "$1" tso "" "" "{\"gbps\": $gbps}"
}

row_iperf() {
	DIR=$work/guests
	mkdir -p "$DIR"
	# A guest's agent that is not there yet leaves variables unset.
	set +u
	with_backend netvm "" iperf_between netvm
	with_backend ovs tso iperf_between ovs
	set -u
}
