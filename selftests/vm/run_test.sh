#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Does run.sh notice what it is there to notice? TAP.
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
echo 1..6
expect 0 'a command that succeeds' 'test -c /dev/null'
expect 3 'the status of the command is returned' 'exit 3'
expect 70 'a warning of the kernel fails the run' 'echo "WARNING: made up" >/dev/kmsg'
expect 70 'a panic fails the run' 'echo c >/proc/sysrq-trigger'
expect 71 'a VM that stops too early fails the run' 'reboot -f'
expect 71 'a hang fails the run' 'while :; do :; done' -t 12
exit $failed
