#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Headers judged are headers sent: a guest rewrites its frames in a tight loop
# while the daemon forwards them, MACs, EtherType, VLAN tag and IP address, from
# behind a guard. Nothing forbidden arrives, however the header is cut into
# descriptors; nvpeer sees to it that it was in time often enough.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"

nvpeer=$NETVM_BUILD/tests/frontend/nvpeer
seconds=1

bends()
{
	"$nvpeer" --socket $DIR/run/vhost/a.sock --peer $DIR/run/vhost/b.sock \
		--mac 52:54:00:00:00:01 --dst 52:54:00:00:00:02 \
		--seconds $seconds "$@" bend
}
dropped() { [ "$(value ".drops[\"$1\"]" port show a)" -gt "$2" ]; }

netvmd_start
must "port a is added, with a guard" nv port add a --type vhost \
	--guard mac=52:54:00:00:00:01,ip=10.0.0.1
must "port b is added" nv port add b --type vhost
for ring in "" --in-order --packed "--packed --in-order"; do
	# Few buffers are bent more often.
	for shape in "--ring 64" "--ring 64 --segs 2" "--ring 256 --segs 8" "--ring 512 --segs 60" \
		"--ring 64 --segs 2 --indirect" "--ring 64 --segs 60 --indirect"; do
		# shellcheck disable=SC2086 # lists of options
		check "no forged header arrives, ring: ${ring:-split}, frames: $shape" \
			bends $ring $shape
		tail -n 1 $DIR/check.out | show
	done
done
for reason in guard-mac guard-ip vlan hairpin; do
	check "some were refused for $reason" dropped $reason 100
done
