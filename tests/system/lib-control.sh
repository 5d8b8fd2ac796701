# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the tests of the control plane share; they source it after lib.sh.

# gives STATUS TEXT COMMAND...: the command ends with the status and says one
# sentence that holds the text.
gives()
{
	local status=$1 text=$2 got
	shift 2
	"$@" > "$DIR/gives.out" 2> "$DIR/gives.err"
	got=$?
	cat "$DIR/gives.err"
	[ "$got" = "$status" ] && grep -qiF -- "$text" "$DIR/gives.err" &&
		[ "$(wc -l < "$DIR/gives.err")" = 1 ]
}

# What an operator configured: all that a refused command must leave alone.
objects()
{
	nv --json port list | jq -cS '.ports | sort_by(.name) |
		map({name, type, enabled, network, vlan, trunk, guard, mtu, mode, socket, device})'
	nv --json network list | jq -cS '.networks | sort_by(.name) |
		map({name, ageing_s, max_macs, storm_pps})'
	ls "$DIR/run/vhost"
	cat "$DIR/state.json"
}

# refuses TEXT NOUN VERB...: one sentence, exit 1, nothing changed.
refuses()
{
	objects > "$DIR/before" 2>&1
	check "refused: ${*:2} ($1)" refuses_quietly "$@"
}
refuses_quietly()
{
	gives 1 "$1" nv "${@:2}" || return 1
	objects 2>&1 | diff "$DIR/before" -
}

# holds NAME VALUE FILTER NOUN VERB...: a value in the JSON output.
holds()
{
	local value=$1 got
	shift
	got=$(value "$@")
	[ "$got" = "$value" ] || { echo "it is \"$got\", not \"$value\""; return 1; }
}

# rpc LINE: what the daemon answers to a line on its control socket.
rpc()
{
	printf '%s\n' "$1" | socat -t 3 - "UNIX-CONNECT:$DIR/run/control.sock"
}
rpc_code()
{
	local code
	code=$(rpc "$2" | jq -r .error.code)
	[ "$code" = "$1" ] || { echo "the code is \"$code\""; return 1; }
}

# The daemon answers, and soon.
alive()
{
	timeout 1 "$NETVM_BUILD/netvmctl" --run-dir "$DIR/run" status
}

mode_of() { stat -c '%a %U:%G' "$1"; }
