#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Trust groups, shm ports and cross-connects as an operator meets them: what is
# refused and how, what comes back after a restart and a crash, and what libvirt
# makes of `domain xml`. No guests.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-control.sh
. "$here/lib-control.sh"
# shellcheck source-path=SCRIPTDIR source=lib-libvirt.sh
. "$here/lib-libvirt.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"

cat > $DIR/netvmd.conf << 'CONF'
[memory]
hugepages = never
packet-memory = 32M
[group cfg]
pool-size = 4M
[port cfg0]
type = shm
group = cfg
CONF

# --- every command -------------------------------------------------------------

netvmd_start
check "a group of the config is there" holds "up 4194304 config cfg0" \
	'"\(.state) \(.pool_size) \(.persistent) \(.ports[0])"' group show cfg
check "group add" nv group add red --pool-size 8M --buffer-size 2048 --numa all
check "its buffers are all free" holds "true 0 0" \
	'"\(.free == .buffers and .free > 4000) \(.with_guests) \(.under_way)"' group show red
check "group list" holds "cfg red" '[.groups[].name] | join(" ")' group list
check "group show for people" nv group show red
check "port add" nv port add fw0 --type shm --group red --queues 2 --ring-size 256 --heartbeat 5000
check "port show" holds "waiting red 2 256 5000 2 false" \
	'"\(.state) \(.group) \(.queues.configured) \(.ring_size) \(.heartbeat) \(.vectors) \(.attached)"' \
	port show fw0
check "port show for people" nv port show fw0
check "both sockets are there" test -S $DIR/run/shm/fw0.ring.sock -a -S $DIR/run/shm/fw0.pool.sock
check "port show names them" holds "$DIR/run/shm/fw0.ring.sock $DIR/run/shm/fw0.pool.sock" \
	'"\(.ring_socket) \(.pool_socket)"' port show fw0
check "a stock guest's port forwards" nv port add vm1 --type vhost --forward fw0
check "and back" nv port set fw0 forward=vm1

# --- what is refused -------------------------------------------------------------

refuses "already" group add red
refuses "there is no group" group del nowhere
refuses "multiple of 64" group add x --buffer-size 2000
refuses "pool-size is a size" group add x --pool-size 12
refuses "numa is the number" group add x --numa both
refuses "there is no NUMA node 63" group add x --numa 63
refuses "packet-memory=" group add x --pool-size 1G --buffer-size 512
check "which left nothing behind" holds "cfg red" '[.groups[].name] | join(" ")' group list
refuses "has 1 port (fw0)" group del red
refuses "has 1 port (cfg0)" group del cfg
refuses "group is missing" port add x --type shm
refuses "there is no group" port add x --type shm --group blue
refuses "a power of two" port add x --type shm --group red --ring-size 1000
refuses "from 1 to 16" port add x --type shm --group red --vectors 99
refuses "at least 1000" port add x --type shm --group red --heartbeat 20
refuses "a vhost port has no setting" port add x --type vhost --group red
refuses "there is no port" port set fw0 forward=nowhere
refuses "is the port itself" port set fw0 forward=fw0
refuses "cannot change while the port exists" port set fw0 group=cfg

# --- a nic port that receives into a pool ------------------------------------------

host_behind h0 10.1.0.2/24
# net_af_packet copies what it gets, so it takes any buffers that are large enough.
refuses "larger buffer-size" port add up0 --type nic --device net_af_packet0,iface=h0 \
	--group red --mtu 9000
check "a group with larger buffers" nv group add wide --pool-size 16M --buffer-size 4096
check "a nic port receives into it" nv port add up0 --type nic \
	--device net_af_packet0,iface=h0 --group wide
refuses "has 1 port (up0)" group del wide
# What it receives goes on without a copy.
monitor=$NETVM_BUILD/guest-pmd/nf/basic-monitor
hops_come()
{
	on h0 "timeout 1 ping -c 1 -W 1 10.1.0.9 > /dev/null"
	[ "$(value .hops port show mon0)" -gt 0 ]
}
if [ -x "$monitor" ]; then
	check "a port of that group" nv port add mon0 --type shm --group wide --network none
	setpriv --pdeathsig KILL "$monitor" --transport unix:$DIR/run/shm/mon0 \
		> $DIR/mon0.log 2>&1 < /dev/null &
	monitor_pid=$!
	check "the nic port forwards to it" nv port set up0 forward=mon0
	check "its network function runs" wait_for 10 port_is mon0 up
	check "its frames come without a copy" wait_for 10 hops_come
	kill $monitor_pid
	wait $monitor_pid
	check "port del" nv port del mon0
else
	skip "frames go from a nic to a function without a copy" "basic-monitor is not built"
fi
check "port del" nv port del up0
check "group del" nv group del wide

# --- persistence --------------------------------------------------------------------

