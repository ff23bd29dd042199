#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source-path=SCRIPTDIR/../../userspace/tests source=tap.sh
#
# The literal port does what the device does, stands its races, and cannot be unloaded while it
# is in use. SAMPLE: the module's file. Starts and ends without it. TAP.
set -u
: "${SAMPLE:?}"
. "$(dirname "$0")/tap.sh"

node=/dev/evnotify-event
loaded() { grep -q '^evnotify_event ' /proc/modules; }
refused() { ! rmmod evnotify_event 2>/dev/null && loaded && test -c $node; }
refused_while_open() { (exec 3<>$node && refused); }

# They are killed, with a request pending. The plan comes when the device is open.
refused_while_busy() {
	rm -f "$tmp/busy"
	EVNOTIFY_RACE_MS=60000 ./races $node >"$tmp/busy" &
	until grep -q '^1\.\.' "$tmp/busy"; do kill -0 $! || return 1; done
	refused && kill -KILL $! || return 1
	{ wait $!; } 2>/dev/null	# the shell says "Killed"
	[ $? = 137 ]
}
again() { insmod "$SAMPLE" && refused_while_busy && unloads; }
unloads() { rmmod evnotify_event && ! loaded && ! test -e $node; }

check "the module is loaded" insmod "$SAMPLE"
check "the test program of the device passes on it" ./event $node
./races $node >"$tmp/races"
check "it stands its races" test $? = 0
sed 's/^/# /' "$tmp/races"
check "rmmod is refused while a file is open" refused_while_open
check "rmmod is refused while requests are under way" refused_while_busy
check "it is unloaded when they have been killed" unloads
for _ in 1 2; do
	check "and again" again
done
tap_done
