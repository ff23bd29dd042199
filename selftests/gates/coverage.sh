#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make coverage": which lines and branches of the module do all the tests reach?
#
#   coverage.sh
#
# Runs every program of selftests/ and the fuzzer's corpus in one VM, on the debug kernel,
# against a module that counts (gcov). Prints a table, leaves HTML in build/coverage/html/,
# and fails on a line that nothing reached and coverage.allow does not account for, and on
# what coverage.allow says in vain. The counts come back over the console.
# shellcheck source-path=SCRIPTDIR/../vm source=common.sh
. "$(dirname "$0")/../vm/common.sh"

here=$TOP/selftests
allow=$here/gates/coverage.allow
out=$BUILD/coverage
export EVNOTIFY_BUILD=$out	# a module of its own, beside that of "make check"

"$VM_DIR/deps.sh" coverage
rm -rf "$out"
mkdir -p "$out/tests" "$out/data"

module=$("$VM_DIR/build.sh" debug GCOV_PROFILE=y)
objects=$(dirname "$module")

say "building the tests"
ksft=$("$VM_DIR/kernel.sh" source)/tools/testing/selftests
make -s -C "$here" KSFT="$ksft" OUTPUT="$out/tests" INSTALL_PATH="$out/install/evnotify" \
	CPPFLAGS="-isystem /usr/include/$(gcc -print-multiarch)" install >"$out/tests.log" 2>&1 ||
	{ tail -20 "$out/tests.log" >&2; die "the tests do not build, see $out/tests.log"; }
make -s -C "$here" KSFT="$ksft" OUTPUT="$out/tests" COLLECTION=evnotify emit_tests >"$out/install/kselftest-list.txt"
mkdir -p "$out/install/kselftest"
cp "$ksft/run_kselftest.sh" "$out/install"
cp "$ksft"/kselftest/*.sh "$out/install/kselftest"
"$here/fuzz/fuzz.sh" build

# The kernel keeps the counts of a module that is unloaded and adds them up.
use_kernel debug
root=$out/root/lib/modules/$release
mkdir -p "$root"
cp "$objects"/*.ko "$root"
touch "$root"/modules.{order,builtin,builtin.modinfo}	# or depmod warns
depmod -b "$out/root" "$release"

say "running the tests"
status=0
"$VM_DIR/run.sh" -t 2400 -l "$out/kernel.log" debug "$out/root:/" "$module" "$out/install:evnotify/tests" \
	"$objects/samples:evnotify/drivers" \
	"$out/fuzz/fuzz" "$here/fuzz/corpus:evnotify/corpus" -- "
	export MODULE=/evnotify/evnotify.ko EVNOTIFY_STRICT=1 EVNOTIFY_RACE_MS=300 EVNOTIFY_LOADS=5
	export EVNOTIFY_SAMPLES=/evnotify/drivers
	modprobe evnotify-sim
	(cd tests && ./run_kselftest.sh)
	[ -e /dev/evnotify-sim ] || modprobe evnotify-sim
	./fuzz -t 30 corpus/*
	mkdir /tmp/data
	# their size is 0: no tar of the files themselves
	for file in /sys/kernel/debug/gcov$objects/*.gcda; do cat \$file >/tmp/data/\${file##*/}; done
	echo 'begin gcov'
	tar -c -C /tmp/data . | gzip | base64
	echo 'end gcov'" | tee "$out/tests.tap" | grep --line-buffered -aE '^(ok|not ok) ' |
	while read -r line; do say "${line%$'\r'}"; done || status=${PIPESTATUS[0]}
# what the tests say is the matter of "make check"; here only what they reached counts
[[ $status != 7[01] ]] || say "the VM: status $status, see $out/kernel.log"
sed -n '/^begin gcov/,/^end gcov/p' "$out/tests.tap" | tr -d '\r' | sed '1d;$d' | base64 -d | tar -xz -C "$out/data" ||
	die "no counts came back, see $out/tests.tap"
cp "$out"/data/*.gcda "$objects"

lcov=(--quiet --rc lcov_branch_coverage=1)
lcov "${lcov[@]}" --capture --gcov-tool gcov-12 --directory "$objects" --output-file "$out/all.info"
# the header has part of the hot path; trace.h is the kernel's macros
lcov "${lcov[@]}" --extract "$out/all.info" "$objects/*.c" "$objects/evnotify.h" "$objects/queue.h" --output-file "$out/module.info"
grep -q '^SF:.*/evnotify\.h$' "$out/module.info" || die "nothing was counted in evnotify.h"
genhtml "${lcov[@]}" --branch-coverage --title evnotify --prefix "$objects" --output-directory "$out/html" \
	"$out/module.info" >"$out/genhtml.log"

# --- the table, and what is not reached ---------------------------------------------------

awk -F'[:,]' '
	function rate(n, of) { return of ? sprintf("%6d of %4d %5.1f %%", n, of, 100 * n / of) : sprintf("%22s", "-") }
	function line(name, l, lf, b, bf, f, ff) { printf "%-12s %s %s %s\n", name, rate(l, lf), rate(b, bf), rate(f, ff) }
	BEGIN { printf "%-12s %22s %22s %22s\n", "file", "lines", "branches", "functions" }
	/^SF/ { name = $2; sub(".*/", "", name) }
	/^LF/ { lf = $2 } /^LH/ { lh = $2 } /^BRF/ { bf = $2 } /^BRH/ { bh = $2 } /^FNF/ { ff = $2 } /^FNH/ { fh = $2 }
	/^end_of_record/ { line(name, lh, lf, bh, bf, fh, ff)
		LF += lf; LH += lh; BF += bf; BH += bh; FF += ff; FH += fh; lf = lh = bf = bh = ff = fh = 0 }
	END { line("all", LH, LF, BH, BF, FH, FF) }' "$out/module.info"
echo "HTML: $out/html/index.html"

# Each line that counts, in columns: reached (1 or 0), FILE:LINE, and the two ways in which
# coverage.allow can name it: FILE: FUNCTION: TEXT, with the text of the line before or without.
awk -F'[:,]' '
	/^SF/ { file = name = $2; sub(".*/", "", name)
		for (n = 1; (getline line <file) > 0; n++) {
			if (line ~ /^[a-z]/ && match(line, /[a-z_]+\(/))
				inside = substr(line, RSTART, RLENGTH - 1)
			of[n] = inside
			gsub(/^[ \t]+|[ \t]+$/, "", line)
			text[n] = line
		} }
	/^DA/ { place = name ": " of[$2] ": "
		printf "%d\t%s:%d\t%s\t%s\n", $3 != 0, name, $2, place text[$2], place text[$2 - 1] " " text[$2] }
	' "$out/module.info" >"$out/lines"

awk -F'\t' -v allow="$allow" '
	BEGIN {
		while ((getline line <allow) > 0)
			if (line !~ /^#/ && match(line, / [-~]> /))
				by_luck[substr(line, 1, RSTART - 1)] = substr(line, RSTART + 1, 1) == "~"
	}
	{
		entry = $3 in by_luck ? $3 : $4
		if (entry in by_luck) {
			matches[entry]++
			if ($1 && !by_luck[entry])
				print "coverage.allow: " entry ": is reached"
		} else if (!$1) {
			print $2 ": " $3 ": nothing reaches it"
		}
	}
	END {
		for (entry in by_luck)
			if (matches[entry] != 1)
				printf "coverage.allow: %s: %d such lines\n", entry, matches[entry]
	}' "$out/lines" >"$out/complaints"
[[ ! -s $out/complaints ]] || { cat "$out/complaints"; die "test these lines, or account for them in $allow"; }
