#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Is each sanitizer alive? A module with the bug that it is there to see must fail a run of
# run.sh (status 70), and say what it is; without a bug the same module must not. TAP.
#
#   badmod.sh [KERNEL]...        (default: debug; half a minute for each bug)
# shellcheck source-path=SCRIPTDIR/../vm source=common.sh
. "$(dirname "$0")/../vm/common.sh"

# kernel, bug, what the report must contain
table='
debug    none              -
debug    use-after-free    KASAN: slab-use-after-free
debug    leak              new suspected memory leaks|unreferenced object
debug    lock-order        possible circular locking dependency
debug    sleep-in-atomic   sleeping function called from invalid context
debug    free-active-timer ODEBUG: free active
debug    undefined-shift   UBSAN: shift-out-of-bounds
kcsan    none              -
kcsan    race              KCSAN: data-race
kcsan    sleep-in-atomic   sleeping function called from invalid context
debug-rt none              -
debug-rt lock-order        possible circular locking dependency
debug-rt free-active-timer ODEBUG: free active
'

export EVNOTIFY_BUILD=$BUILD/badmod
kernels=("$@")
[[ $# -gt 0 ]] || kernels=(debug)
mapfile -t rows < <(for kernel in "${kernels[@]}"; do awk -v kernel="$kernel" '$1 == kernel' <<<"$table"; done)
[[ ${#rows[@]} -gt 0 ]] || die "no bugs are known for ${kernels[*]}"

number=0 failed=0
echo TAP version 13
echo "1..${#rows[@]}"
for row in "${rows[@]}"; do
	read -r kernel bug report <<<"$row"
	log=$EVNOTIFY_BUILD/log/$kernel-$bug
	mkdir -p "${log%/*}"
	module=$("$VM_DIR/build.sh" "$kernel" SRC="$TOP/selftests/badmod" 2>/dev/null) || die "badmod does not build for $kernel"
	want=70 status=0 verdict=ok
	[[ $bug != none ]] || want=0
	"$VM_DIR/run.sh" -l "$log.kernel.log" "$kernel" "$module" -- \
		"[ ! -e /sys/kernel/debug/kcsan ] || echo on >/sys/kernel/debug/kcsan; insmod badmod.ko bug=$bug && rmmod badmod" \
		>"$log.log" 2>&1 || status=$?
	number=$((number + 1))
	if [[ $status != "$want" ]] || { [[ $want = 70 ]] && ! grep -qE "$report" "$log.kernel.log"; }; then
		verdict='not ok' failed=1
		echo "# expected status $want and '$report', seen status $status:"
		tail -20 "$log.log" | sed 's/^/# /'
	fi
	echo "$verdict $number - $kernel: $bug"
done
exit $failed
