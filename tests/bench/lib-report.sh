# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the bench prints: medians over the rounds as tables, everything as JSON.
# shellcheck disable=SC2154 # shared with run

# One line of JSON per measurement. Counters are "packets busy_cycles" before
# and after; without them every cycle of the CPU counts as busy.
record() {
	jq -c --arg backend "$1" --arg frontend "$2" --argjson size "$3" --arg before "$4" \
		--arg after "$5" --argjson round "$round" '
		($before / " " | map(tonumber? // 0)) as $b |
		($after / " " | map(tonumber? // 0)) as $a |
		(($a[0] // 0) - ($b[0] // 0)) as $packets |
		. + {backend: $backend, frontend: $frontend, size: $size, round: $round} +
		if $packets > 0 then
			{busy_cycles_per_packet: (($a[1] - $b[1]) / $packets), busy: "counted"}
		elif .pps then
			{busy_cycles_per_packet: (.tsc_hz / .pps), busy: "all"}
		else {} end' <<<"$6" | tee -a "$work/results" | jq -r '
		"  round \(.round)  \(.backend)  \(.frontend)  \(.size) B  " +
		if .pps then "\(.mpps) Mpps  \(.busy_cycles_per_packet | round) cycles/packet"
		else "median \(.us_median) us" end' >&2
}

machine() {
	jq -n --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		--argjson cpus "$(nproc)" --arg kernel "$(uname -r)" --arg date "$(date -u +%FT%TZ)" \
		--arg huge "$huge" --argjson backend_cpu "$backend_cpu" \
		--argjson frontend_cpu "$frontend_cpu" --arg load "$load" \
		--argjson ring "$ring" --argjson flows "$flows" --arg poll "$poll" '
		{cpu: $cpu, cpus: $cpus, kernel: $kernel, date: $date, hugepages: ($huge == "yes"),
		 backend_cpu: $backend_cpu, frontend_cpu: $frontend_cpu, load: ($load | tonumber),
		 ring: $ring, flows: $flows, poll: $poll}'
}

# Medians: [{backend, frontend, size, mpps, gbps, cycles, us}].
summary() {
	jq -s '
		def median: sort | if length == 0 then null
			else (.[((length - 1) / 2) | floor] + .[(length / 2) | floor]) / 2 end;
		def mid(f): [.[] | f | values] | median;
		group_by([.frontend, .backend, .size]) | map({
			frontend: .[0].frontend, backend: .[0].backend, size: .[0].size,
			rounds: length, mpps: mid(.mpps), gbps: mid(.gbps),
			busy_cycles_per_packet: mid(.busy_cycles_per_packet),
			us_median: mid(.us_median), us_p99: mid(.us_p99), us_max: mid(.us_max)}
			| with_entries(select(.value != null)))' "$work/results"
}

# A table of frontend $1: a row per backend, a column per size, cells by the
# jq expression $2.
table() {
	jq -r --arg frontend "$1" --arg order "$backends,limit" '
		def fix(n): . * pow(10; n) | round / pow(10; n);
		[.[] | select(.frontend == $frontend)] as $all |
		($all | map(.size) | unique) as $sizes |
		(["backend"] + ($sizes | map("\(.) B")) | @tsv),
		($order / "," | .[] as $b | [$all[] | select(.backend == $b)] |
			select(length > 0) | . as $row |
			[$b] + ($sizes | map(. as $s | ($row | map(select(.size == $s)) | first) |
				if . == null then "-" else '"$2"' end)) | @tsv)' "$work/summary" |
		column -t -s "$(printf '\t')"
}

# How many times as many packets the first backend forwards as the second.
ratio() {
	jq -r --arg frontend "$1" --arg one "$2" --arg two "$3" '
		[.[] | select(.frontend == $frontend)] as $all |
		($all | map(.size) | unique) as $sizes |
		[$sizes[] as $s | [$one, $two] | map(. as $b | [$all[] |
			select(.backend == $b and .size == $s) | .mpps] | first) |
			select(.[0] != null and .[1] != null and .[1] > 0) |
			"\($s) B: \(.[0] / .[1] * 100 | round / 100)"] |
		select(length > 0) | "\($one) / \($two), packets: " + join(", ")' "$work/summary"
}

report() {
	local f
	[ -s "$work/results" ] || die "nothing was measured"
	summary >"$work/summary"
	machine >"$work/machine"
	jq -r '"\(.cpu), \(.cpus) CPUs, Linux \(.kernel), \(.date[:10]), " +
		(if .hugepages then "2 MiB hugepages" else "no hugepages" end)' "$work/machine"
	for f in ${frontends//,/ }; do
		echo
		if [ "$latency" = yes ]; then
			echo "$f: a lone packet's way from one port to the other, us: median (99 %, most)"
			table "$f" '"\(.us_median | fix(2)) (\(.us_p99 | fix(2)), \(.us_max | fix(1)))"'
			continue
		fi
		echo "$f: Mpps in both directions together (busy TSC cycles per packet)"
		table "$f" '"\(.mpps | fix(2)) (\(.busy_cycles_per_packet | round))"'
		echo
		echo "$f: Gbps"
		table "$f" '"\(.gbps | fix(1))"'
		echo
		ratio "$f" netvm ovs
		ratio "$f" netvm ovs-normal
		ratio "$f" netvm testpmd
	done
	if [ -n "$json" ]; then
		jq -n --slurpfile machine "$work/machine" --slurpfile summary "$work/summary" \
			--slurpfile results "$work/results" \
			'{machine: $machine[0], summary: $summary[0], results: $results}' >"$json"
	fi
}
