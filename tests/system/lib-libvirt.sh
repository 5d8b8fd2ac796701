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

# domain_define NAME [WORD=VALUE...]: defines a domain with a stock guest and one
# vhost-user interface.
#   socket=PATH   the port's socket    mode=client|server   who listens: libvirt's
#                                      word for QEMU's side (client)
#   reconnect=N   <reconnect> after N seconds; without it, none
#   queues=N      ip= mtu= offload= vlan= gw=   as for guest_start
domain_define()
{
	local name=$1 socket='' mode=client reconnect='' queues=1 config='' word
	local type=qemu cpu='' override=''
	shift
	for word in "$@"; do
		case $word in
		socket=*) socket=${word#*=} ;;
		mode=*) mode=${word#*=} ;;
		reconnect=*) reconnect="<reconnect enabled='yes' timeout='${word#*=}'/>" ;;
		queues=*) queues=${word#*=} config=$config,$word ;;
		*) config=$config,$word ;;
		esac
	done
	if [ "$NETVM_ACCEL" = kvm ]; then
		type=kvm cpu="<cpu mode='host-passthrough'/>"
	else
		# As guest_globals; libvirt itself sets vectors on a multi-queue card.
		override="<qemu:override><qemu:device alias='net0'><qemu:frontend>
			<qemu:property name='vectors' type='unsigned' value='0'/>
			</qemu:frontend></qemu:device></qemu:override>"
	fi
	cat > "$DIR/$name.xml" <<-END
		<domain type='$type' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
		  <name>$name</name>
		  <memory unit='MiB'>256</memory>
		  <vcpu>2</vcpu>$cpu
		  <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
		  <os>
		    <type arch='x86_64' machine='pc'>hvm</type>
		    <kernel>$NETVM_IMAGE/kernel</kernel>
		    <initrd>$NETVM_IMAGE/initramfs</initrd>
		    <cmdline>$(guest_cmdline "$name" "${config#,}")</cmdline>
		  </os>
		  <features><acpi/></features>
		  <on_reboot>restart</on_reboot>
		  <devices>
		    <interface type='vhostuser'>
		      <mac address='$(guest_mac "$name")'/>
		      <source type='unix' path='$socket' mode='$mode'>$reconnect</source>
		      <model type='virtio'/>
		      <driver queues='$queues'/>
		      <rom enabled='no'/>
		    </interface>
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
	virsh --quiet define "$DIR/$name.xml"
}

# domain_start NAME...: and what virsh and QEMU said, should it fail.
domain_start()
{
	local name
	for name in "$@"; do
		virsh --quiet start "$name" || { tail -n 5 "/var/log/libvirt/qemu/$name.log"; return 1; }
	done
}
