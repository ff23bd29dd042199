#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make check": every test, or the cells named. Ends with "N passed, N failed, N skipped".
#
#   check.sh [CELL]...
#
# A cell is static (gates on the source), user (library and command without a device, under
# ASan and UBSan), runner (does run.sh notice failures?), or a kernel of the table: module,
# kselftest programs, library and command in a VM. Logs stay in build/check/.
# shellcheck source-path=SCRIPTDIR source=common.sh disable=SC2317 # cells are called by name
. "$(dirname "$0")/common.sh"

cells=("$@")
[[ $# -gt 0 ]] || cells=(static user runner 6.1 6.12 newest debug)
first_kernel=$(printf '%s\n' "${cells[@]}" | grep -vxE 'static|user|runner' | head -1 || true)
sanitized_on=6.12	# the kernel that also sees the programs under ASan and UBSan
user=$TOP/userspace
out=$BUILD/check
stage=$BUILD/stage

# --- cells on this machine -------------------------------------------------------------

# host CELL COMMAND...: its TAP becomes a program within the KTAP of the cell
host() {
	local cell=$1 status=0
	echo "$cell:tap" >"$out/$cell.expected"
	echo "# selftests: $cell: tap"
	"${@:2}" | sed 's/^/# /' || status=$?
	[[ $status = 0 ]] || printf 'not '
	echo "ok 1 selftests: $cell: tap"
	return $status
}

cell_static() { host static "$VM_DIR/../static.sh"; }
cell_runner() { host runner "$VM_DIR/run_test.sh"; }
cell_user() { host user make -s -C "$user" O="$BUILD/userspace" WERROR=1 check; }

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

cell_kernel() {
	local cell=$1 dir=$out/$1.root checked=0 limit=900 collections=('') tests module
	tests=$dir/evnotify/tests
	[[ $cell != debug ]] || checked=1 limit=1800
	[[ -e $stage/whole ]] || die "there are no test programs, they did not build"
	use_kernel "$cell"
	echo "$release" >"$out/$cell.release"
	module=$("$VM_DIR/build.sh" "$cell" DEBUG=$checked)
	mkdir -p "$dir/lib/modules/$release" "$dir/evnotify"
	cp "$module" "$dir/lib/modules/$release"
	cp "$module" "$dir/evnotify"
	touch "$dir/lib/modules/$release"/modules.{order,builtin,builtin.modinfo}	# or depmod warns
	depmod -b "$dir" "$release"
	cp -R "$stage" "$tests"
	if [[ $cell = "$sanitized_on" ]]; then
		collections=('' -sanitized)
		add "$tests" library-sanitized:lib_test "$BUILD/userspace/san/tests/lib_test"
		add "$tests" command-sanitized:cli_device.sh "$user/tests/"{cli_device,tap}.sh \
			"$BUILD/userspace/san/evnotify"
	fi
	cp "$tests/kselftest-list.txt" "$out/$cell.expected"
	# the command's tests load and unload the module themselves
	"$VM_DIR/run.sh" -t "$limit" -l "$out/$cell.kernel.log" "$cell" "$dir:/" -- "
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

# run_cell CELL: leaves its log, its results and a line for the table
run_cell() {
	local cell=$1 start=$SECONDS status=0 what=kernel verdict=pass remark="" errors tee
	case $cell in static | user | runner | programs) what=$cell ;; esac
	say "$cell: starts"
	rm -rf "$out/$cell".*
	ran+=("$out/$cell")
	exec {errors}> >(tee "$out/$cell.err" >&2)
	tee=$!
	# in the background, since "set -e" is off wherever a status is tested at once
	"cell_$what" "$cell" >"$out/$cell.log" 2>&"$errors" &
	wait $! || status=$?
	exec {errors}>&-
	wait $tee
	awk -f "$VM_DIR/ktap.awk" -v expected="$(cat "$out/$cell.expected" 2>/dev/null)" \
		"$out/$cell.log" >"$out/$cell.results"
	# a test that fails has been counted; what else can go wrong is counted here
	if [[ $status = 70 || $status = 71 ]] || [[ $status != 0 && $(count fail "$out/$cell") = 0 ]]; then
		verdict=fail remark="status $status: $(tail -1 "$out/$cell.err"); see $out/$cell.err"
	fi
	[[ -s $out/$cell.results && $what != kernel && $verdict = pass ]] ||
		printf '%s\t%s\t%s\n' "$verdict" "$cell as a whole" "$remark" >>"$out/$cell.results"
	printf '%-9s %-30s %7d %7d %8d %8d\n' "$cell" "$(cat "$out/$cell.release" 2>/dev/null || echo -)" \
		"$(count pass "$out/$cell")" "$(count fail "$out/$cell")" "$(count skip "$out/$cell")" \
		$((SECONDS - start)) >>"$out/table"
	say "$cell: $(count pass "$out/$cell") passed, $(count fail "$out/$cell") failed, $(count skip "$out/$cell") skipped" \
		"in $((SECONDS - start)) s"
	awk -F'\t' -v cell="$cell" '$1 != "pass" { printf "       %s: %s: %s%s\n", cell, $1, $2, $3 ? " (" $3 ")" : "" }' \
		"$out/$cell.results" >&2
}

"$VM_DIR/deps.sh" check
mkdir -p "$out"
rm -f "$out/table"
background=
if [[ " ${cells[*]} " = *" debug "* ]]; then
	# the long pole: builds, when it has to, while the other cells run
	"$VM_DIR/kernel.sh" get debug >/dev/null & background=$!
fi
ran=()
for cell in "${cells[@]}"; do
	[[ $cell != "$first_kernel" ]] || run_cell programs
	run_cell "$cell"
done
[[ -z $background ]] || wait "$background" || true

echo
printf '%-9s %-30s %7s %7s %8s %8s\n' cell kernel passed failed skipped seconds
cat "$out/table"
echo "logs: $out"
echo "$(count pass "${ran[@]}") passed, $(count fail "${ran[@]}") failed, $(count skip "${ran[@]}") skipped"
[[ $(count fail "${ran[@]}") = 0 ]]
