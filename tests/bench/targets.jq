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
	[{what: "MiB", value: figure("memory"; "netvm"; 64; .rss_mib), below: 100}])
