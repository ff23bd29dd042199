#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The tracepoints: the life of a request of each kind can be followed from them, by its id.
# The requests are those of single tests of the programs next to this script.

cd "$(dirname "$0")" || exit 1
for dir in "$KSELFTEST_DIR" ../.. ..; do
	[ ! -r "$dir/kselftest/ktap_helpers.sh" ] || break
done
# shellcheck source=/dev/null # of the kernel's selftests
. "$dir/kselftest/ktap_helpers.sh"

tracing=/sys/kernel/tracing
events=$tracing/events/evnotify

# record PROGRAM TEST: what it leaves in the trace
record() {
	echo >$tracing/trace
	echo 1 >$events/enable
	"./$1" -t "$2" >"$tmp/log" 2>&1
	passed=$?
	echo 0 >$events/enable
	grep -v '^#' $tracing/trace >"$tmp/trace"
	if [ $passed != 0 ]; then
		sed 's/^/# /' "$tmp/log"
		return 1
	fi
}

# life USER_DATA: what befell the first request with this user_data, in one line
life() {
	awk -v user_data="user_data=$1" '
		/ evnotify_arm: / && !id && index($0 " ", " " user_data " ") {
			match($0, / instance=[0-9]+ id=[0-9]+ /)
			id = substr($0, RSTART, RLENGTH)
		}
		id && index($0, id) {
			match($0, / evnotify_[a-z]+: /)
			printf "%s%s", sep, substr($0, RSTART + 10, RLENGTH - 12)
			sep = " "
		}' "$tmp/trace"
}

# follows USER_DATA EXPECTED
follows() {
	seen=$(life "$1")
	if [ "$seen" != "$2" ]; then
		echo "# expected: $2"
		echo "# seen:     $seen"
		sed 's/^/# /' "$tmp/trace"
		return 1
	fi
}

# --- the tests -------------------------------------------------------------------------

all_are_there() {
	for event in open arm raise expire complete cancel update read release; do
		if ! [ -e "$events/evnotify_$event/enable" ]; then
			echo "# there is no evnotify_$event"
			return 1
		fi
	done
}

pending_request() {
	record pending read_gives_the_record &&
		follows $((0x1122334455667788)) "arm expire complete read"
}

cancelled_request() {
	record pending a_cancelled_request_gives_its_record &&
		follows 77 "arm cancel complete read"
}

updated_request() {
	record pending update_moves_the_due_time &&
		follows 2 "arm update expire complete read"
}

eventfd_request() {
	record eventfd signals_once && follows 0 "arm expire complete"
}

cancelled_eventfd_request() {
	record eventfd cancelled_it_signals_nothing && follows 0 "arm cancel"
}

# A record that was cancelled is used again: the trace says nothing of that.
used_record() {
	cancelled_eventfd_request || return 1
	if [ "$(grep -c ' evnotify_arm: ' "$tmp/trace")" -lt 2 ] ||
	   grep ' evnotify_arm: .* cancelled' "$tmp/trace" >"$tmp/wrong"; then
		sed 's/^/# /' "$tmp/trace"
		return 1
	fi
}

# Interrupted twice, it is one request.
interrupted_wait_request() {
	record wait_signals a_handler_interrupts_it_and_the_same_call_goes_on &&
		follows 9 "arm cancel complete read"
}

wait_request() {
	record wait returns_the_completion &&
		follows $((0x1122334455667788)) "arm expire complete read"
}

# Each event is there as it was raised, and the request that took it, with its places in memory
# not shown as times.
events_of_a_source() {
	record source who_has_waited_longest_takes_the_event &&
		follows 7 "arm expire complete read" || return 1
	if ! awk '
		/ evnotify_raise: / { n++ }
		/ evnotify_raise: source=evnotify-sim[0-9]+ raised=[0-9]+ data=[0-9]+$/ &&
			index($0, " raised=" n " data=" 999 + n) { good++ }
		/ evnotify_(arm|expire|complete|read): / && !/ due_ns=0 period_ns=0 / { bad++ }
		/ evnotify_(expire|complete|read): / {
			match($0, / user_data=[0-9]+ /)
			told += index($0, " count=1 data=" 1000 + substr($0, RSTART + 11) " lost=0 event") > 0
		}
		END { exit !(n == 100 && good == 100 && told == 300 && !bad) }' "$tmp/trace"; then
		sed 's/^/# /' "$tmp/trace"
		return 1
	fi
}

# On each clock: two requests with a relative timeout and one with an absolute one, of which the
# first and the last are in vain.
timeouts_of_a_source() {
	record source_timeouts is_never_early || return 1
	if ! awk '
		{ match($0, / clock=[a-z]+ /); clock = substr($0, RSTART + 7, RLENGTH - 8) }
		/ evnotify_arm: .* count=0 data=0 lost=0 event$/ { armed[clock]++ }
		/ evnotify_(expire|complete|read): .* count=0 data=0 lost=0 event timed_out$/ { late[clock]++ }
		/ evnotify_(expire|complete|read): .* count=1 data=1 lost=0 event$/ { told[clock]++ }
		END {
			n = split("monotonic boottime realtime tai", clocks)
			for (i = 1; i <= n; i++)
				bad += armed[clocks[i]] != 3 || late[clocks[i]] != 6 || told[clocks[i]] != 3
			exit bad
		}' "$tmp/trace"; then
		sed 's/^/# /' "$tmp/trace"
		return 1
	fi
}

