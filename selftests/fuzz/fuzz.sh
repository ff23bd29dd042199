#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fuzzes the file interface of the checked module on the debug kernel, in the VM. TAP.
#
#   fuzz.sh short [SECONDS]     the corpus, then new sequences (60): a cell of "make check-ci"
#   fuzz.sh long [SECONDS]      the same (3600): "make fuzz". What it finds goes into
#                               corpus/regressions.seq, what reaches more into corpus/grown.seq
#   fuzz.sh replay FILE...      sequences of files, 100 times each
#   fuzz.sh minimise FILE       shortens one that kills the kernel, a VM for each try
#   fuzz.sh alive [BUG]...      does "short" find each bug of seeded-bugs/, and does then the
#                               minimised sequence that it printed?
#   fuzz.sh build               the program only, build/fuzz/fuzz
#
# SEED=N repeats a run, as far as timing allows. Logs stay in build/fuzz/.
# shellcheck source-path=SCRIPTDIR/../vm source=common.sh
. "$(dirname "$0")/../vm/common.sh"

dir=$(cd "$(dirname "$0")" && pwd)
out=$BUILD/fuzz
seed=${SEED:-$(date +%s)}
ring=16 slot=8192	# of the memory that the fuzzer shares with us, see fuzz.c
times=1			# that each sequence of a file is run
keep=			# -k: what new sequences are worth keeping
the_found='/^# finding: /,/^$/{/^# minimised/!p}'	# for sed: in that output the minimised sequence
grown=$dir/corpus/grown.seq

# module [SOURCE]: the checked build that tells which code ran; beside that of "make check"
module() {
	EVNOTIFY_BUILD=$out "$VM_DIR/build.sh" debug DEBUG=1 KCOV_INSTRUMENT=y SRC="${1:-$TOP/module}"
}

