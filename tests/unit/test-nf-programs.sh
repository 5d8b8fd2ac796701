#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The programs of guest-pmd/nf as an operator first meets them: --help, exit statuses, and
# what they say when something is wrong. Runs in the build folder; no netvmd.
set -u
export LC_ALL=C
unset NETVM_TRANSPORT
nf=./guest-pmd/nf
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
fails=0

fail()
{
	fails=$((fails + 1))
	echo "FAIL: $*"
}

# expect STATUS PATTERN PROGRAM ARGS...: both streams together match the pattern.
expect()
{
	local status=$1 pattern=$2 name=$3 output got
	shift 3
	output=$("$nf/$name" "$@" 2>&1)
	got=$?
	[ $got -eq "$status" ] || fail "$name $*: exit status $got, expected $status: $output"
	grep -qE -e "$pattern" <<< "$output" || fail "$name $*: expected \"$pattern\" in: $output"
}

echo 'allow tcp any any' > "$dir/rules"
echo 'next tcp any any' > "$dir/ways"
echo '0.0.0.0/0 blackhole' > "$dir/routes"
echo 'a port:1' > "$dir/ends"
echo 'bad' > "$dir/patterns"
echo 000102030405060708090a0b0c0d0e0f > "$dir/key"
chmod 600 "$dir/key"

# What each needs to start at all.
declare -A needs=(
	[basic-monitor]="" [bridge]="" [flow-tracker]="" [simple-forward]="" [load-generator]=""
	[speed-tester]=""
	[firewall]="--rules $dir/rules" [nf-router]="--rules $dir/ways"
	[l3fwd]="--routes $dir/routes" [load-balancer]="--backends $dir/ends"
	[nat]="--inside 10.0.0.0/8 --outside 192.0.2.1" [payload-scan]="--patterns $dir/patterns"
	[rate-limit]="--rate 10M" [aes-encrypt]="--key-file $dir/key"
	[aes-decrypt]="--key-file $dir/key")

for name in "${!needs[@]}"; do
	# Without OpenSSL there are two less.
	case $name in
	aes-*) [ -e "$nf/$name" ] || continue ;;
	esac
	expect 0 "Usage: .*$name.*-- OPTION" "$name" --help
	expect 0 '^  --transport T' "$name" --help
	expect 0 "^$name " "$name" --version
	expect 2 'no such option' "$name" -- --nonsense
	expect 2 . "$name" --nonsense
	# shellcheck disable=SC2086 # several words
	expect 1 "$name: .*$dir/none" "$name" --transport "unix:$dir/none" --timeout 1 -- ${needs[$name]}
	if [ -n "${needs[$name]}" ]; then
		expect 2 "$name: --[a-z-]* .* is needed" "$name" --transport "unix:$dir/none"
	fi
	expect 0 '^  --between A,B' "$name" --help
	# shellcheck disable=SC2086
	expect 2 'expected two port numbers' "$name" -- ${needs[$name]} --between 3,3
done

echo 'allow tcp any any 80-79' > "$dir/rules"
expect 2 "^firewall: $dir/rules:1: field 5, \"80-79\": expected a port number" \
	firewall -- --rules "$dir/rules"
expect 2 'cannot be opened: No such file' l3fwd -- --routes "$dir/none"
expect 2 '"10.0.0.1/40": expected ADDRESS' l3fwd -- --routes "$dir/routes" --address 10.0.0.1/40
expect 2 'expected FIRST-LAST' nat -- --inside 10.0.0.0/8 --outside 192.0.2.1 --ports 0-5
expect 2 'dropped do not come back' speed-tester -- --to drop
expect 2 'number from 60 to 65535' load-generator -- --size 59
expect 2 'more than nine years' rate-limit -- --rate 1 --burst 1G
expect 2 'expected next, drop' simple-forward -- --to port:70000

echo "${#needs[@]} programs, $fails faults"
[ "$fails" -eq 0 ]
