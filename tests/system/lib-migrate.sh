# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# Part of the tests that migrate guests: a second host, that is a second daemon
# with a run directory of its own, and QEMU's migration between them.
#
# The daemon of lib.sh is host A, this one host B; the two are joined by a cable
# (a veth pair), on which each has a NIC port named "cable" in network default.

NETVMD_B_PID=

nv_b()
{
	"$NETVM_BUILD/netvmctl" --run-dir "$DIR/b" "$@"
}

netvmd_b_start()
{
	touch "$DIR/b.conf"
	setpriv --pdeathsig KILL "$NETVM_BUILD/netvmd" --config "$DIR/b.conf" \
		--run-dir "$DIR/b" --state-file "$DIR/b.json" \
		>> "$DIR/b.log" 2>&1 < /dev/null &
	NETVMD_B_PID=$!
	nv_b status --wait 20
}

netvmd_b_end()
{
	local pid=$NETVMD_B_PID
	NETVMD_B_PID=
	kill -TERM "$pid" && wait_for 10 process_ended "$pid" && wait "$pid"
}

hosts_join()
{
	ip link add cable-a type veth peer name cable-b || return 1
	ethtool -K cable-a tx off tso off gso off gro off > /dev/null
	ethtool -K cable-b tx off tso off gso off gro off > /dev/null
	quiet_link cable-a
	quiet_link cable-b
	nv port add cable --type nic --device net_af_packet0,iface=cable-a &&
		nv_b port add cable --type nic --device net_af_packet0,iface=cable-b
}

# Both hosts and their cable, and on host A two ports: m, whose guest moves, and c.
hosts_start()
{
	local port
	netvmd_start
	must "a second daemon starts" netvmd_b_start
	must "the two are joined" hosts_join
	for port in m c; do
		must "host A has port $port" nv port add $port --type vhost --mtu 9000 --queues 2
	done
}

b_port_is()
{
	[ "$(nv_b --json port show "$1" | jq -r .state)" = "$2" ]
}

# is_learned_at HOST(nv|nv_b) MAC PORT: the host's switch has it behind that port.
is_learned_at()
{
	[ "$("$1" --json network fdb default |
		jq -r --arg mac "$2" '.entries[] | select(.mac == $mac) | .port')" = "$3" ]
}

# migrate FROM PATH BYTES/S: sends the guest to whoever listens there, and waits
# until that is over. Prints how it ended.
migrate()
{
	guest_qmp "$1" migrate-set-parameters \
		"{\"max-bandwidth\": $3, \"downtime-limit\": 2000}" > /dev/null &&
		guest_qmp "$1" migrate-set-capabilities '{"capabilities":
			[{"capability": "return-path", "state": true}]}' > /dev/null &&
		guest_qmp "$1" migrate "{\"uri\": \"unix:$2\"}" > /dev/null &&
		wait_for 120 migration_is "$1" 'completed|failed|cancelled'
	guest_qmp "$1" query-migrate | jq -c '{status, rounds: .ram["dirty-sync-count"],
		ms: .["total-time"], error: .["error-desc"]}'
	migration_is "$1" completed
}

migration_is()
{
	[[ $(guest_qmp "$1" query-migrate | jq -r .status) =~ ^($2)$ ]]
}

guest_is()
{
	[ "$(guest_qmp "$1" query-status | jq -r .status)" = "$2" ]
}

# same_memory GUEST GUEST: of two QEMU processes that stand still, all of it.
same_memory()
{
	local guest
	for guest in "$@"; do
		guest_qmp "$guest" pmemsave "{\"val\": 0, \"size\": $((256 << 20)),
			\"filename\": \"$DIR/$guest.memory\"}" > /dev/null || return 1
	done
	cmp -l "$DIR/$1.memory" "$DIR/$2.memory" | awk '
		{ page[int(($1 - 1) / 4096)]++ }
		END { for (i in page) printf "page %#x: %d bytes\n", i * 4096, page[i]; exit NR != 0 }'
}
