#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# netvmctl capture while frames move: what is in the file, filters, live output,
# and every way in which a capture ends. tcpdump reads it back through libpcap.
export NO_GUESTS=1
. "$(dirname "$0")/lib.sh"
. "$here/lib-control.sh"

nvpeer=$NETVM_BUILD/tests/frontend/nvpeer
# In the background not nv, a function: signals are for netvmctl itself.
netvmctl=("$NETVM_BUILD/netvmctl" --run-dir "$DIR/run")

# started PORT: a capture watches the port.
started() { [ "$(value '.captures // 0' port show "$1")" = "${2:-1}" ]; }

# capture PORT FILE [OPTION...]: in the background, started when this returns.
capture()
{
	"${netvmctl[@]}" capture "$@" 2> $DIR/capture.err &
	capture_pid=$!
	wait_for 5 started "$1"
}
# ends STATUS: the capture ends by itself, with this status.
ends()
{
	local status
	wait_for 10 process_ended "$capture_pid" || { kill -KILL "$capture_pid"; return 1; }
	wait "$capture_pid"
	status=$?
	cat $DIR/capture.err
	[ $status = "$1" ] || { echo "exit status $status"; return 1; }
}
# stopped: it ends well after ^C.
stopped()
{
	kill -INT "$capture_pid" && ends 0
}
# frames FILE [EXPR]: how many tcpdump finds in it; bytes that it shows are
# indented.
frames()
{
	tcpdump -ttnr "$1" "${@:2}" 2> $DIR/tcpdump.err | grep -c '^[0-9]'
}
frames_are()
{
	local n
	n=$(frames "${@:2}")
	[ "$n" = "$1" ] || { echo "$n frames, not $1"; cat $DIR/tcpdump.err; return 1; }
}
# sends COUNT [OPTION...]: frames from port a to port b.
sends()
{
	"$nvpeer" --socket $DIR/run/vhost/a.sock --mac 52:54:00:00:00:01 \
		--dst 52:54:00:00:00:02 --count "$1" "${@:2}" send
}

netvmd_start
for port in a b; do
	must "port $port is added" nv port add $port --type vhost
done
"$nvpeer" --socket $DIR/run/vhost/b.sock --mac 52:54:00:00:00:02 --announce \
	--ready $DIR/ready --seconds 600 --ring 1024 hold &
wait_for 5 test -e $DIR/ready
must "port b is up" wait_for 5 port_is b up

# --- what is in the file ------------------------------------------------------

must "a capture starts" capture a $DIR/a.pcapng
check "frames move" sends 500 --rate 5000 --size 200
check "^C ends it well" stopped
check "it says how many frames there were" grep -q '^500 frames captured, 0 lost$' $DIR/capture.err
check "all are in the file" frames_are 500 $DIR/a.pcapng
check "each is as it was sent" frames_are 500 $DIR/a.pcapng \
	"ether src 52:54:00:00:00:01 and ether dst 52:54:00:00:00:02 and ether proto 0x88b5 and len == 200"
check "the file is its owner's" test "$(stat -c %a $DIR/a.pcapng)" = 600

capture b $DIR/b.pcapng --direction out --snaplen 64
sends 100 --size 1200 > /dev/null
check "a capture of frames to a guest ends" stopped
check "all are there" frames_are 100 $DIR/b.pcapng "len == 1200"
check "64 bytes of each are kept" \
	test "$(stat -c %s $DIR/b.pcapng)" -lt $((100 * (64 + 60) + 1000))
capture b $DIR/b.pcapng --direction in
sends 100 > /dev/null
stopped > /dev/null
check "a direction that is silent leaves an empty file that is valid" frames_are 0 $DIR/b.pcapng

capture a $DIR/f.pcapng --filter "ether dst 52:54:00:00:00:03 or len > 1000"
sends 10 > /dev/null
sends 7 --size 1100 > /dev/null
stopped > /dev/null
check "a filter keeps out what does not match" frames_are 7 $DIR/f.pcapng

if command -v capinfos > /dev/null; then
	capinfos $DIR/f.pcapng > $DIR/capinfos
	check "Wireshark knows its interface and its filter" sh -c "
		grep -q 'Name = a' $DIR/capinfos && grep -q 'ether dst' $DIR/capinfos &&
		grep -q 'nanoseconds' $DIR/capinfos"
else
	skip "Wireshark's capinfos" "it is not installed"
fi

# --- ends -----------------------------------------------------------------------

capture a $DIR/n.pcapng --count 20
sends 50 > /dev/null
check "a capture ends with its last frame" ends 0
check "there are as many as asked for" frames_are 20 $DIR/n.pcapng

capture a $DIR/d.pcapng --duration 1
check "a capture ends with its time" ends 0

