# SPDX-License-Identifier: BSD-3-Clause
# From the bench's medians (lib-report.sh: summary) to its table: what was to be
# reached, ours beside the others, and whether it was. Tab-separated lines.

def fix(n): . * pow(10; n) | round / pow(10; n);
def show(n): if . == null then "-" else fix(n) | tostring end;
def over(b): if . == null or b == null or b == 0 then null else . / b end;

. as $all |
def figure($row; $backend; $case; f):
	[$all[] | select(.row == $row and .backend == $backend and .case == $case) | f] | first;
def mpps($row; $backend; $case): figure($row; $backend; $case; .mpps);
# Each condition: {what, value, least} or {what, value, below}; least 0 is for
# comparison only. A figure that was not measured neither meets nor misses its target.
def holds: if .least then (.value | fix(2)) >= .least else .value < .below end;
def verdict: map(select(.value != null and .least != 0)) |
	if length == 0 then "-" elif all(holds) then "met" else "not met" end;
def shown: map(select(.value != null) | "\(.what) \(.value | fix(2))") |
	if length == 0 then "-" else join(", ") end;
def line($name; $n; $row; $case; f; $target; $conditions):
	[figure($row; ("netvm", "ovs", "testpmd", "limit"); $case; f)] as $f |
	if $f[0] == null then empty else
	[$name, $target, ($f[] | show($n)), ($conditions | shown), ($conditions | verdict)] | @tsv end;

def ovs($row; $case; $least):
	{what: "OVS ×", value: (mpps($row; "netvm"; $case) | over(mpps($row; "ovs"; $case))),
	 least: $least};
def limit($case; $least):
	{what: "limit ×", value: (mpps("split"; "netvm"; $case) | over(mpps("split"; "limit"; $case))),
	 least: $least};
def split($row; $of; $case):
	{what: "split ×", value: (mpps($row; "netvm"; $case) | over(mpps($of; "netvm"; $case))),
	 least: 1};
def rate($name; $row; $case; $target; $conditions):
	line($name; 1; $row; $case; .mpps; $target; $conditions);

def virtio_user($row; $case): {what: "virtio-user ×",
	value: (mpps($row; "netvm"; $case) | over(mpps("\($row)-virtio-user"; "netvm"; $case))),
	least: 1};

(["what", "target", "netvmd", "OVS-DPDK", "testpmd", "limit", "netvmd is", ""] | @tsv),
rate("split, 64 B, Mpps"; "split"; 64; "2.5 × OVS, 0.60 × limit";
	[ovs("split"; 64; 2.5), limit(64; 0.60)]),
rate("split, 256 B, Mpps"; "split"; 256; "1.8 × OVS"; [ovs("split"; 256; 1.8)]),
rate("split, 512 B, Mpps"; "split"; 512; "1.5 × OVS"; [ovs("split"; 512; 1.5)]),
rate("split, 1024 B, Mpps"; "split"; 1024; "-"; [ovs("split"; 1024; 0)]),
rate("split, 1500 B, Mpps"; "split"; 1500; "0.80 × limit";
	[limit(1500; 0.80), ovs("split"; 1500; 0)]),
rate("packed, 64 B, Mpps"; "packed"; 64; "split, 2.2 × OVS";
	[split("packed"; "split"; 64), ovs("packed"; 64; 2.2)]),
(256, 512, 1024, 1500 | . as $size |
	rate("packed, \($size) B, Mpps"; "packed"; $size; "split";
		[split("packed"; "split"; $size), ovs("packed"; $size; 0)])),
rate("virtio-user, 64 B, Mpps"; "virtio-user"; 64; "-"; [ovs("virtio-user"; 64; 0)]),
rate("virtio-user, 1500 B, Mpps"; "virtio-user"; 1500; "2.2 × OVS"; [ovs("virtio-user"; 1500; 2.2)]),
rate("virtio-user packed, 64 B, Mpps"; "virtio-user-packed"; 64; "split, 2.2 × OVS";
	[split("virtio-user-packed"; "virtio-user"; 64), ovs("virtio-user-packed"; 64; 2.2)]),
rate("virtio-user packed, 1500 B, Mpps"; "virtio-user-packed"; 1500; "split";
	[split("virtio-user-packed"; "virtio-user"; 1500), ovs("virtio-user-packed"; 1500; 0)]),
(def kept($b): mpps("flows"; $b; 1000) | over(mpps("flows"; $b; 1));
	rate("1,000 flows, 64 B, Mpps"; "flows"; 1000; "0.95 × one flow";
		[{what: "one flow ×", value: kept("netvm"), least: 0.95},
		 {what: "OVS with itself ×", value: kept("ovs"), least: 0}])),
rate("64 idle ports beside, 64 B, Mpps"; "idle"; 64; "0.95 × without";
	[{what: "without ×", value: (mpps("idle"; "netvm"; 64) | over(mpps("idle"; "netvm"; 0))),
	  least: 0.95}]),
