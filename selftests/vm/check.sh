#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make check": every test, or the cells named. Ends with "N passed, N failed, N skipped".
#
#   check.sh [CELL|check|all]...	(default: check)
#
# The table "cells" has the cells and the sets "check" and "all". A kernel of the table
# "kernels" is a cell too. Logs stay in build/check/.
# shellcheck source-path=SCRIPTDIR source=common.sh disable=SC2317 # cells are called by name
. "$(dirname "$0")/common.sh"

user=$TOP/userspace
out=$BUILD/check
stage=$BUILD/stage

# what_is CELL: sets kind, what and, of a cell that the table has, set_of
what_is() {
	set_of='' kind='' what=''
	read -r set_of kind what < <(table cells | awk -v n="$1" '$1 "" == n { $1 = ""; print }') || true
	[[ -z $kind ]] || return 0
	table kernels | awk '{ print $1 }' | grep -qxF -e "$1" ||
		die "no cell '$1'; there are: $(table cells | awk '{ printf "%s ", $1 }')"
	kind=vm what=$1
}

# --- cells on this machine -------------------------------------------------------------

# cell_tap CELL COMMAND: its TAP becomes a program within the KTAP of the cell
cell_tap() {
	local cell=$1 status=0
	echo "$cell:tap" >"$out/$cell.expected"
	echo "# selftests: $cell: tap"
	(cd "$TOP" && bash -c "$2") | sed 's/^/# /' || status=$?
	[[ $status = 0 ]] || printf 'not '
	echo "ok 1 selftests: $cell: tap"
	return $status
}

# --- cells in a VM ---------------------------------------------------------------------

# add DIRECTORY COLLECTION:PROGRAM FILE...: one more program for run_kselftest.sh, with the
# files that it needs
add() {
	mkdir -p "$1/${2%:*}"
	cp "${@:3}" "$1/${2%:*}"
	echo "$2" >>"$1/kselftest-list.txt"
}

