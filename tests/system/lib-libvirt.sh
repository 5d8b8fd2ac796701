# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# For tests that go through libvirt, sourced after lib.sh: a libvirtd of the
# test's own, with an empty configuration and state, in the test's namespaces.
# virsh finds it at the usual place, and guest_run reaches its guests as ever.

# libvirt_start: starts libvirtd and waits until it answers.
libvirt_start()
{
	local folder
	for folder in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do
		mkdir -p $folder && mount -t tmpfs -o mode=755 tmpfs $folder || return 1
	done
	mkdir -p /run/libvirt
	# There is no systemd and no cgroup tree to manage in here, and a guest's
	# folders are the test's, which only root may enter.
	cat > /etc/libvirt/qemu.conf <<-END
		user = "root"
		group = "root"
		security_driver = "none"
		cgroup_controllers = []
		namespaces = []
		stdio_handler = "file"
	END
	cat > /etc/libvirt/libvirtd.conf <<-END
		auth_unix_rw = "none"
		log_outputs = "2:file:$DIR/libvirtd.log"
	END
	setpriv --pdeathsig KILL libvirtd --config /etc/libvirt/libvirtd.conf \
		>> "$DIR/libvirtd.log" 2>&1 < /dev/null &
	wait_for 30 virsh version || { tail -n 5 "$DIR/libvirtd.log"; return 1; }
}

# domain_define NAME [WORD=VALUE...]: defines a domain. With socket= it is a stock guest with
# one vhost-user interface; else it has the programs of shm_guest_programs (lib-shm-guest.sh).
#   socket=PATH   the port's socket    mode=client|server   who listens: libvirt's
#                                      word for QEMU's side (client)
#   reconnect=N   <reconnect> after N seconds; without it, none
#   queues=N      ip= mtu= offload= vlan= gw=   as for guest_start
#   shm=PORT      the devices of a shm port; may come often
#   memory=MIB (256)    cpus=N (2)
domain_define()
{
	local name=$1 socket='' mode=client reconnect='' queues=1 config='' word
	local cpus=2 memory=256 devices='' append='' initrd=$DIR/nf.initramfs
	shift
	for word in "$@"; do
		case $word in
		socket=*) socket=${word#*=} ;;
		mode=*) mode=${word#*=} ;;
		reconnect=*) reconnect="<reconnect enabled='yes' timeout='${word#*=}'/>" ;;
		queues=*) queues=${word#*=} config=$config,$word ;;
		shm=*) devices+=$(nv domain xml "${word#*=}") || return 1 ;;
		memory=*) memory=${word#*=} ;;
		cpus=*) cpus=${word#*=} ;;
		*) config=$config,$word ;;
		esac
	done
	if [ -n "$socket" ]; then
		devices+=$(domain_interface)
		append=$(guest_cmdline "$name" "${config#,}")
		initrd=$NETVM_IMAGE/initramfs
	fi
	domain_xml > "$DIR/$name.xml" && virsh --quiet define "$DIR/$name.xml"
}
domain_interface()
{
	cat <<-END
		<interface type='vhostuser'>
		  <mac address='$(guest_mac "$name")'/>
		  <source type='unix' path='$socket' mode='$mode'>$reconnect</source>
		  <model type='virtio'/>
		  <driver queues='$queues'/>
		  <rom enabled='no'/>
		</interface>
	END
}
domain_xml()
{
	local type=qemu cpu='' override=''
	if [ "$NETVM_ACCEL" = kvm ]; then
		type=kvm cpu="<cpu mode='host-passthrough'/>"
	elif [ -n "$socket" ]; then
		# As guest_globals; libvirt itself sets vectors on a multi-queue card.
		override="<qemu:override><qemu:device alias='net0'><qemu:frontend>
			<qemu:property name='vectors' type='unsigned' value='0'/>
			</qemu:frontend></qemu:device></qemu:override>"
	else
		# Programs may want what the default, an old CPU, has not.
		cpu="<cpu mode='maximum'/>"
	fi
	cat <<-END
		<domain type='$type' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
		  <name>$name</name>
		  <memory unit='MiB'>$memory</memory>
		  <vcpu>$cpus</vcpu>$cpu
		  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
		  <os>
		    <type arch='x86_64' machine='pc'>hvm</type>
		    <kernel>$NETVM_IMAGE/kernel</kernel>
		    <initrd>$initrd</initrd>
		    <cmdline>${append:-console=ttyS0 quiet panic=-1}</cmdline>
		  </os>
		  <features><acpi/></features>
		  <on_reboot>restart</on_reboot>
		  <devices>
		    $devices
		    <serial type='file'>
		      <source path='$DIR/$name.console.log'/><target port='0'/>
		    </serial>
		    <serial type='unix'>
		      <source mode='bind' path='$DIR/$name.agent'/><target port='1'/>
		    </serial>
		    <memballoon model='none'/>
		  </devices>
		  $override
		</domain>
	END
}

# domain_start NAME...: and what virsh and QEMU said, should it fail.
domain_start()
{
	local name
	for name in "$@"; do
		virsh --quiet start "$name" || { tail -n 5 "/var/log/libvirt/qemu/$name.log"; return 1; }
	done
}

# --- hot plug -----------------------------------------------------------------

# device_files PORT: writes each of its devices into a file for virsh attach-device, as the
# manual says: $DIR/PORT.00 (ring), $DIR/PORT.01 (pool).
device_files()
{
	nv domain xml "$1" | csplit --quiet --elide-empty-files --prefix="$DIR/$1." - '/<shmem/' '{*}'
}

# domain_attach DOMAIN PORT, domain_detach DOMAIN PORT: both devices, while the guest runs.
domain_attach()
{
	virsh --quiet attach-device "$1" "$DIR/$2.00" && virsh --quiet attach-device "$1" "$DIR/$2.01"
}
domain_detach()
{
	virsh --quiet detach-device "$1" "$DIR/$2.00" && virsh --quiet detach-device "$1" "$DIR/$2.01"
}