line("iperf3, guests with TSO, Gbps"; 2; "iperf"; "tso"; .gbps; "1 × OVS";
	[{what: "OVS ×", value: (figure("iperf"; "netvm"; "tso"; .gbps) |
		over(figure("iperf"; "ovs"; "tso"; .gbps))), least: 1}]),
line("lone packet there and back, us, median"; 2; "latency"; 64; .us_median; "under 5";
	[{what: "us", value: figure("latency"; "netvm"; 64; .us_median), below: 5}]),
line("the same, 99.9 %"; 1; "latency"; 64; .us_p999; "under 50";
	[{what: "us", value: figure("latency"; "netvm"; 64; .us_p999), below: 50}]),
line("memory with 64 ports, MiB"; 1; "memory"; 64; .rss_mib; "under 100";
	[{what: "MiB", value: figure("memory"; "netvm"; 64; .rss_mib), below: 100}]),
# OpenNetVM 21.10 on this machine, measured once: it is not installed here.
(64, 1500, 9000 | . as $size |
	rate("NF to NF, one hop, \($size) B, Mpps"; "shm-hop"; $size;
		if $size == 64 then "75; OpenNetVM 27" else "0.90 × 64 B" end;
		if $size == 64 then [{what: "Mpps", value: mpps("shm-hop"; "netvm"; 64), least: 75}]
		else [{what: "64 B ×", value: (mpps("shm-hop"; "netvm"; $size) |
			over(mpps("shm-hop"; "netvm"; 64))), least: 0.9}] end)),
rate("the same, 64 B, 128 under way, Mpps"; "shm-hop-few"; 128; "-";
	[{what: "1024 ×", value: (mpps("shm-hop-few"; "netvm"; 128) |
		over(mpps("shm-hop"; "netvm"; 64))), least: 0}]),
([2, 16.2, 1.0], [3, 11.0, 0], [4, 8.3, 0], [5, 6.6, 2.5] | . as [$n, $onvm, $few] |
	rate("\($n) NFs on one CPU, 64 B, Mpps each"; "shm-share"; $n; "1.5 × OpenNetVM's \($onvm)";
		[{what: "OpenNetVM ×", value: (mpps("shm-share"; "netvm"; $n) | over($onvm)), least: 1.5}]),
	(["128 under way", "shm-share-few"], ["128 of each under way", "shm-share-own"] |
		. as [$what, $row] |
		rate("the same, \($what)"; $row; $n;
			if $few == 0 then "-" else "5 × OpenNetVM's \($few)" end;
			if $few == 0 then [] else [{what: "OpenNetVM ×",
				value: (mpps($row; "netvm"; $n) | over($few)), least: 5}] end))),
(2, 4, 8 | . as $n |
	line("circle of \($n) NFs, 64 B, cycles per hop"; 0; "shm-chain"; $n;
		.busy_cycles_per_packet; "at most 35, constant";
		[{what: "cycles", value: figure("shm-chain"; "netvm"; $n; .busy_cycles_per_packet),
		  below: 35.5},
		 {what: "of 2 NFs ×", value: (figure("shm-chain"; "netvm"; $n; .busy_cycles_per_packet) |
			over(figure("shm-chain"; "netvm"; 2; .busy_cycles_per_packet))), below: 1.1}])),
([$all[] | select(.row == "shm-stock") | .case] | sort | .[] | . as $size |
	rate("stock guest and shm port, \($size) B, Mpps"; "shm-stock"; $size; "1 × stock to stock";
		[{what: "stock ×", value: (mpps("shm-stock"; "netvm"; $size) |
			over(mpps("split"; "netvm"; $size))), least: 1},
		 {what: "OVS ×", value: (mpps("shm-stock"; "netvm"; $size) |
			over(mpps("split"; "ovs"; $size))), least: 0}])),
rate("PMD in testpmd, one hop, 64 B, Mpps"; "shm-pmd"; 64; "20, 1 × virtio-user";
	[{what: "Mpps", value: mpps("shm-pmd"; "netvm"; 64), least: 20},
	 virtio_user("shm-pmd"; 64)]),
rate("the same, from port to port"; "shm-pmd-pair"; 64; "20, 1 × virtio-user";
	[{what: "Mpps", value: mpps("shm-pmd-pair"; "netvm"; 64), least: 20},
	 virtio_user("shm-pmd-pair"; 64)]),
rate("the same, 1500 B"; "shm-pmd-pair"; 1500; "1 × virtio-user";
	[virtio_user("shm-pmd-pair"; 1500)]),
line("attach to first packet, us"; 1; "shm-attach"; 2; .us_median; "under 20000";
	[{what: "us", value: figure("shm-attach"; "netvm"; 2; .us_median), below: 20000},
	 {what: "at most", value: figure("shm-attach"; "netvm"; 2; .us_max), below: 20000}]),
line("memory of an attached shm port, MiB"; 1; "shm-memory"; 32; .rss_mib; "under 1";
	[{what: "MiB", value: figure("shm-memory"; "netvm"; 32; .rss_mib), below: 1}])