end_of_a_source() {
	record source_end when_it_goes_those_who_wait_are_told &&
		follows 1 "arm expire complete read" && follows 2 "arm expire complete read" || return 1
	if ! awk '
		/ evnotify_(expire|complete|read): .* count=0 data=0 lost=0 event( repeat)? gone$/ { n++ }
		/ evnotify_arm: .* event repeat$/ { repeats++ }
		END { exit !(n == 9 && repeats == 1) }' "$tmp/trace"; then
		sed 's/^/# /' "$tmp/trace"
		return 1
	fi
}

# A request that repeats has a record that waits to be read, and may be cancelled then: its data is
# there in each line, and what it has lost. When it waits again, nothing is left of that. (The test
# ends with the source.)
repeating_request() {
	record source a_request_that_repeats_is_told_what_it_lost || return 1
	if ! awk '
		/ evnotify_(expire|complete|read): / && !/ gone$/ {
			match($0, / evnotify_[a-z]+: /)
			n = ++seen[substr($0, RSTART + 10, RLENGTH - 12)]
			lost = n == 2 ? 44 : 0
			data = n == 1 ? 0 : 43 + n
			good += / event repeat$/ &&
				index($0, " count=" lost + 1 " data=" data " lost=" lost " event")
		}
		END {
			exit !(seen["expire"] == 257 && seen["complete"] == 257 &&
			       seen["read"] == 257 && good == 3 * 257)
		}' "$tmp/trace"; then
		sed 's/^/# /' "$tmp/trace"
		return 1
	fi
	record source_wait a_request_that_repeats_ends_when_it_is_cancelled || return 1
	if ! awk '
		/ evnotify_(cancel|read): .* count=1 data=5 lost=0 event repeat cancelled$/ { unread++ }
		/ evnotify_(cancel|read): .* count=0 data=0 lost=0 event repeat cancelled$/ { waiting++ }
		/ cancelled$/ && / evnotify_(cancel|read): / { all++ }
		END { exit !(unread == 2 && waiting == 2 && all == 4) }' "$tmp/trace"; then
		sed 's/^/# /' "$tmp/trace"
		return 1
	fi
}

# dropped PROGRAM TEST N: the test closes a file with N requests pending, which are cancelled so.
# The first file that is opened is that of the test as such.
dropped() {
	record "$1" "$2" || return 1
	if ! awk -v n="$3" '
		{ match($0, / instance=[0-9]+ /); instance = substr($0, RSTART, RLENGTH) }
		/ evnotify_open: / && !own { own = instance }
		/ evnotify_release: / && instance != own { last = $0 }
		END { exit !index(last, " armed=" n " completed=0 cancelled=" n " pending=0 unread=0") }
		' "$tmp/trace"; then
		sed 's/^/# /' "$tmp/trace"
		return 1
	fi
}

dropped_requests() {
	dropped sharing close_ends_what_is_pending 2 &&
		dropped source a_file_is_closed_while_requests_wait 3
}

# An open file: between its own open and release lies all that it does.
open_file() {
	record pending read_gives_the_record || return 1
	if ! awk '
		/ evnotify_open: / {
			opened++
			match($0, /instance=[0-9]+/)
			instance = substr($0, RSTART, RLENGTH)
		}
		!index($0, instance) || released { bad++ }
		/ evnotify_release: .* armed=1 completed=1 cancelled=0 pending=0 unread=0/ {
			released++
		}
		END { exit !(opened == 1 && released == 1 && !bad) }' "$tmp/trace"; then
		sed 's/^/# /' "$tmp/trace"
		return 1
	fi
}

# --- all of them -----------------------------------------------------------------------

ktap_print_header
skip=
[ -w $tracing/trace ] || skip="no tracefs at $tracing; mount it, be root"
[ -n "$skip" ] || [ -c /dev/evnotify ] || skip="no /dev/evnotify; load the module"
if [ -n "$skip" ]; then
	[ "$EVNOTIFY_STRICT" != 1 ] || ktap_exit_fail_msg "$skip"
	ktap_skip_all "$skip"
	exit "$KSFT_SKIP"
fi

tmp=$(mktemp -d) || exit 1
# one order for what several CPUs record
clock=$(sed 's/.*\[\(.*\)\].*/\1/' $tracing/trace_clock)
echo mono >$tracing/trace_clock
trap 'echo "$clock" >$tracing/trace_clock; echo 0 >$events/enable; rm -rf "$tmp"' EXIT

ktap_set_plan 15
for test in all_are_there pending_request cancelled_request updated_request eventfd_request \
		cancelled_eventfd_request used_record wait_request interrupted_wait_request \
		open_file dropped_requests events_of_a_source repeating_request \
		timeouts_of_a_source end_of_a_source; do
	ktap_test_result $test $test
done
ktap_finished
