# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Part of lib.sh: stock guests, started with QEMU directly. Each has one virtio
# network card on a vhost-user socket, and a shell that is reached by the second
# serial port (tests/guest/agent).

declare -A guest_pids=()

# QEMU 7.2 crashes when an emulated (TCG) CPU meets MSI-X on a vhost-user card.
guest_globals=()
[ "$NETVM_ACCEL" = kvm ] || guest_globals=(-global virtio-net-pci.vectors=0)

# guest_mac NAME: the address of its card, the same wherever it is asked for.
guest_mac()
{
	printf '%s' "$1" | sha256sum | sed -E 's/^(..)(..)(..)(..).*/52:54:\1:\2:\3:\4/'
}

# The kernel's command line for a guest whose interface has this configuration
# (words of tests/guest/init, separated by commas).
guest_cmdline()
{
	echo "console=ttyS0 quiet panic=-1 nv.if=$(guest_mac "$1"),$2"
}

# guest_start NAME [WORD=VALUE...]: starts a guest and does not wait for it.
#   port=PORT       the port it plugs in to: its socket in the run folder (NAME)
#   socket=PATH     another socket
#   qemu=server     QEMU listens, the daemon connects (then give socket=)
#   reconnect=N     QEMU tries again after N seconds (1)
#   queues=N        queue pairs of the card (1)
#   device=WORDS    further properties of the card, as host_mtu=9000,mrg_rxbuf=off
#   memory=MIB      (256)       cpus=N (2)
#   like=GUEST      the same guest in another QEMU process: its address
#   append=WORD     one more word for the kernel's command line
#   incoming=PATH   waits there for a migration instead of booting
#   qemu-option=WORD  one more word for QEMU's command line; may come often
#   ip= mtu= offload= vlan= gw= queues=    for the guest's interface
guest_start()
{
	local name=$1 port=$1 socket='' qemu=client reconnect=1 queues=1 device='' memory=256 cpus=2
	local word config='' chardev cpu=qemu64 like=$1 more=() append=''
	shift
	for word in "$@"; do
		case $word in
		port=*) port=${word#*=} ;;
		socket=*) socket=${word#*=} ;;
		qemu=*) qemu=${word#*=} ;;
		reconnect=*) reconnect=${word#*=} ;;
		device=*) device=,${word#*=} ;;
		memory=*) memory=${word#*=} ;;
		cpus=*) cpus=${word#*=} ;;
		like=*) like=${word#*=} ;;
		append=*) append="$append ${word#*=}" ;;
		incoming=*) more+=(-incoming "unix:${word#*=}") ;;
		qemu-option=*) more+=("${word#*=}") ;;
		queues=*) queues=${word#*=} config=$config,$word ;;
		*) config=$config,$word ;;
		esac
	done
	chardev=socket,id=net,path=${socket:-$DIR/run/vhost/$port.sock}
	case $qemu in
	server) chardev=$chardev,server=on ;;
	*) chardev=$chardev,reconnect=$reconnect ;;
	esac
	[ "$queues" = 1 ] || device=$device,mq=on
	[ "$NETVM_ACCEL" != kvm ] || cpu=host
	setpriv --pdeathsig KILL qemu-system-x86_64 -name "$name" -nodefaults -no-user-config \
		-display none -machine "pc,accel=$NETVM_ACCEL,memory-backend=memory" -cpu $cpu -smp "$cpus" \
		-m "$memory" -object "memory-backend-memfd,id=memory,size=${memory}M,share=on" \
		-kernel "$NETVM_IMAGE/kernel" -initrd "$NETVM_IMAGE/initramfs" \
		-append "$(guest_cmdline "$like" "${config#,}")$append" \
		-serial "file:$DIR/$name.console.log" \
		-serial "unix:$DIR/$name.agent,server=on,wait=off" \
		-qmp "unix:$DIR/$name.qmp,server=on,wait=off" \
		"${guest_globals[@]}" -chardev "$chardev" \
		-netdev "vhost-user,id=net,chardev=net,queues=$queues" \
		-device "virtio-net-pci,netdev=net,romfile=,mac=$(guest_mac "$like")$device" "${more[@]}" \
		>> "$DIR/$name.qemu.log" 2>&1 < /dev/null &
	guest_pids[$name]=$!
}

