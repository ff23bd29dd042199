#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Loading and unloading: refused while the device is in use, whatever is going on, and clean
# when it is not. Module parameters. Leaves the module loaded, with its defaults, and
# evnotify-sim if it was.
#
# EVNOTIFY_KO: the module's file, which that of evnotify-sim is next to (default: modprobe finds
# them); EVNOTIFY_LOADS: how many times it is loaded and unloaded under traffic (50)

cd "$(dirname "$0")" || exit 1
for dir in "$KSELFTEST_DIR" ../.. ..; do
	[ ! -r "$dir/kselftest/ktap_helpers.sh" ] || break
done
# shellcheck source=/dev/null # of the kernel's selftests
. "$dir/kselftest/ktap_helpers.sh"

sys=/sys/module/evnotify
events=/sys/kernel/tracing/events
loads=${EVNOTIFY_LOADS:-50}

load() {
	if [ -n "$EVNOTIFY_KO" ]; then
		insmod "$EVNOTIFY_KO" "$@"
	else
		modprobe evnotify "$@"
	fi
}

load_sim() {
	if [ -n "$EVNOTIFY_KO" ]; then
		insmod "${EVNOTIFY_KO%/*}/evnotify-sim.ko"
	else
		modprobe evnotify-sim
	fi
}

unload() { rmmod evnotify; }
loaded() { [ -e $sys/refcnt ]; }
value() { cat "$sys/parameters/$1"; }

# Anything that an open file prevents
refused() {
	if unload 2>/dev/null || ! loaded || ! [ -c /dev/evnotify ]; then
		echo "# rmmod was not refused"
		return 1
	fi
}

# traffic_start: storms on the device until traffic_stop
traffic_start() {
	mkfifo "$tmp/ready"
	./stress --traffic >"$tmp/ready" &
	traffic=$!
	read -r line <"$tmp/ready"
	rm "$tmp/ready"
	[ "$line" = ready ]
}

# It is killed, with requests pending in great number.
traffic_stop() {
	kill -0 "$traffic" && kill -KILL "$traffic"
	{ wait "$traffic"; } 2>/dev/null	# the shell says "Killed"
	[ $? = 137 ]
}

# --- the tests -------------------------------------------------------------------------

refused_while_open() {
	(exec 3<>/dev/evnotify && refused) && (exec 3</dev/evnotify && refused)
}

refused_under_load() {
	traffic_start || return 1
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		refused || return 1
	done
	traffic_stop
}

# By the module that uses it, and that one by whoever has it open
refused_while_used() {
	load_sim && refused && (exec 3>/dev/evnotify-sim && ! rmmod evnotify-sim 2>/dev/null) &&
		rmmod evnotify-sim && ! [ -e /dev/evnotify-sim ]
}

leaves_nothing_behind() {
	unload && ! loaded && ! [ -e /dev/evnotify ] &&
		! grep -q evnotify /proc/misc /proc/modules && ! [ -e $events/evnotify ] &&
		load && [ -c /dev/evnotify ]
}

loads_again_under_traffic() {
	n=0
	while [ $n -lt "$loads" ]; do
		if ! { unload && load && traffic_start && refused && traffic_stop; }; then
			echo "# round $n of $loads"
			return 1
		fi
		n=$((n + 1))
	done
}

unloads_while_traced() {
	echo 1 >$events/evnotify/enable && traffic_start && traffic_stop && unload && load
}

honours_parameters() {
	unload && load max_requests=7 min_period_ns=1000000 max_user_instances=1048576 \
		max_user_requests=1073741824 &&
		[ "$(value max_requests)" = 7 ] &&
		[ "$(value max_user_instances)" = 1048576 ] &&
		[ "$(value max_user_requests)" = 1073741824 ] &&
		[ "$(value min_period_ns)" = 1000000 ] || return 1
	if ! ./abi -t info_tells_what_the_module_is >"$tmp/log" 2>&1; then
		sed 's/^/# /' "$tmp/log"
		return 1
	fi
	echo 9 >$sys/parameters/max_requests && [ "$(value max_requests)" = 9 ] &&
		echo 1048576 >$sys/parameters/max_requests && unload && load &&
		[ "$(value max_requests)" != 1048576 ]
}

refuses_parameters() {
	of_users="max_user_instances=0 max_user_instances=1048577 max_user_requests=0
		max_user_requests=1073741825"
	unload || return 1
	for bad in max_requests=0 max_requests=1048577 max_requests=-1 max_requests=many \
			min_period_ns=0 min_period_ns=1000000001 min_period_ns=-1 $of_users; do
		if load "$bad" 2>/dev/null || loaded; then
			echo "# $bad was taken"
			return 1
		fi
	done
	load || return 1
	for bad in max_requests=0 max_requests=1048577 min_period_ns=0 min_period_ns=1000000001 \
			$of_users; do
		name=${bad%=*}
		before=$(value "$name")
		if (echo "${bad#*=}" >"$sys/parameters/$name") 2>/dev/null ||
		   [ "$(value "$name")" != "$before" ]; then
			echo "# $bad was taken at run time"
			return 1
		fi
	done
}

# --- all of them -----------------------------------------------------------------------

ktap_print_header
skip=
sim=
[ ! -e /sys/module/evnotify_sim/refcnt ] || ! rmmod evnotify-sim || sim=y
if [ -e $sys ] && ! loaded; then
	skip="the driver is built in"
elif ! loaded && ! load 2>/dev/null; then
	skip="no module to load; name it in EVNOTIFY_KO, be root"
elif [ "$(cat $sys/refcnt)" != 0 ]; then
	skip="the device is in use by others"
fi
if [ -n "$skip" ]; then
	[ "$EVNOTIFY_STRICT" != 1 ] || ktap_exit_fail_msg "$skip"
	ktap_skip_all "$skip"
	exit "$KSFT_SKIP"
fi

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
ktap_set_plan 8
for test in refused_while_open refused_under_load refused_while_used leaves_nothing_behind \
		loads_again_under_traffic honours_parameters refuses_parameters; do
	ktap_test_result $test $test
done
if [ -d $events/evnotify ]; then
	ktap_test_result unloads_while_traced unloads_while_traced
else
	ktap_test_skip "unloads_while_traced: no tracefs at ${events%/events}"
fi
loaded || load
[ -z "$sim" ] || load_sim
ktap_finished
