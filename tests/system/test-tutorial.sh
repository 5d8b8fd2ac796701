#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# doc/tutorial-nf.md, followed to the letter: its network function and its commands are
# taken out of the text, so that the text cannot become wrong. Only the first block, which
# builds and installs NetVM, is replaced: what is built is installed in a folder.
. "$(dirname "$0")/lib.sh"

folder=$DIR/tutorial/build
tutorial=$top/doc/tutorial-nf.md

# blocks LANGUAGE: each on one line of base64.
blocks()
{
	awk -v begin="\`\`\`$1" '
		$0 == begin { inside = 1; text = ""; next }
		$0 == "```" && inside { inside = 0; print text | "base64 -w 0; echo"; close("base64 -w 0; echo") }
		inside { text = text $0 "\n" }' "$tutorial"
}
mkdir -p $folder
ln -s "$top/tests" $DIR/tutorial/tests
mapfile -t shell < <(blocks sh)
mapfile -t source < <(blocks c)
check "it has one source and some blocks of commands" test ${#source[@]} = 1 -a ${#shell[@]} -ge 8
base64 -d <<< "${source[0]}" > $folder/ttl.c

# --- installed ------------------------------------------------------------------

makefile_says()
{
	# shellcheck disable=SC2016 # it is for make
	make -s -C "$NETVM_BUILD" -f Makefile -f <(printf 'netvm-say:\n\t@echo $(%s)\n' "$1") netvm-say
}
must "NetVM is installed in a folder" \
	make -s -C "$NETVM_BUILD" install DESTDIR=$DIR/inst AM_UPDATE_INFO_DIR=no
prefix=$(makefile_says prefix) libdir=$(makefile_says libdir)
ln -s "$DIR/inst$prefix" $folder/nv
export PKG_CONFIG_SYSROOT_DIR=$DIR/inst PKG_CONFIG_PATH=$DIR/inst$libdir/pkgconfig
NETVM_KEEPER=$DIR/inst$(makefile_says pkglibexecdir)/netvm-keeper
export NETVM_KEEPER
export PATH=$folder/nv/bin:$folder/nv/sbin:$PATH
# The shell of the tutorial's reader stops at the first command that fails here.
{
	echo 'set -e'
	for ((i = 1; i < ${#shell[@]}; i++)); do
		echo "echo '== block $i'"
		base64 -d <<< "${shell[i]}"
	done
} > $folder/commands
follow()
{
	(cd $folder && timeout 500 bash commands)
}

# --- followed -------------------------------------------------------------------

check "each of its commands works" follow
# As check left it, whether it failed or not.
cp $DIR/check.out $DIR/tutorial.log
says()
{
	grep -E -e "$1" $DIR/tutorial.log
}
# What stands between two blocks.
of_block()
{
	sed -n "/^== block $1\$/,/^== block/p" $DIR/tutorial.log
}
check "the function tells of its options" says '^  --transport'
told()
{
	of_block "$1" | grep -E 'text +[0-9]{3,} packets, 0 expired'
}
check "as a process it told netvmd what it did" told 4
all_free()
{
	of_block 5 | awk '$1 == "number" { n = $2 } $1 == "free" { f = $2 } END { exit !n || n != f }'
}
check "the killed one left no buffer behind" all_free
check "in a machine it told netvmd what it did" told 7
printed()
{
	of_block 7 | grep -E 'thread 0: [0-9]+ packets'
}
check "and printed it" printed
