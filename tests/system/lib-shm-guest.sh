# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Guests with shm ports instead of a network card; sourced after lib-shm.sh. They
# boot the image of all test guests and have, besides, one folder of programs.
# shellcheck disable=SC2154,SC2034 # lib.sh's; the tests'

# shm_guest_programs FILE...: they will be in /nf of each guest that is started from now on,
# with the libraries that they load where the loader looks for them.
shm_guest_programs()
{
	local root=$DIR/nf-root file library
	rm -rf "$root"
	mkdir -p "$root/nf"
	for file in "$@"; do
		cp "$file" "$root/nf/"
		for library in $(ldd "$file" 2> /dev/null |
			awk '$2 == "=>" && $3 != "" { print $3 } $1 ~ "^/" { print $1 }'); do
			install -D "$(readlink -f "$library")" "$root$library"
		done
	done
	(cd "$root" && find . | cpio --quiet --create --format=newc --owner=0:0) > "$DIR/nf.cpio" &&
		cat "$NETVM_IMAGE/initramfs" "$DIR/nf.cpio" > "$DIR/nf.initramfs"
}

# shm_guest_start NAME [memory=MIB] [qemu-option=WORD...] PORT...: two ivshmem devices for each
# port. Does not wait for it (guest_ready).
shm_guest_start()
{
	local name=$1 cpu=max n=0 word memory=256 devices=() more=()
	shift
	[ "$NETVM_ACCEL" != kvm ] || cpu=host
	for word in "$@"; do
		case $word in
		memory=*) memory=${word#*=} ;;
		qemu-option=*) more+=("${word#*=}") ;;
		*)
			devices+=(-chardev "socket,id=ring$n,path=$DIR/run/shm/$word.ring.sock"
				-device "ivshmem-doorbell,id=ringdev$n,chardev=ring$n,vectors=1"
				-chardev "socket,id=pool$n,path=$DIR/run/shm/$word.pool.sock"
				-device "ivshmem-doorbell,id=pooldev$n,chardev=pool$n,vectors=1")
			n=$((n + 1))
			;;
		esac
	done
	setpriv --pdeathsig KILL qemu-system-x86_64 -name "$name" -nodefaults -no-user-config \
		-display none -machine "pc,accel=$NETVM_ACCEL" -cpu $cpu -smp 1 -m "$memory" \
		-kernel "$NETVM_IMAGE/kernel" -initrd "$DIR/nf.initramfs" \
		-append "console=ttyS0 quiet panic=-1" \
		-serial "file:$DIR/$name.console.log" \
		-serial "unix:$DIR/$name.agent,server=on,wait=off" \
		-qmp "unix:$DIR/$name.qmp,server=on,wait=off" \
		"${devices[@]}" "${more[@]}" >> "$DIR/$name.qemu.log" 2>&1 < /dev/null &
	# shellcheck disable=SC2004 # it is no arithmetic
	guest_pids[$name]=$!
}

# nf_start GUEST WORD PROGRAM [OPTION...]: in the background of the guest; WORD names it.
nf_start()
{
	local guest=$1 word=$2
	shift 2
	guest_run "$guest" "setsid /nf/$* > /tmp/$word.log 2>&1 & echo \$! > /tmp/$word.pid"
}

# nf_signal GUEST WORD SIGNAL
nf_signal()
{
	guest_run "$1" "kill -$3 \$(cat /tmp/$2.pid)"
}

# nf_says GUEST WORD: what it printed last.
nf_says()
{
	guest_run "$1" "tail -n 5 /tmp/$2.log"
}

# ports_up PORT...
ports_up()
{
	local port
	for port in "$@"; do
		port_is "$port" up || return 1
	done
}

# functions_run GUEST PORT...: waits until the ports are open, and says what their functions
# said when they are not.
functions_run()
{
	local guest=$1
	shift
	wait_for 60 ports_up "$@" || { guest_run "$guest" "tail -n 5 /tmp/*.log"; return 1; }
}

# --- testpmd ------------------------------------------------------------------

pmd_driver=$NETVM_BUILD/guest-pmd/pmd/librte_net_netvm.so

# testpmd_programs: testpmd and our driver for the guests that are started from now on.
testpmd_programs()
{
	local testpmd plugins
	testpmd=$(command -v dpdk-testpmd) || { echo "there is no dpdk-testpmd"; return 1; }
	# Mempools need a plugin, which stands where testpmd's other drivers do.
	plugins=$(dirname "$(ldd "$testpmd" | awk '/librte_bus_vdev/ { print $3 }')")
	shm_guest_programs "$testpmd" "$pmd_driver" "$plugins/librte_mempool_ring.so"
}

# testpmd_start GUEST: forwards between the guest's two ports. The driver finds the ivshmem
# devices itself, one port after the other. Without huge pages of the guest, and without
# its PCI drivers.
testpmd_start()
{
	# It ends at the end of its input.
	guest_run "$1" "rm -f /tmp/input; mkfifo /tmp/input" && nf_start "$1" testpmd "dpdk-testpmd \
		--lcores 0@0,1@0 --no-pci --no-huge -m 128 --no-telemetry --no-shconf \
		-d /nf/librte_mempool_ring.so -d /nf/librte_net_netvm.so \
		--vdev net_netvm0,transport=pci: --vdev net_netvm1,transport=pci: \
		-- --total-num-mbufs=4096 --forward-mode=io --auto-start <> /tmp/input"
}
testpmd_says()
{
	guest_run "$1" "tail -n 25 /tmp/testpmd.log"
}
# testpmd_ends GUEST: in order.
testpmd_ends()
{
	nf_signal "$1" testpmd TERM || return 1
	wait_for 60 guest_run "$1" "grep -q Bye /tmp/testpmd.log" || { testpmd_says "$1"; return 1; }
}
