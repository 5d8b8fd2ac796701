# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# netvmctl against fake-netvmd, for test-cli.sh, which sources this: a daemon that
# answers what the test says, and judges of what netvmctl sent and printed.
# shellcheck disable=SC2034 # the test's
set -u

srcdir=${srcdir:-.}
ctl=$PWD/netvmctl
tmp=$(mktemp -d)
fails=0
server=

command -v jq > /dev/null || { echo "SKIP: jq is not installed"; exit 77; }

cleanup()
{
	[ -z "$server" ] || { kill "$server"; wait "$server"; } 2> /dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

mkdir "$tmp/run" "$tmp/answers"
"$PWD/tests/unit/fake-netvmd" "$tmp/run/control.sock" "$tmp/answers" &
server=$!

fail()
{
	fails=$((fails + 1))
	echo "FAIL: $*"
	sed 's/^/    out: /' "$tmp/out"
	sed 's/^/    err: /' "$tmp/err"
}

# answer METHOD TEXT: what the daemon will say to METHOD from now on.
answer() { printf '%s' "$2" > "$tmp/answers/$1.json"; }

# run WORD...: netvmctl with the fake daemon; leaves $rc, out and err.
run()
{
	what="netvmctl $*"
	rm -f "$tmp/answers/requests"
	"$ctl" --run-dir "$tmp/run" "$@" > "$tmp/out" 2> "$tmp/err"
	rc=$?
}
rc_is() { [ "$rc" -eq "$1" ] || fail "$what: exit code $rc, not $1"; }
out_has() { grep -qE -- "$1" "$tmp/out" || fail "$what: output lacks \"$1\""; }
out_is_empty() { [ ! -s "$tmp/out" ] || fail "$what: prints something"; }
err_is_empty() { [ ! -s "$tmp/err" ] || fail "$what: complains"; }
# One sentence, beginning with the program's name.
err_has()
{
	if [ "$(wc -l < "$tmp/err")" -ne 1 ] || ! grep -q "^netvmctl: " "$tmp/err"; then
		fail "$what: not one sentence"
	fi
	grep -qF -- "$1" "$tmp/err" || fail "$what: the sentence lacks \"$1\""
}
# sent METHOD PARAMS: the only request.
sent()
{
	[ "$(jq -cS . "$tmp/answers/requests" 2>&1)" = \
		"$(jq -cS . <<< "{\"method\":\"$1\",\"params\":$2}")" ] ||
		fail "$what: sent $(cat "$tmp/answers/requests" 2>&1)"
}
usage() # SENTENCE-PART WORD...
{
	local part=$1
	shift
	run "$@"
	rc_is 2
	err_has "$part"
	out_is_empty
	[ ! -e "$tmp/answers/requests" ] || fail "$what: asked the daemon"
}
