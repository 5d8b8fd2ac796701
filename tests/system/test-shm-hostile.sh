#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# A member of a trust group does all that it can to the memory, the doorbells and the
# sockets that it was given, under traffic. The daemon stays up, frames of its
# group's other members are not delivered from buffers that it did not own, another
# group and a stock guest lose nothing and see no foreign byte, and in the end
# every buffer is where it belongs. CI runs this on a build with sanitizers.
#
# Environment: SHM_SECONDS   of the random part (20)
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=lib-shm.sh
. "$here/lib-shm.sh"

seconds=${SHM_SECONDS:-20}
nvpeer=$NETVM_BUILD/tests/frontend/nvpeer

alive()
{
	! process_ended "$NETVMD_PID" && nv status
}

netvmd_start
must "networks, so that nobody hears the others" eval \
	'nv network add red && nv network add blue && nv network add stock'
must "the enemy's group" nv group add red --pool-size 4M
must "the enemy's port x, and y of the same group" shm_pair red x y --network red
must "a group that has nothing to do with it" nv group add blue --pool-size 4M
must "its ports a and b" shm_pair blue a b --network blue
must "ports of stock guests" eval \
	'nv port add s --type vhost --network stock && nv port add t --type vhost --network stock'
must "y sends on what comes" peer_start y echo
must "b sends on what comes" peer_start b echo
must "a sends numbered frames" peer_start a traffic --rate 2000 --report 1
"$nvpeer" --socket $DIR/run/vhost/s.sock --peer $DIR/run/vhost/t.sock --seconds $((seconds + 600)) \
	--rate 2000 --size 300 endure > $DIR/stock.out 2> $DIR/stock.log &
stock=$!
must "stock guests send numbered frames" wait_for 20 grep -q '"event": "start"' $DIR/stock.out

# Nobody else is disturbed: they were not reset, and lost and received nothing strange.
others_are_fine()
{
	alive > /dev/null || { echo "the daemon is gone"; return 1; }
	! process_ended "${peer_pids[a]}" && ! process_ended "${peer_pids[b]}" &&
		peer_holds a '.corrupt == 0 and .foreign == 0 and .reordered == 0 and .reopened == 0'
}

for act in $("$shmpeer" list-acts | cut -d ' ' -f 1); do
	peer x hostile --act "$act" --seconds 1 > $DIR/x.out 2> $DIR/x.err
	status=$?
	check "$act: what must be refused is refused ($(tail -n 1 $DIR/x.out))" test $status = 0 ||
		tail -n 3 $DIR/x.err | show
	check "$act: others are fine" others_are_fine || break
	check "$act: the port can be used afterwards" peer x traffic --count 20 --seconds 10
done

# In pieces with seeds of their own, which are told, so that one can be run again.
seed=$RANDOM
end=$((SECONDS + seconds)) runs=0
while [ $SECONDS -lt $end ]; do
	seed=$((seed + 1)) runs=$((runs + 1))
	piece=$((end - SECONDS < 10 ? end - SECONDS : 10))
	peer x hostile --seed $seed --seconds $piece > $DIR/x.out 2> $DIR/x.err
	status=$?
	if [ $status != 0 ] || ! others_are_fine > $DIR/others.out 2>&1; then
		check "seed $seed: what must be refused is refused" test $status = 0
		check "seed $seed: others are fine" others_are_fine
		tail -n 3 $DIR/x.err | show
		break
	fi
done
check "$runs runs of everything at once, $seconds s" others_are_fine
check "the port can be used afterwards" peer x traffic --count 20 --seconds 10

# A member of the group may be disturbed by it (its packets are the group's), but not be lost.
peer_signal y TERM
check "y's port can be opened" peer y info
check "a and b end in order" eval 'peer_end a; peer_end b;
	peer_holds a ".corrupt == 0 and .foreign == 0 and .reordered == 0 and .received > 500"'
kill -TERM $stock
wait $stock
check "stock guests lost and received nothing strange" jq -e .good <<< "$(tail -n 1 $DIR/stock.out)" ||
	tail -n 3 $DIR/stock.out $DIR/stock.log | show
check "every buffer of the enemy's group is where it belongs" wait_for 5 pool_full red
check "every buffer of the other group is" wait_for 5 pool_full blue