# vm NAME MODULE SECONDS [FILE]...: runs the fuzzer there, by default with the whole corpus.
# Its output goes to NAME.out, too.
vm() {
	local name=$1 module=$2 seconds=$3 options="-s $seed -t $3 -n $times $keep -p splats.txt"
	local corpus=$out/$1.corpus memory=$out/$1.shared
	shift 3
	rm -rf "$memory" "$corpus"
	mkdir "$corpus"
	if [[ $# = 0 ]]; then
		cp "$dir"/corpus/*.seq "$corpus"
		mv "$corpus/grown.seq" "$corpus/grown"
		options+=" -g corpus/grown"
	else
		cp "$@" "$corpus"
	fi
	truncate -s 4M "$memory"
	# after the first bad access the kernel is not to be relied on, it may well hang
	"$VM_DIR/run.sh" -t $((2 * seconds + 1200)) -l "$out/$name.kernel.log" -a kasan.fault=panic \
		-q "-object memory-backend-file,id=fuzz,share=on,size=4M,mem-path=$memory -device ivshmem-plain,memdev=fuzz" \
		debug "$module" "${module%/*}/evnotify-sim.ko" "$out/fuzz" "$VM_DIR/splats.txt" "$corpus:evnotify/corpus" -- \
		"insmod evnotify.ko max_requests=100 min_period_ns=1000000 && insmod evnotify-sim.ko && ./fuzz $options corpus/*.seq" |
		tee "$out/$name.out"
}

# died NAME: did the kernel not survive this run? complaint NAME: what it said first
died() { ! grep -aq 'evnotify-vm: exit' "$out/$1.kernel.log"; }
complaint() {
	sed -n '/evnotify-vm: start/,$p' "$out/$1.kernel.log" | grep -aE -m1 -f "$VM_DIR/splats.txt" ||
		echo 'no end was reached'
}

# last NAME: the sequence that ran last
last() {
	local i newest
	for ((i = 0; i < ring; i++)); do
		dd if="$out/$1.shared" bs=$slot skip=$i count=1 status=none | tr '\0' '\n' |
			sed -n '1,/^$/p' >"$out/$1.ring.$i"
	done
	newest=$(grep -H '^# run' "$out/$1".ring.* | sort -t' ' -k3n | tail -1 | cut -d: -f1)
	cat "${newest:?nothing was run}"
	rm "$out/$1".ring.*
}

# minimised FILE MODULE: drops line after line while the VM still does not survive it
minimised() {
	local smallest=$out/minimise.seq i
	cp "$1" "$smallest"
	vm minimise "$2" 0 "$smallest" >&2 || true
	died minimise || { say "no finding in $1"; return 1; }
	for ((i = $(wc -l <"$smallest"); i > 0; i--)); do
		sed "${i}d" "$smallest" >"$out/shorter.seq"
		grep -q '^[a-z]' "$out/shorter.seq" || continue
		vm minimise "$2" 0 "$out/shorter.seq" >&2 || true
		! died minimise || mv "$out/shorter.seq" "$smallest"
	done
	cat "$smallest"
}

# reproducer NAME MODULE: what the run NAME found goes to NAME.found.seq, as the minimised
# sequence. Fails if it found nothing, or nothing that comes again.
reproducer() {
	local found=$out/$1.found.seq
	rm -f "$found"
	if died "$1"; then
		last "$1" >"$out/$1.last.seq"
		echo "# the VM died in this sequence, $out/$1.last.seq:"
		sed 's/^/# /' "$out/$1.last.seq"
		{ echo "# finding: kernel: $(complaint "$1")"; times=100 minimised "$out/$1.last.seq" "$2"; } >"$found" ||
			{ rm "$found"; return 1; }
		sed 's/^[a-z]/# &/' "$found"
	else
		sed -n "$the_found" "$out/$1.out" >"$found"
		[[ -s $found ]] || { rm "$found"; return 1; }
	fi
	say "what it takes to find that: $found"
}

# fuzz NAME SECONDS [FILE]...: one run as TAP, with the kernel's own verdict as the last point
fuzz() {
	local name=$1 seconds=$2 status=0 number=2 module
	[[ $seconds = 0 ]] || number=3
	module=$(module)
	printf 'TAP version 13\n1..%d\n' "$number"
	vm "$name" "$module" "${@:2}" || status=$?
	[[ $status = 0 || $name = replay ]] || reproducer "$name" "$module" || true
	[[ $status != 7[01] ]] || printf 'not '
	echo "ok $number the kernel did not complain, and no memory leaked"
	return "$status"
}

long() {
	local status=0
	keep=-k
	fuzz long "$1" || status=$?
	{
		sed '/^$/q' "$grown"
		tail -c +$((ring * slot + 1)) "$out/long.shared" | tr -d '\0'
	} >"$out/grown.seq"
	if [[ $status = 0 ]]; then
		cp "$out/grown.seq" "$grown"
		say "$(grep -c '^$' "$grown") sequences are in $grown now"
	elif [[ -e $out/long.found.seq ]]; then
		cat "$out/long.found.seq" >>"$dir/corpus/regressions.seq"
		say "added to $dir/corpus/regressions.seq"
	fi
	return "$status"
}

# found NAME: what the run NAME found
found() {
	if [[ ! -e $out/$1.out ]]; then
		echo 'finding: none'
	elif died "$1"; then
		echo "finding: kernel: $(complaint "$1")"
	else
		grep -a -m1 '^# finding after' "$out/$1.out" || echo 'finding: none'
	fi
}

alive() {
	local name patch pattern module number=0 failed=0 start
	printf 'TAP version 13\n1..%d\n' $((2 * $#))
	for name; do
		name=$(basename "$name" .patch)
		patch=$dir/seeded-bugs/$name.patch
		pattern=$(sed -n 's/^Finding: //p' "$patch")
		rm -rf "${out:?}/$name"
		cp -R "$TOP/module" "$out/$name"
		patch -d "$out/$name" -F3 -p2 -s --no-backup-if-mismatch <"$patch" ||
			die "$patch does not apply to module/ any more: adapt it"
		module=$(module "$out/$name")
		start=$SECONDS
		# the VM need not survive it
		vm "$name" "$module" 60 >&2 || true
		number=$((number + 1))
		grep -qE "$pattern" <<<"$(found "$name")" || { printf 'not '; failed=1; }
		echo "ok $number the seeded bug $name: $(found "$name") ($((SECONDS - start)) s with the VM)"

		number=$((number + 1))
		rm -f "$out/$name.again."*
		if reproducer "$name" "$module" >&2; then
			sed 's/^[a-z]/# &/' "$out/$name.found.seq"
			times=100
			vm "$name.again" "$module" 0 "$out/$name.found.seq" >&2 || true
			times=1
		fi
		grep -qE "$pattern" <<<"$(found "$name.again")" || { printf 'not '; failed=1; }
		echo "ok $number the minimised sequence finds $name again"
	done
	return "$failed"
}

"$VM_DIR/deps.sh" check kernel
mkdir -p "$out"
batch=$(awk '/^#define EVNOTIFY_.*BATCH/ && $3 > max { max = $3 } END { print max }' "$TOP/module/evnotify.h")
gcc -O2 -g -Wall -Wextra -Werror -Wno-sign-compare -static -I"$TOP/module/include/uapi" -DBATCH="$batch" \
	"$dir"/*.c -o "$out/fuzz" -lpthread

case ${1:-} in
build) ;;
short)
	fuzz short "${2:-60}"
	;;
long)
	long "${2:-3600}"
	;;
replay)
	[[ $# -ge 2 ]] || die "which file? fuzz.sh replay FILE..."
	times=100
	fuzz replay 0 "${@:2}"
	;;
minimise)
	[[ $# = 2 ]] || die "which file? fuzz.sh minimise FILE"
	times=100
	minimised "$2" "$(module)"
	;;
alive)
	"$VM_DIR/deps.sh" all
	bugs=("$dir"/seeded-bugs/*.patch)
	[[ $# = 1 ]] || bugs=("${@:2}")
	alive "${bugs[@]}"
	;;
*)
	die "usage: fuzz.sh short|long [SECONDS] | replay FILE... | minimise FILE | alive [BUG]... | build"
	;;
esac
