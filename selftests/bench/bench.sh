#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The benchmark: builds it, boots a VM that counts instructions, and reports.
#
#   bench.sh [run] [--json]   all measurements; writes RESULTS.md, results.svg, results.png
#   bench.sh save             the last run becomes the baseline
#   bench.sh compare          runs, and shows what has changed against the baseline
#   bench.sh profile          instructions per kernel function and phase
#   bench.sh native [--json]  the same program on this machine, in nanoseconds (as root, with the
#                             module loaded, on an idle machine)
#
# KERNEL names the kernel of the VM, and others whose figures stand beside its goals (default "6.12
# 6.1 newest"; the goals are for 6.12). Status: 1 if a goal that must be met is missed, and whatever
# run.sh has.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

BENCH_DIR=$TOP/selftests/bench
OUT=$BUILD/bench
read -r KERNEL BESIDE <<<"${KERNEL:-6.12 6.1 newest}"
mkdir -p "$OUT"

# build bench or plugin.so
build() {
	make -s -C "$BENCH_DIR" OUT="$OUT" "$OUT/$1" >"$OUT/build.log" 2>&1 || { cat "$OUT/build.log" >&2; die "building $1 failed"; }
}

# vm CPUS QEMU-ARGS FILE... -- COMMAND: in the kernel that was prepared
vm() {
	local cpus=$1 args=$2; shift 2
	"$VM_DIR/run.sh" -t 14400 -m 2048 -c "$cpus" -l "$OUT/kernel.log" -a 'mitigations=off nokaslr' -q "$args" \
		"$kernel" "${modules[@]}" "$OUT/bench" "$BENCH_DIR/in-vm.sh" "$@" | sift
}

# sift: the VM has one line for both: results have tabs, the rest is progress
sift() { tee >(grep --line-buffered -v $'\t' >&2) | grep $'\t'; }

# A tick of the guest's clock is an instruction. QEMU counts every byte of a fast string
# instruction as one, which no CPU does: the CPU is one without them.
counting() {
	local known flag cpu=max
	known=" $(qemu-system-x86_64 -cpu help | tr -s '\n ' '  ') "
	for flag in erms fsrm fzrm fsrs fsrc; do
		[[ $known != *" $flag "* ]] || cpu+=,-$flag
	done
	echo "-accel tcg -icount shift=0,sleep=off -cpu $cpu"
}

# commit: of the module that was measured
commit() {
	git -C "$TOP" log -1 --format=%h -- module 2>/dev/null || { echo unknown; return; }
	[[ -z $(git -C "$TOP" status --porcelain -- module) ]] || echo '(with changes)'
}

# meta KEY VALUE...
meta() { printf 'meta\t%s\t%s\n' "$1" "${*:2}"; }

# prepare KERNEL
prepare() {
	local built
	kernel=$1
	for_this_machine "$kernel"
	"$VM_DIR/deps.sh" bench
	use_kernel "$kernel"
	build bench
	# the peer is built with the module, whose Kbuild and compat.h know the kernels
	rm -rf "$OUT/source"
	mkdir "$OUT/source"
	cp -R "$TOP/module/." "$BENCH_DIR"/peer/*.[ch] "$OUT/source"
	echo 'obj-m += peer.o' >>"$OUT/source/Kbuild"
	built=$(EVNOTIFY_BUILD=$OUT "$VM_DIR/build.sh" "$kernel" SRC="$OUT/source")
	built=${built%/*}
	modules=("$built/evnotify.ko" "$built/peer.ko" "$built/samples/evnotify-event.ko")
}

# measure KERNEL WHAT TIME: as in-vm.sh has it; prints the file with the results
measure() {
	local count
	prepare "$1"
	count=$(counting)
	say "measuring in a VM with $release, $3"
	{
		meta unit instructions
		meta kernel "$release"
		meta machine "QEMU $(qemu-system-x86_64 --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p'), ${count#-}"
		meta commit "$(commit | tr '\n' ' ')"
		vm 1 "$count" -- "sh in-vm.sh $2"
		[[ $2 = beside ]] || vm 2 '' -- 'sh in-vm.sh cpus'
	} >"$OUT/results.new"
	mv "$OUT/results.new" "$OUT/results-$1"
}

measure_native() {
	[[ $(id -u) = 0 ]] || die 'run it as root: it raises limits'
	[[ -e /dev/evnotify ]] || die '/dev/evnotify is missing; load the module first: make modules load'
	build bench
	{
		meta unit nanoseconds
		meta kernel "$(uname -r)"
		meta machine "$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)"
		meta commit "version $(cat /sys/module/evnotify/version)"
		"$OUT/bench" -r 5
		"$OUT/bench" -c
	} >"$OUT/native.new"
	mv "$OUT/native.new" "$OUT/native"
}

# report MARKDOWN RESULTS...: prints the report too; status 1 if a goal is missed
report() {
	local markdown=$1 status=0; shift
	awk -f "$BENCH_DIR/report.awk" "$@" >"$markdown" || status=1
	cat "$markdown"
	return $status
}

json() { awk -f "$BENCH_DIR/json.awk" "$1"; }

chart() {
	awk -f "$BENCH_DIR/chart.awk" "$1" >"$OUT/chart.gp"
	(cd "$BENCH_DIR" && gnuplot "$OUT/chart.gp")
}

status=0
case ${1:-run} in
run | --json)
	measure "$KERNEL" all '20 minutes'
	results=("$OUT/results-$KERNEL")
	for kernel in $BESIDE; do
		measure "$kernel" beside '5 minutes'
		results+=("$OUT/results-$kernel")
	done
	report "$BENCH_DIR/RESULTS.md" "${results[@]}" >"$OUT/table" || status=1
	chart "${results[0]}"
	if [[ ${*: -1} = --json ]]; then
		json "${results[0]}"
	else
		cat "$OUT/table"
	fi
	say "written: selftests/bench/RESULTS.md, results.svg, results.png"
	exit $status ;;
save)
	[[ -e $OUT/results-$KERNEL ]] || die "there is no run to save; first 'make bench'"
	json "$OUT/results-$KERNEL" >"$BENCH_DIR/baseline.json"
	say "the baseline is now the run of $(date -r "$OUT/results-$KERNEL")" ;;
compare)
	[[ -e $BENCH_DIR/baseline.json ]] || die "there is no baseline; first 'make bench' and 'make bench-save'"
	measure "$KERNEL" all '20 minutes'
	json "$OUT/results-$KERNEL" >"$OUT/results.json"
	awk -f "$BENCH_DIR/compare.awk" "$BENCH_DIR/baseline.json" "$OUT/results.json" ;;
profile)
	prepare "$KERNEL"
	build plugin.so
	say 'counting by function, 5 minutes'
	vm 1 "$(counting) -plugin $OUT/plugin.so,out=$OUT/counts" -- 'sh in-vm.sh profile' >"$OUT/profile.out"
	awk -f "$BENCH_DIR/profile.awk" "$OUT/profile.out" "$OUT/counts" >"$OUT/profile.txt"
	cat "$OUT/profile.txt"
	say "written: $OUT/profile.txt" ;;
native)
	measure_native
	if [[ ${2:-} = --json ]]; then
		json "$OUT/native"
	else
		report "$OUT/native.md" "$OUT/native" || true
	fi ;;
*)
	die "see the top of $0 for its usage" ;;
esac
