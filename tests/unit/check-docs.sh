#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# The manual pages against the code: every word that an operator can meet or
# write stands in the page where he looks for it, and the pages have no fault
# that groff knows of. Runs in the build folder.
set -u
export LC_ALL=C.UTF-8

srcdir=${srcdir:-.}
doc=$srcdir/doc
fails=0
checked=0

fail()
{
	fails=$((fails + 1))
	echo "FAIL: $*"
}

# A page as text: requests, fonts and escapes of man(7) taken out.
plain()
{
	sed -e '/^\.\\"/d' -e 's/^\.[A-Z]* *//' -e 's/\\f[BIRP]//g' -e 's/\\-/-/g' -e 's/"//g' \
		-e 's/ *= */=/g' "$1"
}

# check PAGE WHAT WORDS...: each word stands in the page, not inside a longer one.
check()
{
	local page=$1 what=$2 text word
	shift 2
	text=$(plain "$doc/$page" | tr '\n' ' ' | tr -s ' ')
	[ $# -gt 0 ] || fail "found no $what in the code: the code moved, correct this test"
	for word; do
		checked=$((checked + 1))
		grep -qE -e "(^|[^a-z_-])$word([^a-z_-]|\$)" <<< "$text" ||
			fail "doc/$page does not have the $what \"$word\""
	done
}

# strings FILE PATTERN: what stands between quotes where the pattern matches.
strings_of()
{
	grep -hoE "$2" "$srcdir/$1" | sed 's/.*"\(.*\)"/\1/' | sort -u
}

# Words of an option, a verb or a key have no spaces: splitting is wanted.
# shellcheck disable=SC2046
{
	check netvmctl.8 "drop reason" $(strings_of src/packet/packet.c '\[DROP_[A-Z_]+\] = "[a-z-]+"')
	check netvmctl.8 "JSON key" $(strings_of src/control/show.c 'o, "[a-z_]+"') \
		$(strings_of src/control/show-port.c '(o|p|port|link|queues), "[a-z_]+"')
	check control-protocol.md "JSON key" $(strings_of src/control/show.c 'o, "[a-z_]+"') \
		$(strings_of src/control/show-port.c '(o|p|port|link|queues), "[a-z_]+"')
	check control-protocol.md "method" \
		$(strings_of src/control/methods.c '\{"[a-z]+\.[a-z]+"')
	check netvmd.conf.5 "config key" \
		$(strings_of src/control/conf.c '\{"[a-z]+", "[a-z-]+"') \
		$(strings_of src/control/settings.c '\{"[a-z-]+"')
	check netvmd.conf.5 "section" \
		$(grep -oE '\{"[a-z]+", "[a-z-]+"' "$srcdir/src/control/conf.c" |
			sed 's/{"\([a-z]*\)".*/\\[\1\\]/' | sort -u)
	check netvmd.8 "option of netvmd" \
		$(./tests/unit/netvmd-dry --help | grep -oE -e '--[a-z-]+')
	check netvmctl.8 "option of netvmctl" $(./netvmctl --help | grep -oE -e '--[a-z-]+')
	check libnetvm.3 "function of netvm.h" \
		$(grep -oE '\<netvm_[a-z_]+\(' "$srcdir/guest-pmd/netvm.h" | tr -d '(' | sort -u)
	check libnetvm.3 "option of every network function" \
		$(grep -oE '^ \*.*\[--.*' "$srcdir/guest-pmd/netvm.h" | grep -oE -e '--[a-z]+')
	check netvm-pmd.7 "counter" $(strings_of guest-pmd/pmd/stats.c '\{ ?"[a-z_]+"')
	check netvm-pmd.7 "argument" \
		$(grep 'keys\[\] =' "$srcdir/guest-pmd/pmd/probe.c" | grep -oE '"[a-z]+"' | tr -d '"')
}

# "  port add NAME   help" is the verb "port add".
while read -r verb; do
	check netvmctl.8 verb "$verb"
	# shellcheck disable=SC2086
	set -- $verb
	[ $# -eq 2 ] || continue
	# shellcheck disable=SC2046
	check netvmctl.8 "option of $verb" \
		$(./netvmctl "$1" "$2" --help | grep -oE -e '--[a-z-]+' | sort -u)
done < <(./netvmctl --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\( [a-z]*\)\?\) .*/\1/p')

# Each network function's own options; two are not there without OpenSSL.
for nf in ./guest-pmd/nf/*; do
	if [ ! -f "$nf" ] || [ ! -x "$nf" ]; then
		continue
	fi
	# shellcheck disable=SC2046
	check netvm-nf.7 "option of ${nf##*/}" "${nf##*/}" \
		$("$nf" --help | sed -n '/^Options of its own/,$s/^  \(--[a-z-]*\).*/\1/p')
done

# man(7) pages are for groff and mandoc alike; groff is what Debian has.
for page in netvmd.8 netvmctl.8 netvmd.conf.5 netvm-pmd.7 netvm-nf.7 libnetvm.3; do
	if command -v groff > /dev/null; then
		said=$(groff -ww -man -Tutf8 -z "$doc/$page" 2>&1)
		[ -z "$said" ] || fail "doc/$page: $said"
	else
		echo "note: groff is not installed, the form of doc/$page is not checked"
	fi
done

[ "$checked" -gt 150 ] || fail "only $checked words were compared: the code moved"
echo "$checked words compared, $fails missing"
[ "$fails" -eq 0 ]
