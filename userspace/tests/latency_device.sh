#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source-path=SCRIPTDIR
#
# evnotify latency on a device. EVNOTIFY is the command; MODULE the module's file, to be given
# if the module is not installed, next to evnotify-sim.ko. Starts and ends without the modules.
# No time that the machine takes is a criterion: what is certain is that nothing is early, that
# the figures are those of the samples, and that a CPU which is taken away is missed.
set -u
: "${EVNOTIFY:?}" "${MODULE:=}"
here=$(dirname "$0")
. "$here/tap.sh"

latency() { "$EVNOTIFY" latency "$@"; }
names() { printf '%s\n' "$out" | sed -n 's/^{"name":"\([a-z-]*\)".*/\1/p'; }
# of PATH: its line of the document
of() { printf '%s\n' "$out" | grep "^{\"name\":\"$1\""; }
wrong() { awk -f "$here/latency.awk" "$tmp/raw" "$tmp/out"; }

check "no device: status 3" fails 3 "evnotify doctor" latency --path read
if [ -n "$MODULE" ]; then insmod "$MODULE"; else modprobe evnotify; fi
check "no evnotify-sim: status 3" fails 3 "evnotify-sim" latency --path source-read --source /dev/evnotify-sim
if [ -n "$MODULE" ]; then insmod "${MODULE%/*}/evnotify-sim.ko"; else modprobe evnotify-sim; fi

# Every path; what this kernel has not is named.
run latency --source /dev/evnotify-sim --period 2ms --jitter 500us --samples 12 --json --raw "$tmp/raw"
check "all paths" same 0 "$rc"
{
	for way in wait read epoll epoll-et eventfd eventfd-epoll sigio uring-read uring-multishot; do
		printf '%s\nsource-%s\n' $way $way
	done
	printf '%s\n' timerfd nanosleep eventfd-thread uring-timeout
} | sort >"$tmp/all"
{
	names
	sed -n 's/^evnotify: left out \([a-z-]*\): .*/\1/p' "$tmp/err"
} | sort >"$tmp/seen"
check "each path is measured, or left out by name" diff "$tmp/all" "$tmp/seen"
check "of these, what needs io_uring alone" same "" "$(sed -n 's/^evnotify: left out //p' "$tmp/err" | grep -v 'uring-')"
check "figures are those of the samples, stages add up, of a source's events too" same "" "$(wrong)"
check "nothing was early" same "" "$(awk -F '\t' '$5 < $2 || ($3 && ($3 < $2 || $4 < $3 || $5 < $4))' "$tmp/raw")"
check "each path knows its stages, unless by eventfd" same "eventfd eventfd-epoll source-eventfd source-eventfd-epoll" \
	"$(printf '%s\n' "$out" | sed -n 's/^{"name":"\([a-z-]*\)","kind":"[^b].*"stages":null.*/\1/p' | paste -sd ' ')"
check "the module is in the environment" grep -q '"module_version":"[0-9.]*","checked_build":\(true\|false\)}' "$tmp/out"

# Limits.
check "a limit that is kept" fails 0 "" latency --path wait --samples 20 --max-p99 wait=1h
check "one that is missed: status 7" fails 7 "wait: the 99th percentile is" latency --path wait --samples 20 --max-p99 wait=1ns

# A delay that is certain: the CPU is taken away for 20 ms at times drawn from the seed, at most
# 270 ms after the time before, so at least once in a block of 400 ms. Each time three samples or
# more of a hundred are late by 5 ms, which is what the 99th percentile has to show.
run latency --path wait,timerfd --cpu 0 --period 4ms --samples 300 --load stall:20ms --json
for path in wait timerfd; do
	check "a load moves the 99th percentile of $path by what it takes away" \
		test "$(of $path | sed 's/.*"total":{[^}]*"p99_ns":\([0-9]*\).*/\1/')" -ge 5000000
	check "and it is counted for each due time that it covers, of $path" \
		test "$(of $path | sed 's/.*"missed":\([0-9]*\).*/\1/')" -gt 6
done
for load in cpu timers:1000; do
	run latency --path read --samples 20 --load $load --json
	check "--load $load" same "0 20 \"$load\"" "$rc $(of read | sed 's/.*"total":{"samples":\([0-9]*\).*/\1/') $(sed -n 's/.*"load":\([^,]*\),.*/\1/p' "$tmp/out")"
done

# await COMMAND...: until it succeeds, or to go on and fail
await() {
	n=0
	until "$@" >/dev/null 2>&1 || [ $((n += 1)) -gt 3000 ]; do sleep 0.01; done
}
# threads PID: CPUs, priority and policy of its threads, as proc(5) has them
threads() { for task in /proc/"$1"/task/*; do echo "$(sed -n 's/^Cpus_allowed_list:[^0-9]*//p' "$task/status") $(cut -d ' ' -f 40,41 "$task/stat")"; done; }
"$EVNOTIFY" latency --path read --samples 1000000 --cpu 0 --prio 42 >"$tmp/out" &
await sh -c "ls /proc/$!/task | grep -c . | grep -qx 2"
check "it measures on the CPU and with the priority that were asked for" same 1 "$(threads $! | grep -cx '0 42 1')"
kill $!
wait $!
check "a signal ends it, with totals and stages" same "143 2" "$? $(grep -c '^read ' "$tmp/out")"

# A load of timers is there while it runs.
"$EVNOTIFY" latency --path timerfd --samples 1000000 --load timers:500 >"$tmp/out" &
armed() { sed -n 's/^armed:[^0-9]*//p' /proc/$!/fdinfo/* 2>/dev/null; }
# shellcheck disable=SC2317 # await calls it
is_armed() { [ "$(armed)" = 500 ]; }
await is_armed
check "as many requests are armed as the load has" same 500 "$(armed)"
kill $!
wait $!

# The events of a driver: nobody knows when they were due.
"$EVNOTIFY" sim --every 3ms >"$tmp/node" 2>/dev/null &
sim=$!
await grep -q /dev/ "$tmp/node"
node=$(cat "$tmp/node")
run latency --source "$node" --path source-wait,source-epoll,source-sigio --samples 10 --json --raw "$tmp/raw"
check "the events of a driver: the figures agree" same "0 " "$rc $(wrong)"
check "their due time is not known" same 0 "$(cut -f 2 "$tmp/raw" | sort -u)"
check "nor is that stage" same 3 "$(printf '%s\n' "$out" | grep -c '"interrupt":{"samples":0,"sum_ns":0,"min_ns":null,')"
check "an eventfd cannot be measured" fails 2 "does not say when it was raised" \
	latency --source "$node" --path source-eventfd
run latency --source "$node" --path source-read --samples 1000000 --duration 200ms
kill $sim
wait $sim
check "a device without a source" fails 3 "/dev/evnotify has no source" \
	latency --source /dev/evnotify --path source-read

# The same histogram elsewhere.
run "$EVNOTIFY" watch --after 5ms --step 5ms --requests 20 --hist --json
check "watch --hist: its stages add up" same "0 20 0" "$rc $(printf '%s\n' "$out" |
	sed -n 's/^{"stage":"\([a-z]*\)","samples":\([0-9]*\),"sum_ns":\([0-9]*\),.*/\1 \2 \3/p' | awk '
		$1 == "total" { n = $2; sum = $3 }
		$1 != "total" { sum -= $3; if ($2 != n) n = "not " n }
		END { printf "%s %d\n", n, sum }')"

rmmod evnotify-sim evnotify
check "nothing holds the modules at the end" sh -c '! grep -q "^evnotify " /proc/modules'
tap_done