capture a $DIR/k.pcapng
sends 30 > /dev/null
sleep 0.3
kill -KILL $capture_pid
wait $capture_pid 2> /dev/null
check "the daemon sees that a client was killed" wait_for 5 started a 0
check "the killed client's file has what came before" frames_are 30 $DIR/k.pcapng
check "frames move on" sends 10

nv port add c --type vhost
capture c $DIR/c.pcapng
nv port del c
check "a capture ends with its port, as a failure" ends 1
check "and says so" grep -q 'port "c" was deleted' $DIR/capture.err
check "that file is valid" frames_are 0 $DIR/c.pcapng

mkfifo $DIR/fifo
if mount -t tmpfs -o size=64k tmpfs /mnt; then
	capture a /mnt/full
	sends 2000 --size 1200 > /dev/null
	check "a full disk ends a capture" ends 1
	check "it names the file" grep -q 'cannot write /mnt/full: No space' $DIR/capture.err
	check "the file is valid" tcpdump -nr /mnt/full
	umount /mnt
fi

# --- live -----------------------------------------------------------------------

"${netvmctl[@]}" capture a - --filter "len == 333" 2> $DIR/live.err |
	tcpdump -qlnr - > $DIR/live.out 2>> $DIR/live.err &
live=$!
wait_for 5 started a
sends 3 --size 333 > /dev/null
check "a live reader sees frames while the capture goes on" \
	wait_for 5 sh -c "[ \$(grep -c 'length 333' $DIR/live.out) = 3 ]"
check "the capture does go on" started a
kill $live
check "the capture ends with its reader" wait_for 5 started a 0
wait $live 2> /dev/null

# A reader that takes nothing: the capture loses frames, the guest none.
"${netvmctl[@]}" capture a - 2> /dev/null 9<&- > $DIR/fifo &
slow=$!
exec 9<> $DIR/fifo
wait_for 5 started a
check "frames move beside a reader that is stuck" sends 20000 --size 1400
check "the daemon answers" alive
exec 9>&-
kill -KILL $slow 2> /dev/null
wait $slow 2> /dev/null
check "it is rid of the stuck one" wait_for 15 started a 0

# --- refusals -------------------------------------------------------------------

check "a filter that libpcap refuses" gives 2 'filter "ip and": ' nv capture a $DIR/x --filter "ip and"
check "a filter with a loop" gives 1 "does not jump forward" \
	nv capture a $DIR/x --filter "ip6 protochain 17"
check "a port that is not there" gives 1 'there is no port "z"' nv capture z $DIR/x
check "a snaplen of 0" gives 1 "snaplen is a number from 1 to 262144" nv capture a $DIR/x --snaplen 0
check "a direction that is none" gives 1 "direction" nv capture a $DIR/x --direction up
check "a file that cannot be" gives 1 "cannot open /nowhere/x" nv capture a /nowhere/x
check "a standard output that is closed" gives 2 "standard output is closed" \
	timeout 20 sh -c '"$@" >&-' sh "${netvmctl[@]}" capture a -
check "a standard output that is for reading" gives 2 "standard output is closed" \
	timeout 20 sh -c '"$@" 1< /dev/null' sh "${netvmctl[@]}" capture a -
check "refused captures leave no file" test ! -e $DIR/x

capture a $DIR/one.pcapng
sends 5 > /dev/null
check "another capture into the same file is refused" \
	gives 1 "another capture writes to $DIR/one.pcapng" nv capture b $DIR/one.pcapng
check "its place is free again" wait_for 5 started b 0
sends 5 > /dev/null
check "the first one ends well" stopped
check "it has lost nothing" frames_are 10 $DIR/one.pcapng
capture a $DIR/one.pcapng
check "then the file is there to be written again" stopped
check "from its beginning" frames_are 0 $DIR/one.pcapng

pids=()
for ((i = 0; i < 8; i++)); do
	"${netvmctl[@]}" capture a $DIR/many.$i > /dev/null 2>&1 &
	pids+=($!)
done
check "eight captures run at once" wait_for 5 started a 8
check "a ninth is refused" gives 1 "8 captures are running" nv capture b $DIR/x
sends 100 > /dev/null
kill -INT "${pids[@]}"
wait "${pids[@]}"
check "each of the eight has everything" sh -c "
	for i in 0 1 2 3 4 5 6 7; do
		[ \$(tcpdump -ttnr $DIR/many.\$i 2> /dev/null | grep -c '^[0-9]') = 100 ] || exit 1
	done"

capture a $DIR/s.pcapng
sends 10 > /dev/null
must "the daemon stops while one runs" netvmd_end TERM
check "the capture ends as a failure" ends 1
check "it says why" grep -q 'netvmd stopped' $DIR/capture.err
check "its file is valid" frames_are 10 $DIR/s.pcapng