# guest_run NAME COMMAND: prints what it prints and returns its status, 124 when
# there was no answer within GUEST_TIMEOUT (60) seconds.
guest_run()
{
	local socket=$DIR/$1.agent number=$RANDOM$RANDOM end line status=124
	local to from pid
	shift
	# One line on the wire.
	local command=${*//$'\n'/ }
	end=$((SECONDS + ${GUEST_TIMEOUT:-60}))
	coproc AGENT { exec socat -t 0.1 - "UNIX-CONNECT:$socket" 2> /dev/null; }
	to=${AGENT[1]} from=${AGENT[0]} pid=$AGENT_PID
	# QEMU may be gone: then the read below ends at once.
	trap '' PIPE
	{ printf '\n@%s %s\n' "$number" "$command" >&"$to"; } 2> /dev/null
	trap - PIPE
	while [ $SECONDS -lt $end ]; do
		IFS= read -r -t $((end - SECONDS)) -u "$from" line || break
		case $line in
		"$number|"*) printf '%s\n' "${line#*|}" ;;
		"=$number "*)
			status=${line##* }
			break
			;;
		esac
	done
	kill "$pid" 2> /dev/null
	wait "$pid" 2> /dev/null
	return "$status"
}

# guest_ready NAME...: waits until they answer commands; fails after 240 s.
guest_ready()
{
	local name
	for name in "$@"; do
		GUEST_TIMEOUT=10 wait_for 240 guest_run "$name" true || {
			echo "guest $name does not answer; its console and QEMU's messages:"
			tail -n 5 "$DIR/$name.console.log"
			cat "$DIR/$name.qemu.log" "/var/log/libvirt/qemu/$name.log" 2> /dev/null | tail -n 5
			return 1
		}
	done
}

# guest_boot NAME: the kernel's name for this boot. An uptime would not tell boots
# apart: under load a second boot takes longer than the first guest had been up.
guest_boot()
{
	guest_run "$1" "cat /proc/sys/kernel/random/boot_id"
}

# guest_reboot NAME [COMMAND]: the kernel starts anew at once, as after a panic, a
# second after COMMAND began in the background. An orderly "reboot -f" breaks the
# virtqueues first, and a kernel without Linux 0d0eff39ceb3 (Debian's 6.1.192) then
# spins for ever in virtio-net if a packet is sent at that moment.
guest_reboot()
{
	guest_run "$1" "(${2:-true} & sleep 1; echo b > /proc/sysrq-trigger) > /dev/null 2>&1 &"
}

# guest_rebooted NAME WAS: a guest answers, from another boot than WAS.
guest_rebooted()
{
	local now
	now=$(GUEST_TIMEOUT=10 guest_boot "$1") && [ -n "$2" ] && [ -n "$now" ] && [ "$now" != "$2" ]
}

# guest_back NAME WAS: waits until it has rebooted; fails after 240 s and says what
# the guest was doing.
guest_back()
{
	wait_for 240 guest_rebooted "$1" "$2" || {
		echo "guest $1 does not answer from a new boot; its console, its CPUs, QEMU's messages:"
		tail -n 6 "$DIR/$1.console.log"
		guest_qmp "$1" query-status
		guest_qmp "$1" human-monitor-command '{"command-line": "info registers -a"}' |
			jq -r . | tr -d '\r' | grep -E '^CPU#|^RIP'
		tail -n 3 "$DIR/$1.qemu.log"
		return 1
	}
}

guest_stop()
{
	guest_signal "$1" TERM
}

# guest_signal NAME SIGNAL: ends QEMU.
guest_signal()
{
	local pid=${guest_pids[$1]}
	unset "guest_pids[$1]"
	kill "-$2" "$pid" && wait_for 10 process_ended "$pid" && { wait "$pid" 2> /dev/null || true; }
}

# guest_qmp NAME COMMAND [ARGUMENTS]: a command of QEMU's monitor, its arguments
# as a JSON object. Prints what it returns; fails, with its words, when it refuses.
guest_qmp()
{
	local socket=$DIR/$1.qmp command=$2 arguments=${3:-\{\}} line answers=0 pid status=1
	coproc QMP { exec socat -t 0.1 - "UNIX-CONNECT:$socket" 2> /dev/null; }
	pid=$QMP_PID
	exec {qmp_in}<&"${QMP[0]}" {qmp_out}>&"${QMP[1]}"
	trap '' PIPE
	printf '{"execute": "qmp_capabilities"}\n{"execute": "%s", "arguments": %s}\n' \
		"$command" "$arguments" >&"$qmp_out"
	trap - PIPE
	while IFS= read -r -t 20 -u "$qmp_in" line; do
		case $line in
		'{"return"'*) answers=$((answers + 1)) ;;
		'{"error"'*)
			jq -r .error.desc <<< "$line"
			break
			;;
		esac
		if [ $answers = 2 ]; then
			jq -c .return <<< "$line"
			status=0
			break
		fi
	done
	exec {qmp_in}<&- {qmp_out}>&-
	kill "$pid" 2> /dev/null
	wait "$pid" 2> /dev/null
	return $status
}
