#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Do run.sh, ktap.awk and check.sh notice what they are there to notice? TAP.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

number=0 failed=0
# expect STATUS NAME COMMAND [OPTION...]: run.sh's status for a command in the VM
expect() {
	local want=$1 name=$2 command=$3 status=0 verdict=ok
	shift 3
	"$VM_DIR/run.sh" -l "$BUILD/log/run_test.kernel.log" "$@" 6.12 -- "$command" >"$BUILD/log/run_test.log" 2>&1 ||
		status=$?
	number=$((number + 1))
	if [[ $status != "$want" ]]; then
		verdict='not ok' failed=1
		echo "# expected status $want, seen $status:"
		sed 's/^/# /' "$BUILD/log/run_test.log"
	fi
	echo "$verdict $number $name"
}

mkdir -p "$BUILD/log"
echo TAP version 13
echo 1..14
expect 0 'a command that succeeds' 'test -c /dev/null'
expect 3 'the status of the command is returned' 'exit 3'
expect 70 'a warning of the kernel fails the run' 'echo "WARNING: made up" >/dev/kmsg'
expect 70 'a panic fails the run' 'echo c >/proc/sysrq-trigger'
expect 71 'a VM that stops too early fails the run' 'reboot -f'
expect 71 'a hang fails the run' 'while :; do :; done' -t 12

# says LINE...: a command with which the kernel's log says so
says() { printf 'echo "%s" >/dev/kmsg;' "$@"; }
expect 70 'a data race that the module has a part in fails the run' "$(says \
	'BUG: KCSAN: data-race in rb_erase / rb_next' ' rb_next+0x1/0x2' ' evnotify_dpc+0x1/0x2 [evnotify]' =====)"
expect 0 'those of the kernel with itself do not' "$(says \
	'BUG: KCSAN: data-race in rb_erase / rb_next' ' rb_next+0x1/0x2' ===== ' evnotify_dpc+0x1/0x2 [evnotify]' \
	'BUG: KCSAN: data-race in eventfd_poll / eventfd_signal_mask' ' evnotify_dpc+0x1/0x2 [evnotify]' =====)"

# with an emulator that is too old, see kernel.sh, most runs die of this
# shellcheck disable=SC2016 # expands in the VM
expect 0 'tracepoints can be switched while each CPU is busy' 'trap "kill %1 %2" EXIT
	while :; do cat /proc/stat; done >/dev/null & while :; do cat /proc/stat; done >/dev/null &
	for _ in $(seq 15); do
		echo 1 >/sys/kernel/tracing/events/sched/enable && echo 0 >/sys/kernel/tracing/events/sched/enable || exit
	done'

# what each program says, and what has to be made of it
cat >"$BUILD/log/run_test.ktap" <<'END'
# selftests: c: good
# 1..2
# ok 1 one
# ok 2 two # SKIP no device
ok 1 selftests: c: good
# selftests: c: bad
# 1..1
# not ok 1 one
not ok 2 selftests: c: bad # exit=1
# selftests: c: short
# 1..3
# ok 1 one
ok 3 selftests: c: short
# selftests: c: silent
not ok 4 selftests: c: silent # exit=139
# selftests: c: empty
ok 5 selftests: c: empty
# selftests: c: skipped
# 1..0 # SKIP not here
ok 6 selftests: c: skipped # SKIP
# selftests: c: crash
# 1..2
# ok 1 one
END
cat >"$BUILD/log/run_test.expected" <<'END'
pass|c:good one|
skip|c:good two|no device
fail|c:bad one|
pass|c:short one|
fail|c:short|planned 3 tests, reported 1
fail|c:silent|failed as a whole # exit=139
fail|c:empty|reported no test
skip|c:skipped|not here
pass|c:crash one|
fail|c:crash|no result: it crashed or the machine stopped
fail|c:absent|never ran
END
verdict=ok
if ! awk -f "$VM_DIR/ktap.awk" -v expected='c:good c:crash c:absent' "$BUILD/log/run_test.ktap" | tr '\t' '|' |
	diff "$BUILD/log/run_test.expected" - | sed 's/^/# /'; then
	verdict='not ok' failed=1
fi
echo "$verdict 10 results are read from KTAP, and missing ones found"

# refuses NAME PATTERN VARIABLE...: check.sh, before anything else, with these in its environment
mkdir -p "$BUILD/log/bin"
refuses() {
	local name=$1 pattern=$2 verdict='not ok'; shift 2
	if ! env "$@" "$VM_DIR/check.sh" 6.1 >"$BUILD/log/run_test.log" 2>&1 &&
	   grep -q "$pattern" "$BUILD/log/run_test.log" && ! grep -q starts "$BUILD/log/run_test.log"; then
		verdict=ok
	else
		failed=1
		sed 's/^/# /' "$BUILD/log/run_test.log"
	fi
	number=$((number + 1))
	echo "$verdict $number $name"
}
# program NAME LINE...: one that stands before the machine's own
program() { printf '%s\n' '#!/bin/sh' "${@:2}" >"$BUILD/log/bin/$1"; chmod +x "$BUILD/log/bin/$1"; }
empty=EVNOTIFY_CACHE=$BUILD/log/no-cache
before=PATH=$BUILD/log/bin:$PATH

rm -rf "$BUILD/log/no-cache"
refuses 'a path with a space' 'a space in the path' "EVNOTIFY_CACHE=$BUILD/log/no cache"
refuses 'a directory that cannot be made' 'cannot write to /proc/.*EVNOTIFY_BUILD=' EVNOTIFY_BUILD=/proc/build
program df 'printf "Avail\n1\n"'
refuses 'a disk without room' 'needs [0-9]* MB, and its disk has 1 MB left' "$empty" "$before"
rm "$BUILD/log/bin/df"
# shellcheck disable=SC2016 # expands there
program apt-get 'case $* in *update*) exit 100 ;; esac' "exec $(command -v apt-get) \"\$@\""
refuses 'an archive that does not answer' 'is there a network' "$empty" "$before"
rm -r "$BUILD/log/bin"
exit $failed
