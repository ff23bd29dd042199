#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make vm": a VM with the module loaded and the tools at hand; a shell, or one command.
#
#   shell.sh KERNEL [COMMAND]
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

kernel=$1; shift
checked=0 options=()
# the debug kernel gets the checked build and waits for gdb on port 1234 at any time
[[ $kernel != debug ]] || checked=1 options=(-q -s)
"$VM_DIR/deps.sh" demo
module=$("$VM_DIR/build.sh" "$kernel" DEBUG=$checked)
make -s -C "$TOP/userspace" O="$BUILD/userspace" all >&2
files=("$module" "$BUILD/userspace/evnotify" "$BUILD/userspace/examples")
if [[ $# = 0 ]]; then
	exec "$VM_DIR/run.sh" -i "${options[@]}" "$kernel" "${files[@]}" -- 'insmod evnotify.ko && ls'
fi
exec "$VM_DIR/run.sh" "${options[@]}" "$kernel" "${files[@]}" -- "insmod evnotify.ko && { $*; }"
