#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make demo": builds everything and shows it at work in a throw-away VM: the test program on the
# literal port and on the engine, the engine in both modes, and events of a driver and of a test.
#
#   demo.sh [KERNEL]      (default: 6.12; without apt the kernel that this machine runs)
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

kernel=6.12
have apt-get || kernel=host
[[ $# = 0 ]] || kernel=$1
for_this_machine "$kernel"

step() { say "[$1/5] $2"; }
step 1 'packages that the demo needs'
"$VM_DIR/deps.sh" demo
step 2 "a kernel to run it on: $kernel"
use_kernel "$kernel"
step 3 "the module for Linux $release"
module=$("$VM_DIR/build.sh" "$kernel")
step 4 'library, command and examples'
if ! make -s -C "$TOP/userspace" O="$BUILD/userspace" all >"$BUILD/userspace.log" 2>&1; then
	tail -20 "$BUILD/userspace.log" >&2
	die "building the programs failed, see $BUILD/userspace.log"
fi
mkdir -p "$BUILD/test"
gcc -O2 -Wall -static -I"$TOP/module/include/uapi" -o "$BUILD/test/event" "$TOP/selftests/event.c"
step 5 'booting a VM for the main job (a few seconds)'
status=0
"$VM_DIR/run.sh" -t 120 -l "$BUILD/log/demo.kernel.log" "$kernel" "$module" \
	"${module%/*}/"{evnotify-sim,samples/evnotify-{event,edu}}.ko "$BUILD/test/event" "$BUILD/userspace/evnotify" \
	"$BUILD/userspace/examples:/evnotify/examples" "$VM_DIR/demo-in-vm.sh" -- 'sh demo-in-vm.sh' || status=$?
[[ $status = 0 ]] || die "the demo FAILED on Linux $release (status $status), see above; kernel's log: $BUILD/log/demo.kernel.log"
cat <<END

Both modes work, for timers, a driver's interrupt and a test's events: every request completed
exactly once on Linux $release, in $SECONDS s.

Next, on this machine, with the headers of its kernel, make and gcc:
  make modules && sudo make load && sudo make test     and sudo make unload
What to read: module/samples/event.c, the literal port; then Documentation/index.rst, the handbook;
README.md has the programs, and the packages. And make check runs all tests, on this and two other
kernels.
END
