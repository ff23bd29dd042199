#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make check", "make check-ci" and "make check-all": the tests of a set, or the cells named. Ends
# with "N passed, N failed, N skipped".
#
#   check.sh [CELL|check|ci|all]...	(default: check)
#
# The table "cells" has the cells and the sets. A kernel of the table "kernels" is a cell too. Logs
# stay in build/check/.
#
# Two cells run at a time, since none keeps two CPUs busy: one in a VM and one on this machine, or,
# once there are no more of the one kind, two of the other. What they need is fetched beside them,
# in the order in which they need it.
# shellcheck source-path=SCRIPTDIR source=common.sh disable=SC2317 # cells are called by name
. "$(dirname "$0")/common.sh"

user=$TOP/userspace
out=$BUILD/check

# what_is CELL: sets kind, what and, of a cell that the table has, set
what_is() {
	set='' kind='' what=''
	if [[ $1 = programs-* ]]; then
		kind=programs what=${1#*-}
	elif ! read -r set kind what < <(row cells "$1"); then
		row kernels "$1" >/dev/null || die "no cell '$1'; there are: $(table cells | awk '{ printf "%s ", $1 }')"
		kind=vm what=$1
	fi
}

# --- cells on this machine -------------------------------------------------------------

# cell_tap CELL COMMAND: its TAP becomes a program within the KTAP of the cell
cell_tap() {
	local cell=$1 status=0
	echo "$cell:tap" >"$out/$cell.expected"
	echo "# selftests: $cell: tap"
	(cd "$TOP" && bash -c "out=$out; $2") | sed 's/^/# /' || status=$?
	[[ $status = 0 ]] || printf 'not '
	echo "ok 1 selftests: $cell: tap"
	return $status
}

cell_last() { cell_tap "$@"; }

# --- cells in a VM ---------------------------------------------------------------------

# add DIRECTORY COLLECTION:PROGRAM FILE...: one more program for run_kselftest.sh, with the
# files that it needs
add() {
	mkdir -p "$1/${2%:*}"
	cp "${@:3}" "$1/${2%:*}"
	echo "$2" >>"$1/kselftest-list.txt"
}

# What runs on every kernel, for one architecture: a kselftest installation, as the kernel's
# own Makefile lays it out
cell_programs() {
	local arch=$2 stage=$BUILD/stage/$2 tests=$BUILD/selftests programs=$BUILD/userspace ksft root="" triplet cc make
	cc=$(compiler_of "$arch")
	triplet=$($cc -print-multiarch)
	if [[ $arch != amd64 ]]; then
		root=$("$VM_DIR/kernel.sh" sysroot "$arch")
		cc+=" --sysroot=$root" tests+=-$arch programs+=-$arch
		export PKG_CONFIG_LIBDIR=$root/usr/lib/$triplet/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
	fi
	ksft=$("$VM_DIR/kernel.sh" source)/tools/testing/selftests
	make=(make -s -j"$(nproc)" --no-print-directory -C "$TOP/selftests" KSFT="$ksft" OUTPUT="$tests" CC="$cc"
		CPPFLAGS="-isystem $root/usr/include/$triplet" USERCFLAGS=-Werror)
	[[ $arch != i386 ]] || make+=(CAN_BUILD_32=)	# they are all such
	rm -rf "$stage"
	mkdir -p "$stage/root" "$stage/tests/kselftest" "$tests"
	"${make[@]}" INSTALL_PATH="$stage/tests/evnotify" install
	"${make[@]}" COLLECTION=evnotify emit_tests >"$stage/tests/kselftest-list.txt"
	cp "$ksft/run_kselftest.sh" "$stage/tests"
	cp "$ksft"/kselftest/*.sh "$stage/tests/kselftest"
	make -s -j"$(nproc)" -C "$user" O="$programs" CC="$cc" WERROR=1 check-device
	[[ $arch != amd64 ]] || make -s -j"$(nproc)" -C "$user" O="$programs" check-device-sanitized
	add "$stage/tests" library:lib_test "$programs/tests/lib_test"
	add "$stage/tests" command:cli_device.sh "$user/tests/"{cli_device,tap}.sh "$programs/"{evnotify,tests/tty}
	add "$stage/tests" examples:examples_device.sh "$user/tests/"{examples_device,tap}.sh \
		"$programs/examples/"{pending,event,epoll,change}
	$cc -O2 -g -Wall -Wextra -Werror -static -pthread -isystem "$root/usr/include/$triplet" \
		-I"$TOP/module/include/uapi" -o "$tests/sample_races" "$TOP/selftests/sample/races.c"
	[[ $arch != amd64 ]] || "$VM_DIR/python.sh" "$stage/python"
	add "$stage/tests" sample:sample.sh "$TOP/selftests/sample/sample.sh" "$user/tests/tap.sh" "$tests/event"
	cp "$tests/sample_races" "$stage/tests/sample/races"
	# the VM has those of this machine only, where a program needs them
	[[ $arch = amd64 ]] || (cd "$root" && find lib usr/lib -maxdepth 2 -name '*.so.[0-9]*' \
		-exec cp -L --parents -t "$stage/root" {} +)
	touch "$stage/whole"
}

# programs_of WHAT: for which architecture a VM needs programs
programs_of() {
	case " $1 " in
	*' i386 '*) echo i386 ;;
	*) arch_of "${1%% *}" ;;
	esac
}

# part FROM TO FILE: leaves in a list of programs those from one on, and up to another, if they are
# named
part() {
	local name
	for name in $1 $2; do
		grep -q ":$name\$" "$3" || die "there is no program '$name'"
	done
	sed -i -n "${1:+/:}${1:-1}${1:+\$/},${2:+/:}${2:-\$}${2:+\$/}p" "$3"
}

# cell_vm CELL WHAT
cell_vm() {
	local cell=$1 dir=$out/$1.root kernel words word build=() options=() settings=() stage tests module
	local from='' to='' sanitized='' python='' engine='' collections first=() others=()
	read -r kernel words <<<"$2"
	for word in $words; do
		case $word in
		sanitized | python | engine) declare "$word=y" ;;
		DEBUG=*) build+=("$word") ;;
		from=*) from=${word#*=} ;;
		to=*) to=${word#*=} ;;
		EVNOTIFY_*=*) settings+=("$word") ;;
		i386) ;;
		*) options+=("$word") ;;
		esac
	done
	tests=$dir/evnotify/tests stage=$BUILD/stage/$(programs_of "$2")
	[[ -e $stage/whole ]] || die "there are no test programs, they did not build"
	use_kernel "$kernel"
	echo "$release" >"$out/$cell.release"
	module=$(EVNOTIFY_BUILD=$out/$cell.build "$VM_DIR/build.sh" "$kernel" "${build[@]}")
	mkdir -p "$dir/lib/modules/$release" "$dir/evnotify/drivers"
	cp "${module%/*}/samples/"*.ko "$dir/evnotify/drivers"
	cp "${module%/*}"/*.ko "$dir/lib/modules/$release"
	cp "${module%/*}"/*.ko "$dir/evnotify"
	touch "$dir/lib/modules/$release"/modules.{order,builtin,builtin.modinfo}	# or depmod warns
	depmod -b "$dir" "$release"
	cp -R "$stage/root/." "$dir"
	cp -R "$stage/tests" "$tests"
	if [[ -n $sanitized ]]; then
		add "$tests" library-sanitized:lib_test "$BUILD/userspace/san/tests/lib_test"
		add "$tests" command-sanitized:cli_device.sh "$user/tests/"{cli_device,tap}.sh \
			"$BUILD/userspace/san/evnotify" "$BUILD/userspace/tests/tty"
		# once: what it measures with is the same on every kernel
		add "$tests" command:latency_device.sh "$user/tests/"{latency_device.sh,latency.awk,tap.sh} \
			"$BUILD/userspace/evnotify"
	fi
	if [[ -n $python ]]; then
		cp -R "$stage/python/." "$dir"
		add "$tests" python:python_device.sh "$user/tests/"{python_device.sh,python/{conftest,test_device}.py} \
			"$user/examples/testing/"*.py
		cp -RL "$user/python/evnotify" "$tests/python"
	fi
	if ! grep -qs '^CONFIG_IA32_EMULATION=y' "$kdir/.config"; then
		# the shell would take them for scripts
		find "$tests/evnotify" -name '*_32' | while read -r word; do
			printf '#!/bin/sh\necho "1..0 # SKIP this kernel runs no 32-bit programs"\nexit 4\n' >"$word"
		done
	fi
	[[ -z $engine ]] || sed -i /^command:/d "$tests/kselftest-list.txt"
	part "$from" "$to" "$tests/kselftest-list.txt"
	cp "$tests/kselftest-list.txt" "$out/$cell.expected"
	# the first load and unload modules themselves
	mapfile -t collections < <(cut -d: -f1 "$tests/kselftest-list.txt" | sort -u)
	for word in "${collections[@]}"; do
		case $word in
		command* | sample) first+=(-c "$word") ;;
		*) others+=(-c "$word") ;;
		esac
	done
	"$VM_DIR/run.sh" -t 900 "${options[@]}" -l "$out/$cell.kernel.log" "$kernel" "$dir:/" -- "
		export EVNOTIFY=./evnotify MODULE=/evnotify/evnotify.ko EVNOTIFY_SAMPLES=/evnotify/drivers
		export SAMPLE=/evnotify/drivers/evnotify-event.ko ${settings[*]}; cd tests; status=0
		${first[*]:+./run_kselftest.sh ${first[*]} || status=1}
		modprobe evnotify-sim || exit
		./run_kselftest.sh ${others[*]} || status=1
		! grep -q '^evnotify ' /proc/modules || rmmod evnotify-sim evnotify || status=1
		exit \$status"
}

# --- all of them -----------------------------------------------------------------------

# count VERDICT CELL...
count() { local verdict=$1; shift; cat -- "${@/%/.results}" | grep -c "^$verdict	" || true; }

# run_cell CELL KIND [WHAT]: leaves its log, its results and a line for the table
run_cell() {
	local cell=$1 start=$SECONDS status=0 kind=$2 verdict=pass remark="" errors tee
	say "$cell: starts"
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
	printf '%-15s %-30s %7d %7d %8d %8d\n' "$cell" "$(cat "$out/$cell.release" 2>/dev/null || echo -)" \
		"$(count pass "$out/$cell")" "$(count fail "$out/$cell")" "$(count skip "$out/$cell")" \
		$((SECONDS - start)) >"$out/$cell.row"
	say "$cell: $(count pass "$out/$cell") passed, $(count fail "$out/$cell") failed, $(count skip "$out/$cell") skipped" \
		"in $((SECONDS - start)) s"
	awk -F'\t' -v cell="$cell" '$1 != "pass" { printf "       %s: %s: %s%s\n", cell, $1, $2, $3 ? " (" $3 ")" : "" }' \
		"$out/$cell.results" >&2
}

# lane KIND [CELL]...: runs those of the cells that are of this kind and that the other lane has not
# taken, one after the other
lane() {
	local cell lane=$1
	for cell in "${@:2}"; do
		what_is "$cell"
		[[ $kind = "$lane" ]] || continue
		mkdir "$out/$cell.taken" 2>/dev/null || continue
		[[ $kind != vm ]] || until [[ -e $out/programs-$(programs_of "$what").row ]]; do sleep 1; done
		run_cell "$cell" "$kind" "$what"
	done
}

# vm_lane KIND [CELL]...: builds where the cells on this machine do not
vm_lane() { (BUILD=$BUILD/vm; export EVNOTIFY_BUILD=$BUILD; lane "$@"); }

# fetch: the source first, which the programs are built with, then kernels, each once. Those that
# have to be built last: they are the long poles, and build while other cells run.
fetch() {
	"$VM_DIR/kernel.sh" source >/dev/null || return 0	# the cells say so
	"$VM_DIR/kernel.sh" qemu >/dev/null || true
	for kernel in "${kernels[@]}"; do
		"$VM_DIR/kernel.sh" get "$kernel" >/dev/null || true
	done
}

# --- what to run -----------------------------------------------------------------------

# set_of SET: its cells; each of the sets has those of the ones before it, but for those of one alone
set_of() {
	local sets='check ci all'
	table cells | awk -v sets="${sets%"$1"*} $1 only-$1" 'index(" " sets " ", " " $2 " ") { print $1 }'
}

words=("${@:-check}") cells=() kernels=() built=() needs=(check)
for word in "${words[@]}"; do
	case $word in
	check | ci | all)
		needs+=("$word")
		mapfile -t -O ${#cells[@]} cells < <(set_of "$word") ;;
	*)
		cells+=("$word") ;;
	esac
done
# programs for an architecture are a cell of their own, before the first that needs them
queue=("${cells[@]}") cells=() CELLS=
for cell in "${queue[@]}"; do
	what_is "$cell"
	[[ $set != all ]] || needs+=(all)
	if [[ $kind = vm ]]; then
		programs=programs-$(programs_of "$what")
		[[ " ${cells[*]} " = *" $programs "* ]] || cells+=("$programs")
		case $(row kernels "${what%% *}") in
		' source '*) built+=("${what%% *}") needs+=(kernel) ;;
		*) kernels+=("${what%% *}") ;;
		esac
	fi
	cells+=("$cell")
	[[ $kind = last ]] || CELLS+=" $cell"
done
export CELLS
kernels+=("${built[@]}")

# what is missing here is said first
"$VM_DIR/deps.sh" "${needs[@]}"
(apt_private)	# the cells see to theirs

mkdir -p "$out"
for cell in "${cells[@]}"; do
	rm -rf "$out/$cell".*
done
trap 'trap - TERM; kill 0' INT	# which what runs in the background does not get
fetch & lanes=($!)
mapfile -t last_first < <(printf '%s\n' "${cells[@]}" | tac)
vm_lane programs "${cells[@]}" & lanes+=($!)
(vm_lane vm "${cells[@]}"; vm_lane tap "${last_first[@]}") & lanes+=($!)
(lane tap "${cells[@]}"; vm_lane vm "${last_first[@]}") & lanes+=($!)
wait "${lanes[@]}" || true
(lane last "${cells[@]}")

echo
printf '%-15s %-30s %7s %7s %8s %8s\n' cell kernel passed failed skipped seconds
ran=("${cells[@]/#/$out/}")
cat "${ran[@]/%/.row}"
echo "logs: $out"
echo "$(count pass "${ran[@]}") passed, $(count fail "${ran[@]}") failed, $(count skip "${ran[@]}") skipped"
[[ $(count fail "${ran[@]}") = 0 ]]
