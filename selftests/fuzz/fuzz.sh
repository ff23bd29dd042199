#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fuzzes the file interface of the checked module on the debug kernel, in the VM. TAP.
#
#   fuzz.sh short [SECONDS]     the corpus, then new sequences (60): part of "make check"
#   fuzz.sh long [SECONDS]      the same (3600), and leaves the larger corpus: "make fuzz"
#   fuzz.sh replay FILE...      sequences of files, such as one that a finding was printed as
#   fuzz.sh minimise FILE       shortens one that kills the kernel, a VM for each try
#   fuzz.sh alive [SECONDS]     does "short" find each bug of seeded-bugs/?
#
# SEED=N repeats a run, as far as timing allows. Logs stay in build/fuzz/.
# shellcheck source-path=SCRIPTDIR/../vm source=common.sh
. "$(dirname "$0")/../vm/common.sh"

dir=$(cd "$(dirname "$0")" && pwd)
out=$BUILD/fuzz
seed=${SEED:-$(date +%s)}
ring=16 slot=8192	# of the memory that the fuzzer shares with us, see fuzz.c

# module [SOURCE]: the checked build that tells which code ran; beside that of "make check"
module() {
	EVNOTIFY_BUILD=$out "$VM_DIR/build.sh" debug DEBUG=1 KCOV_INSTRUMENT=y SRC="${1:-$TOP/module}"
}

# vm NAME MODULE SECONDS FILE...: runs the fuzzer there. Its output goes to NAME.out, too.
vm() {
	local name=$1 module=$2 seconds=$3
	local memory=$out/$name.shared status=0
	rm -rf "$memory" "$out/$name.corpus"
	mkdir "$out/$name.corpus"
	cp "${@:4}" "$out/$name.corpus"
	truncate -s 4M "$memory"
	"$VM_DIR/run.sh" -t $((seconds + 600)) -l "$out/$name.kernel.log" \
		-q "-object memory-backend-file,id=fuzz,share=on,size=4M,mem-path=$memory -device ivshmem-plain,memdev=fuzz" \
		debug "$module" "$out/fuzz" "$VM_DIR/splats.txt" "$out/$name.corpus:evnotify/corpus" -- \
		"insmod evnotify.ko max_requests=100 && ./fuzz -s $seed -t $seconds -p splats.txt corpus/*" |
		tee "$out/$name.out" || status=${PIPESTATUS[0]}
	return "$status"
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
	local keep=$out/minimise.seq i
	cp "$1" "$keep"
	vm minimise "$2" 0 "$keep" >&2 && { say "no finding in $1"; return 1; }
	for ((i = $(wc -l <"$keep"); i > 0; i--)); do
		sed "${i}d" "$keep" >"$out/shorter.seq"
		grep -q '^[a-z]' "$out/shorter.seq" || continue
		vm minimise "$2" 0 "$out/shorter.seq" >&2 || mv "$out/shorter.seq" "$keep"
	done
	cat "$keep"
}

# fuzz NAME SECONDS FILE...: one run as TAP, with the kernel's own verdict as the last point
fuzz() {
	local name=$1 seconds=$2 status=0 number=2 module
	[[ $seconds = 0 ]] || number=3
	module=$(module)
	printf 'TAP version 13\n1..%d\n' "$number"
	vm "$name" "$module" "${@:2}" || status=$?
	if [[ $status = 71 ]]; then
		last "$name" >"$out/$name.last.seq"
		echo "# the VM died in this sequence, $out/$name.last.seq:"
		sed 's/^/# /' "$out/$name.last.seq"
		[[ $name = replay ]] || { echo "# minimised:"; minimised "$out/$name.last.seq" "$module" || true; }
	fi
	[[ $status != 7[01] ]] || printf 'not '
	echo "ok $number the kernel did not complain, and no memory leaked"
	return "$status"
}

alive() {
	local seconds=${1:-60} patch name module number=0 failed=0 found start
	echo 'TAP version 13'
	for patch in "$dir"/seeded-bugs/*.patch; do
		name=$(basename "$patch" .patch)
		rm -rf "${out:?}/$name"
		cp -R "$TOP/module" "$out/$name"
		patch -d "$out/$name" -F3 -p2 -s --no-backup-if-mismatch <"$patch" ||
			die "$patch does not apply to module/ any more: adapt it"
		module=$(module "$out/$name")
		start=$SECONDS number=$((number + 1))
		# the VM need not survive it
		vm "$name" "$module" "$seconds" "$dir"/corpus/*.seq >&2 || true
		found=$(grep -a -m1 '^# finding after' "$out/$name.out" || echo '# finding: none')
		grep -qE "$(sed -n 's/^Finding: //p' "$patch")" <<<"$found" || { printf 'not '; failed=1; }
		echo "ok $number the seeded bug $name: ${found#'# '} ($((SECONDS - start)) s with the VM)"
	done
	echo "1..$number"
	return "$failed"
}

have gcc || die "gcc is needed to build the fuzzer"
mkdir -p "$out"
gcc -O2 -g -Wall -Wextra -Werror -Wno-sign-compare -static -I"$TOP/module/include/uapi" \
	"$dir"/*.c -o "$out/fuzz" -lpthread

case ${1:-} in
short)
	fuzz short "${2:-60}" "$dir"/corpus/*.seq
	;;
long)
	status=0
	fuzz long "${2:-3600}" "$dir"/corpus/*.seq || status=$?
	tail -c +$((ring * slot + 1)) "$out/long.shared" | tr -d '\0' >"$out/corpus.seq"
	say "the corpus has grown to $(grep -c '^$' "$out/corpus.seq") sequences: $out/corpus.seq"
	exit "$status"
	;;
replay)
	[[ $# -ge 2 ]] || die "which file? fuzz.sh replay FILE..."
	fuzz replay 0 "${@:2}"
	;;
minimise)
	[[ $# = 2 ]] || die "which file? fuzz.sh minimise FILE"
	minimised "$2" "$(module)"
	;;
alive)
	alive "${2:-60}"
	;;
*)
	die "usage: fuzz.sh short|long|alive [SECONDS], fuzz.sh replay FILE..., fuzz.sh minimise FILE"
	;;
esac
