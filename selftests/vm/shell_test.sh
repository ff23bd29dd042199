#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Does "make vm" give what it promises: a command's result, a shell, and a kernel that gdb
# can look into, module included? TAP.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

out=$BUILD/shell_test
number=0 failed=0

# check NAME FILE PATTERN...: FILE has lines like each of these
check() {
	local name=$1 file=$2 verdict=ok pattern; shift 2
	for pattern; do
		grep -qE "$pattern" "$file" || { verdict='not ok' failed=1; echo "# nothing like $pattern in"; }
	done
	[[ $verdict = ok ]] || sed 's/^/# /' "$file"
	number=$((number + 1))
	echo "$verdict $number $name"
}

# run TARGET VARIABLE...: its status ends its output
run() { make --no-print-directory -C "$TOP" "$@" 2>&1 && echo status 0 || echo status "$?"; }

# until_says FILE PATTERN: waits at most five minutes
until_says() {
	local end=$((SECONDS + 300))
	until grep -qsE "$2" "$1" || [[ $SECONDS -ge $end ]]; do sleep 1; done
}

rm -rf "$out" "$BUILD/gdb"
mkdir -p "$out"
echo TAP version 13
echo 1..8

run vm CMD='evnotify info && uname -m' >"$out/command" </dev/null
check 'CMD runs with the module loaded' "$out/command" monotonic x86_64 'status 0'
run vm CMD='exit 3' >"$out/failing" </dev/null
check 'CMD that fails is a failure' "$out/failing" 'Error 3' 'status [^0]'

for target in vm demo torture bench; do
	run $target KERNEL=arm64 >"$out/$target" </dev/null
	check "$target: no other architecture" "$out/$target" 'make check KERNEL=arm64' 'status [^0]'
done

mkfifo "$out/keys"
run vm <"$out/keys" >"$out/shell" & shell=$!
exec 3>"$out/keys"
until_says "$out/shell" 'evnotify\.ko .*pending'
echo 'evnotify 0.01 0 -n 1; expr 6 \* 7; exit' >&3
exec 3>&-
wait "$shell" || true
check 'a shell takes commands' "$out/shell" 'evnotify\.ko .*pending' '^42'

run vm DEBUG=1 CMD='while :; do evnotify info; done' >"$out/debugged" </dev/null & shell=$!
until_says "$BUILD/gdb/kernel.log" 'evnotify-vm: text'
timeout 300 gdb -nx -batch -x "$BUILD/gdb/attach" -ex 'break evnotify_ioctl' -ex continue -ex backtrace \
	-ex 'monitor quit' >"$out/gdb" 2>&1 || true
wait "$shell" || true
check 'gdb attaches, with the symbols of kernel and module' "$out/gdb" \
	'#0 .*evnotify_ioctl \(file=.*file\.c:[0-9]+' '#1 .* in .*sys_ioctl'
exit $failed
