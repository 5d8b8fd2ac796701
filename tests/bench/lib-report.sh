# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the bench prints: medians over the rounds as tables, everything as JSON.
# shellcheck disable=SC2154 # shared with run

# record ROW BACKEND CASE BEFORE AFTER JSON: one line of JSON per measurement.
# Counters are "packets busy_cycles" before and after; without them every cycle
# of the CPU counts as busy.
record() {
	jq -c --arg row "$1" --arg backend "$2" --arg case "$3" --arg before "$4" \
		--arg after "$5" --argjson round "$round" '
		($before / " " | map(tonumber? // 0)) as $b |
		($after / " " | map(tonumber? // 0)) as $a |
		(($a[0] // 0) - ($b[0] // 0)) as $packets |
		. + {row: $row, backend: $backend, case: ($case | tonumber? // $case), round: $round} +
		if .pps and $packets > 0 then
			{busy_cycles_per_packet: (($a[1] - $b[1]) / $packets), busy: "counted"}
		elif .pps then
			{busy_cycles_per_packet: (.tsc_hz / .pps), busy: "all"}
		else {} end' <<<"$6" | tee -a "$work/results" | jq -r '
		"  round \(.round)  \(.row)  \(.backend)  \(.case)  " +
		if .pps then "\(.mpps) Mpps  \(.busy_cycles_per_packet | round) cycles/packet"
		elif .us_median then "median \(.us_median) us, 99.9 % \(.us_p999) us"
		elif .rss_mib then "\(.rss_mib) MiB"
		else "\(.gbps) Gbps" end' >&2
}

machine() {
	jq -n --arg cpu "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		--argjson cpus "$(nproc)" --arg kernel "$(uname -r)" --arg date "$(date -u +%FT%TZ)" \
		--arg huge "$huge" --argjson backend_cpu "$backend_cpu" \
		--argjson frontend_cpu "$frontend_cpu" --arg load "$load" \
		--argjson hz "$("$lean" --clock | jq .tsc_hz)" \
		--argjson ring "$ring" --arg poll "$poll" --argjson rounds "$rounds" '
		{cpu: $cpu, cpus: $cpus, tsc_hz: $hz, kernel: $kernel, date: $date,
		 hugepages: ($huge == "yes"), backend_cpu: $backend_cpu,
		 frontend_cpu: $frontend_cpu, load: ($load | tonumber), ring: $ring,
		 poll: $poll, rounds: $rounds}'
}

# Medians: [{row, backend, case, mpps, ...}].
summary() {
	jq -s '
		def median: sort | if length == 0 then null
			else (.[((length - 1) / 2) | floor] + .[(length / 2) | floor]) / 2 end;
		def mid(f): [.[] | f | values] | median;
		group_by([.row, .backend, .case]) | map({
			row: .[0].row, backend: .[0].backend, case: .[0].case, rounds: length,
			mpps: mid(.mpps), gbps: mid(.gbps),
			busy_cycles_per_packet: mid(.busy_cycles_per_packet),
			us_median: mid(.us_median), us_p99: mid(.us_p99), us_p999: mid(.us_p999),
			us_max: mid(.us_max), rss_mib: mid(.rss_mib)}
			| with_entries(select(.value != null)))' "$work/results"
}

# Lines of cells, tab between them, the first a heading: as a table.
lay_out() {
	if [ "$markdown" = yes ]; then
		awk -F '\t' '{
			printf "|"
			for (i = 1; i <= NF; i++)
				printf " %s |", $i
			print ""
			if (NR == 1) {
				printf "|"
				for (i = 1; i <= NF; i++)
					printf "---|"
				print ""
			}
		}'
	else
		column -t -s "$(printf '\t')"
	fi
}

# Row $1 with a line per backend and a column per size.
rates() {
	jq -r --arg row "$1" '
		def fix(n): . * pow(10; n) | round / pow(10; n);
		[.[] | select(.row == $row and .mpps)] as $all |
		($all | map(.case) | unique) as $cases |
		(["backend"] + ($cases | map("\(.) B")) | @tsv),
		("netvm", "ovs", "testpmd", "limit" | . as $b |
			[$all[] | select(.backend == $b)] | select(length > 0) | . as $line |
			[$b] + ($cases | map(. as $c | ($line | map(select(.case == $c)) | first) |
				if . == null then "-" else
				"\(.mpps | fix(1)) (\(.busy_cycles_per_packet | round))" end)) | @tsv)' \
		"$work/summary" | lay_out
}

report() {
	local r
	[ -s "$work/results" ] || die "nothing was measured"
	summary >"$work/summary"
	machine >"$work/machine"
	jq -r '"\(.cpu), \(.cpus) CPUs, TSC \(.tsc_hz / 1e8 | round / 10) GHz, Linux \(.kernel), " +
		"\(.date[:10]), " + (if .hugepages then "2 MiB hugepages" else "no hugepages" end) +
		", medians of \(.rounds)"' "$work/machine"
	echo
	jq -r -f "$here/targets.jq" "$work/summary" | lay_out
	for r in $busy_rows; do
		jq -e --arg row "$r" 'any(.row == $row)' "$work/summary" >/dev/null || continue
		echo
		echo "$r: Mpps in both directions together (busy TSC cycles per packet)"
		[ "$markdown" = no ] || echo
		rates "$r"
	done
	if [ -n "$json" ]; then
		jq -n --slurpfile machine "$work/machine" --slurpfile summary "$work/summary" \
			--slurpfile results "$work/results" \
			'{machine: $machine[0], summary: $summary[0], results: $results}' >"$json"
	fi
}
