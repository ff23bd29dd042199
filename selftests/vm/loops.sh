#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds the example of each event loop, and runs them all in one VM, of the first kernel here that
# has READ_MULTISHOT. TAP.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

user=$TOP/userspace root=$BUILD/loops/root
"$VM_DIR/deps.sh" loops
make -s -j"$(nproc)" -C "$user" O="$BUILD/userspace" WERROR=1 loops >&2
module=$("$VM_DIR/build.sh" 6.12 DEBUG=1)
rm -rf "$root"
"$VM_DIR/python.sh" "$root"
"$VM_DIR/run.sh" -t 900 -l "$BUILD/check/loops.kernel.log" 6.12 "${module%/*}"/evnotify*.ko "$root:/" \
	"$user/python/evnotify:evnotify/evnotify" "$BUILD/userspace/loops:evnotify/loops" \
	"$user/examples/loops:evnotify/sources" "$BUILD/userspace/tests/pull_out" "$user/tests/"{loops_device,tap}.sh -- '
	export PATH=/evnotify:/bin:/usr/bin PYTHONPATH=/evnotify
	insmod evnotify.ko && insmod evnotify-sim.ko && sh loops_device.sh && rmmod evnotify-sim evnotify'
