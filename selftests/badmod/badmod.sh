#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Is each sanitizer alive? A module shows, one after the other, the bugs that they are there
# to see: each must be reported, in words that fail a run of run.sh, and the module that has
# no bug must not. TAP.
#
#   badmod.sh [KERNEL]...        (default: debug; two minutes for each)
# shellcheck source-path=SCRIPTDIR/../vm source=common.sh
. "$(dirname "$0")/../vm/common.sh"

# Kernel, bug, what the report must contain. lockdep retires after its first report, so that
# goes first; leaks are looked for at the end.
table='
debug    none              -
debug    lock-order        possible circular locking dependency
debug    sleep-in-atomic   sleeping function called from invalid context
debug    use-after-free    KASAN: slab-use-after-free
debug    free-active-timer ODEBUG: free active
debug    undefined-shift   UBSAN: shift-out-of-bounds
debug    soft-lockup       BUG: soft lockup
debug    rcu-stall         rcu: INFO: .*stall
debug    leak              new suspected memory leaks|unreferenced object
kcsan    none              -
kcsan    race              KCSAN: data-race
kcsan    sleep-in-atomic   sleeping function called from invalid context
kcsan    soft-lockup       BUG: soft lockup
kcsan    rcu-stall         rcu: INFO: .*stall
debug-rt none              -
debug-rt lock-order        possible circular locking dependency
debug-rt sleep-unpreemptible sleeping function called from invalid context
debug-rt free-active-timer ODEBUG: free active
debug-rt soft-lockup       BUG: soft lockup
debug-rt rcu-stall         rcu: INFO: .*stall
'

export EVNOTIFY_BUILD=$BUILD/badmod
kernels=("$@")
[[ $# -gt 0 ]] || kernels=(debug)

number=0 failed=0
# verdict STATUS NAME
verdict() {
	number=$((number + 1))
	if [[ $1 = 0 ]]; then echo "ok $number - $2"; else failed=1; echo "not ok $number - $2"; fi
}

# section LOG BUG: what the kernel said of a bug
section() { awk -v bug="badmod: show $2\r?$" '/badmod: show / { on = $0 ~ bug } on' "$1"; }

echo TAP version 13
for kernel in "${kernels[@]}"; do
	mapfile -t rows < <(awk -v kernel="$kernel" '$1 == kernel' <<<"$table")
	[[ ${#rows[@]} -gt 0 ]] || die "no bugs are known for $kernel"
	echo "1..$((${#rows[@]} + 1))"
	log=$EVNOTIFY_BUILD/log/$kernel
	mkdir -p "${log%/*}"
	module=$("$VM_DIR/build.sh" "$kernel" SRC="$TOP/selftests/badmod")
	module=${module%/*}/badmod.ko
	status=0
	"$VM_DIR/run.sh" -l "$log.kernel.log" "$kernel" "$module" -- "
		# or it would take 20 seconds to notice a lockup, and 21 for a stall
		echo 2 >/proc/sys/kernel/watchdog_thresh
		echo 3 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
		for bug in $(printf '%s\n' "${rows[@]}" | awk '{ printf "%s ", $2 }'); do
			echo badmod: show \$bug >/dev/kmsg
			insmod badmod.ko bug=\$bug && rmmod badmod || exit 1
		done" >"$log.log" 2>&1 || status=$?
	for row in "${rows[@]}"; do
		read -r _ bug report <<<"$row"
		seen=$(section "$log.kernel.log" "$bug" | grep -aE -f "$VM_DIR/splats.txt" || true)
		if [[ $bug = none ]]; then
			[[ -z $seen ]]
		else
			grep -qE "$report" <<<"$seen"
		fi && ret=0 || ret=1
		verdict "$ret" "$kernel: $bug"
		[[ $ret = 0 ]] || echo "# expected '$report', seen: ${seen:-nothing}" | head -5
	done
	[[ $status = 70 ]] && ret=0 || ret=1
	verdict "$ret" "$kernel: a report fails the run (status $status)"
	[[ $ret = 0 ]] || tail -20 "$log.log" | sed 's/^/# /'
done
exit $failed
