# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# The rows of the bench's table. A row of --only has a function row_NAME that
# measures it once; those that share backends and frontends are taken together,
# so that each backend is started once per round for all of them.
# shellcheck disable=SC2154,SC2034 # shared with run

row_wanted() {
	case ,$only, in
	*,"$1",*) return 0 ;;
	esac
	return 1
}

# with_backend NAME VARIANT COMMAND...: runs it against a fresh backend.
with_backend() {
	local name=$1
	variant=$2
	shift 2
	case ,$backends, in
	*,"$name",*) ;;
	*) return 0 ;;
	esac
	dir=$work/$name
	rm -rf "$dir"
	mkdir -p "$dir"
	if "${name}_start"; then
		"$@"
	else
		say "$name${variant:+ ($variant)} did not start: $(tail -n 5 "$dir/log" 2>/dev/null)"
		failed=1
	fi
	stop_all
	variant=
}

# measure ROW BACKEND FRONTEND SIZE [CASE]: one figure of the running backend. The
# case tells figures of a row apart; it is the size unless given.
measure() {
	local before after result
	before=$("$2_counters")
	if ! result=$("frontend_$3" "$4"); then
		say "$1, $2, $4: the frontend failed: $(tail -n 3 "$work/frontend.log")"
		failed=1
		return
	fi
	after=$("$2_counters")
	record "$1" "$2" "${5:-$4}" "$before" "$after" "$result"
}

# --- two busy ports ----------------------------------------------------------

busy_rows="split packed virtio-user virtio-user-packed"

# $1: backend; all busy rows that are wanted.
busy_all() {
	local size
	for size in ${sizes//,/ }; do
		! row_wanted split || measure split "$1" lean "$size"
		! row_wanted packed || measure packed "$1" lean_packed "$size"
	done
	for size in 64 1500; do
		! row_wanted virtio-user || measure virtio-user "$1" virtio_user "$size"
		! row_wanted virtio-user-packed ||
			measure virtio-user-packed "$1" virtio_user_packed "$size"
	done
}

limit_all() {
	local size result extra=()
	row_wanted split || return 0
	[ "$huge" = no ] || extra+=(--hugepages)
	for size in ${sizes//,/ }; do
		result=$("$lean" --limit --size "$size" --seconds "$seconds" --warmup 0.5 \
			--ring "$ring" --cpu "$frontend_cpu" --backend-cpu "$backend_cpu" \
			"${extra[@]}") || return
		record split limit "$size" "" "" "$result"
	done
}

row_busy() {
	local b
	for b in ${backends//,/ }; do
		with_backend "$b" "" busy_all "$b"
	done
	limit_all
}

row_split() { row_busy; }
row_packed() { row_busy; }
row_virtio_user() { row_busy; }
row_virtio_user_packed() { row_busy; }

# --- 1,000 flows -------------------------------------------------------------

flows_both() {
	measure flows "$1" lean_flows 1
	measure flows "$1" lean_flows 1000
}

row_flows() {
	with_backend netvm "" flows_both netvm
	with_backend ovs normal flows_both ovs
}

# --- idle ports --------------------------------------------------------------

idle_one() {
	measure idle netvm lean 64 "$1"
}

row_idle() {
	with_backend netvm "" idle_one 0
	with_backend netvm idle idle_one 64
}

# --- a lone packet -----------------------------------------------------------

row_latency() {
	local b
	for b in ${backends//,/ }; do
		with_backend "$b" "" measure latency "$b" lean_latency 64
	done
}

# --- memory ------------------------------------------------------------------

# Everything that the daemon has in memory (Rss in smaps) but what it has mapped of
# its 64 + 2 guests. It runs without hugepages here, so that what DPDK touched of its
# own memory, that for packets included, counts as well.
row_memory() {
	local huge=no
	with_backend netvm idle memory_one
}

memory_one() {
	local result
	frontend_lean 64 >/dev/null || say "memory: no traffic: $(tail -n 3 "$work/frontend.log")"
	result=$(awk '
		/^[0-9a-f]+-[0-9a-f]+ / { guest = /guest memory/ }
		/^Rss:/ { rss[guest] += $2 }
		END { printf "{\"rss_mib\": %.1f, \"guest_mib\": %.1f}\n",
			rss[0] / 1024, rss[1] / 1024 }' "/proc/$netvm_pid/smaps")
	record memory netvm 64 "" "" "$result"
}

# --- all ---------------------------------------------------------------------

run_rows() {
	local r busy=no
	for r in ${only//,/ }; do
		case " $busy_rows " in
		*" $r "*)
			[ $busy = yes ] || row_busy
			busy=yes
			;;
		*) "row_${r//-/_}" ;;
		esac
	done
}