everything()
{
	nv --json group list | jq -cS '.groups | map({name, pool_size, buffer_size, numa, ports})'
	nv --json port list | jq -cS '.ports | sort_by(.name) | map({name, type, group, forward,
		ring_size, heartbeat, vectors, number, mac, ring_socket})'
}
everything > $DIR/everything
same() { everything | diff "$DIR/everything" -; }
check "the daemon is told to stop" kill -TERM "$NETVMD_PID"
wait "$NETVMD_PID"
check "it stops in order" test $? = 0
NETVMD_PID=
check "no socket is left" test ! -e $DIR/run/shm/fw0.ring.sock
netvmd_start
check "all is there after a restart" same
must "the daemon is killed" kill -KILL "$NETVMD_PID"
wait "$NETVMD_PID" 2> /dev/null
NETVMD_PID=
netvmd_start
check "all is there after a crash" same
check "the pool outlived it" holds true .resumed group show red
check "the daemon is told to leave for a restart" kill -USR2 "$NETVMD_PID"
wait "$NETVMD_PID"
check "it leaves with status 0" test $? = 0
NETVMD_PID=
netvmd_start
check "all is there when it is back" same
check "the pool outlived that, too" holds true .resumed group show red
check "not one buffer is missing" holds "true 0" \
	'"\(.free == .buffers) \(.with_guests)"' group show red

# --- a target that goes and comes back ------------------------------------------------

check "a target can be deleted" nv port del vm1
check "its name stays" holds vm1 .forward port show fw0
check "other settings change meanwhile" nv port set fw0 mtu=1400
check "it is there again" nv port add vm1 --type vhost
check "forward=none" nv port set fw0 forward=none
check "is none" holds null .forward port show fw0

# --- reload ------------------------------------------------------------------------------

sed -i 's/pool-size = 4M/pool-size = 2M/' $DIR/netvmd.conf
kill -HUP "$NETVMD_PID"
check "a pool does not change under its port" wait_for 5 grep -q \
	"the settings of \[group cfg\] cannot change while port cfg0 is in it" $DIR/netvmd.log
check "and is as it was" holds 4194304 .pool_size group show cfg
printf '[memory]\nhugepages = never\npacket-memory = 32M\n' > $DIR/netvmd.conf
kill -HUP "$NETVMD_PID"
no_cfg() { gives 1 "there is no group" nv group show cfg; }
check "a group that left the config is gone" wait_for 5 no_cfg

# --- libvirt -------------------------------------------------------------------------------

defines()
{
	virsh --quiet define "$DIR/x.xml" && virsh dumpxml x > "$DIR/x.dump" &&
		grep -q "<server path='$DIR/run/shm/fw0.ring.sock'/>" "$DIR/x.dump" &&
		grep -q "<msi vectors='2' ioeventfd='on'/>" "$DIR/x.dump"
}
check "domain xml" nv domain xml fw0
refuses "there is no port" domain xml nowhere
{
	cat <<- END
		<domain type='qemu'><name>x</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
		<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>
	END
	nv domain xml fw0
	nv domain xml vm1
	echo "</devices></domain>"
} > $DIR/x.xml
if command -v virt-xml-validate > /dev/null; then
	check "libvirt's schema takes it" virt-xml-validate $DIR/x.xml domain
else
	skip "libvirt's schema takes it" "virt-xml-validate is not installed"
fi
if command -v libvirtd > /dev/null; then
	must "libvirtd runs" libvirt_start
	check "libvirt takes it" defines
else
	skip "libvirt takes it" "libvirtd is not installed"
fi

# --- what is gone when netvmd comes back ---------------------------------------------------

memory='[memory]\nhugepages = never\npacket-memory = 32M\n'
late_runs()
{
	printf '%b[group late]\npool-size = 4M\n[port late0]\ntype = shm\ngroup = late\n' "$memory" \
		> $DIR/netvmd.conf
	kill -HUP "$NETVMD_PID"
	wait_for 5 port_is late0 waiting && peer_start late0 idle
}
# Killed, and back with a config without late.
back_without()
{
	netvmd_end KILL
	printf '%b' "$memory" > $DIR/netvmd.conf
	netvmd_start
}
check "a guest is on a port of the config" late_runs
back_without
check "who was on it sees the end" wait_for 10 process_ended "${peer_pids[late0]}"
check "what stayed was kept" holds true .resumed group show red
check "port del" nv port del fw0
check "its sockets are gone" test ! -e $DIR/run/shm/fw0.ring.sock
check "group del" nv group del red
check "once more, and it is the only one" late_runs
back_without
check "who was on it sees the end" wait_for 10 process_ended "${peer_pids[late0]}"
check "nothing is kept" wait_for 10 test ! -e $DIR/run/keeper.sock
check "no group is left" holds 0 '.groups | length' group list