# What runs on every kernel: a kselftest installation in $stage, as the kernel's own Makefile
# lays it out
cell_programs() {
	local ksft make
	ksft=$("$VM_DIR/kernel.sh" source)/tools/testing/selftests
	make=(make -s -j"$(nproc)" --no-print-directory -C "$TOP/selftests" KSFT="$ksft" OUTPUT="$BUILD/selftests"
		CPPFLAGS="-isystem /usr/include/$(gcc -print-multiarch)" USERCFLAGS=-Werror)
	rm -rf "$stage"
	mkdir -p "$stage/kselftest" "$BUILD/selftests"
	"${make[@]}" INSTALL_PATH="$stage/evnotify" install
	"${make[@]}" COLLECTION=evnotify emit_tests >"$stage/kselftest-list.txt"
	cp "$ksft/run_kselftest.sh" "$stage"
	cp "$ksft"/kselftest/*.sh "$stage/kselftest"
	make -s -j"$(nproc)" -C "$user" O="$BUILD/userspace" WERROR=1 all check-device
	add "$stage" library:lib_test "$BUILD/userspace/tests/lib_test"
	add "$stage" command:cli_device.sh "$user/tests/"{cli_device,tap}.sh "$BUILD/userspace/evnotify"
	add "$stage" readme:readme_device.sh "$user/tests/"{readme_device,tap}.sh \
		"$BUILD/userspace/tests/"readme_{1,2}
	touch "$stage/whole"
}

# cell_vm CELL WHAT
cell_vm() {
	local cell=$1 dir=$out/$1.root kernel words word build=() options=() collections=('') tests module
	read -r kernel words <<<"$2"
	for word in $words; do
		case $word in
		sanitized) collections=('' -sanitized) ;;
		DEBUG=*) build+=("$word") ;;
		*) options+=("$word") ;;
		esac
	done
	tests=$dir/evnotify/tests
	[[ -e $stage/whole ]] || die "there are no test programs, they did not build"
	use_kernel "$kernel"
	echo "$release" >"$out/$cell.release"
	module=$("$VM_DIR/build.sh" "$kernel" "${build[@]}")
	mkdir -p "$dir/lib/modules/$release" "$dir/evnotify"
	cp "$module" "$dir/lib/modules/$release"
	cp "$module" "$dir/evnotify"
	touch "$dir/lib/modules/$release"/modules.{order,builtin,builtin.modinfo}	# or depmod warns
	depmod -b "$dir" "$release"
	cp -R "$stage" "$tests"
	if [[ ${#collections[@]} = 2 ]]; then
		add "$tests" library-sanitized:lib_test "$BUILD/userspace/san/tests/lib_test"
		add "$tests" command-sanitized:cli_device.sh "$user/tests/"{cli_device,tap}.sh \
			"$BUILD/userspace/san/evnotify"
	fi
	cp "$tests/kselftest-list.txt" "$out/$cell.expected"
	# the command's tests load and unload the module themselves
	"$VM_DIR/run.sh" -t 900 "${options[@]}" -l "$out/$cell.kernel.log" "$kernel" "$dir:/" -- "
		export EVNOTIFY=./evnotify MODULE=/evnotify/evnotify.ko; cd tests; status=0
		./run_kselftest.sh ${collections[*]/#/-c command} || status=1
		modprobe evnotify || exit
		./run_kselftest.sh -c evnotify -c readme ${collections[*]/#/-c library} || status=1
		! grep -q '^evnotify ' /proc/modules || rmmod evnotify || status=1
		exit \$status"
}

# --- all of them -----------------------------------------------------------------------

# count VERDICT CELL...
count() { local verdict=$1; shift; cat -- "${@/%/.results}" | grep -c "^$verdict	" || true; }

# run_cell CELL KIND [WHAT]: leaves its log, its results and a line for the table
run_cell() {
	local cell=$1 start=$SECONDS status=0 kind=$2 verdict=pass remark="" errors tee
	say "$cell: starts"
	rm -rf "$out/$cell".*
	ran+=("$out/$cell")
	exec {errors}> >(tee "$out/$cell.err" >&2)
	tee=$!
	# in the background, since "set -e" is off wherever a status is tested at once
	"cell_$kind" "$cell" "${3:-}" >"$out/$cell.log" 2>&"$errors" &
	wait $! || status=$?
	exec {errors}>&-
	wait $tee
	awk -f "$VM_DIR/ktap.awk" -v expected="$(cat "$out/$cell.expected" 2>/dev/null)" \
		"$out/$cell.log" >"$out/$cell.results"
	# a test that fails has been counted; what else can go wrong is counted here
	if [[ $status = 70 || $status = 71 ]] || [[ $status != 0 && $(count fail "$out/$cell") = 0 ]]; then
		verdict=fail remark="status $status: $(tail -1 "$out/$cell.err"); see $out/$cell.err"
	fi
	[[ -s $out/$cell.results && $kind != vm && $verdict = pass ]] ||
		printf '%s\t%s\t%s\n' "$verdict" "$cell as a whole" "$remark" >>"$out/$cell.results"
	printf '%-14s %-30s %7d %7d %8d %8d\n' "$cell" "$(cat "$out/$cell.release" 2>/dev/null || echo -)" \
		"$(count pass "$out/$cell")" "$(count fail "$out/$cell")" "$(count skip "$out/$cell")" \
		$((SECONDS - start)) >>"$out/table"
	say "$cell: $(count pass "$out/$cell") passed, $(count fail "$out/$cell") failed, $(count skip "$out/$cell") skipped" \
		"in $((SECONDS - start)) s"
	awk -F'\t' -v cell="$cell" '$1 != "pass" { printf "       %s: %s: %s%s\n", cell, $1, $2, $3 ? " (" $3 ")" : "" }' \
		"$out/$cell.results" >&2
}

cells=() sources=() need=check staged=0 ran=()
for word in "${@:-check}"; do
	case $word in
	check) mapfile -t -O ${#cells[@]} cells < <(table cells | awk '$2 == "check" { print $1 }') ;;
	all) mapfile -t -O ${#cells[@]} cells < <(table cells | awk '{ print $1 }') ;;
	*) cells+=("$word") ;;
	esac
done
for cell in "${cells[@]}"; do
	what_is "$cell"
	[[ $set_of != all ]] || need=all
	[[ $kind != vm || $(table kernels | awk -v n="${what%% *}" '$1 "" == n { print $2 }') != source ]] ||
		sources+=("${what%% *}")
done

"$VM_DIR/deps.sh" "$need"
mkdir -p "$out"
rm -f "$out/table"
# the long poles: they build, when they have to, while other cells run
for kernel in "${sources[@]}"; do
	"$VM_DIR/kernel.sh" get "$kernel" >/dev/null || true
done & background=$!
for cell in "${cells[@]}"; do
	what_is "$cell"
	if [[ $kind = vm && $staged = 0 ]]; then
		run_cell programs programs
		staged=1
	fi
	run_cell "$cell" "$kind" "$what"
done
wait "$background" || true

echo
printf '%-14s %-30s %7s %7s %8s %8s\n' cell kernel passed failed skipped seconds
cat "$out/table"
echo "logs: $out"
echo "$(count pass "${ran[@]}") passed, $(count fail "${ran[@]}") failed, $(count skip "${ran[@]}") skipped"
[[ $(count fail "${ran[@]}") = 0 ]]
