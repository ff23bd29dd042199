#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source-path=SCRIPTDIR disable=SC2086 # words of $load
#
# The command on a device. EVNOTIFY is the command; MODULE the module's file, to
# be given if the module is not installed, next to evnotify-sim.ko; TTY gives a terminal to
# a command (tty.c). Starts and ends without the modules.
set -u
: "${EVNOTIFY:?}" "${MODULE:=}" "${TTY:=./tty}"
. "$(dirname "$0")/tap.sh"

loaded() { grep -q '^evnotify ' /proc/modules; }
absent() { ! loaded; }
count() { printf '%s\n' "$out" | grep -c "$1"; }
load="$EVNOTIFY ${MODULE:+--module $MODULE}"

check "the module is not loaded at the start" absent
check "no device: status 3" fails 3 "evnotify doctor" "$EVNOTIFY" info
for mode in 0 1; do
	run $load -n 3 0.05 $mode
	check "evnotify 0.05 $mode loads the module and makes three rounds" \
		same "0 3" "$rc $(count '^request ')"
	check "and unloads it" absent
done

byte() { echo x | $load 1000 0; }
run byte
check "a byte ends a wait of 1000 s" same "0 1" "$rc $(count 'cancelled$')"
check "and nothing is left" absent
for signal in 1 2 3 10 12 14 15; do
	check "signal $signal ends it as that signal" "$TTY" taken signal=$signal killed=$signal given -- $load 1000 0
	check "and the module is unloaded" absent
done

# await TEXT FILE: until it is there, or to go on and fail.
await() {
	# shellcheck disable=SC2016 # expands inside
	timeout 300 sh -c 'until grep -q -e "$0" "$1" 2>/dev/null; do :; done' "$1" "$2"
}

# Held open by another process, the module has to stay.
mkfifo "$tmp/keys"
rm "$tmp/out"	# what the last run said
$load 1000 0 <"$tmp/keys" >"$tmp/out" 2>"$tmp/err" &
exec 4>"$tmp/keys"
await 'mode pending' "$tmp/out"
# The shell would make a plain file of it where the command has failed.
[ ! -c /dev/evnotify ] || exec 5<>/dev/evnotify
echo x >&4
wait $!
check "a module that another process uses stays, and that is said" \
	grep -q "another program uses it" "$tmp/err"
check "it is still loaded" loaded
exec 4>&- 5>&-
rmmod evnotify

if [ -n "$MODULE" ]; then insmod "$MODULE"; else modprobe evnotify; fi
check "the module is loaded by hand" loaded
run "$EVNOTIFY" -n 1 0 0
check "then it stays" loaded
check "info names the module's limits" sh -c "'$EVNOTIFY' info | grep -q '^max_requests'"

for mode in pending wait eventfd; do
	for clock in monotonic boottime realtime tai; do
		run "$EVNOTIFY" watch --mode $mode --clock $clock --after 10ms --requests 3 --step 5ms
		check "watch --mode $mode --clock $clock" same "0 3" "$rc $(count '^request ')"
	done
	run "$EVNOTIFY" watch --mode $mode --at 0
	check "a time that has passed, mode $mode" same "0 1" "$rc $(count '^request ')"
done
for mode in pending eventfd; do
	run "$EVNOTIFY" watch --mode $mode --after 0 --period 10ms --count 5 --json
	check "five expirations, mode $mode" same 5 "$(printf '%s\n' "$out" |
		sed -n 's/.*"count":\([0-9]*\).*/\1/p' | awk '{ sum += $1 } END { print sum }')"
	check "the last is the last, mode $mode" same false "$(printf '%s\n' "$out" |
		tail -n 1 | sed -n 's/.*"more":\([a-z]*\).*/\1/p')"
done
for mode in pending wait eventfd; do
	rm "$tmp/err"
	"$EVNOTIFY" watch --mode $mode --after 1000 --requests 5 --for 2s >"$tmp/out" 2>"$tmp/err" &
	await '^evnotify: armed 5 requests$' "$tmp/err"
	check "it says that they are armed when they are, mode $mode" \
		same 5 "$(sed -n 's/^armed:[^0-9]*//p' /proc/$!/fdinfo/*)"
	wait $!
	check "and ends after a while" same "0 5" "$? $(grep -c cancelled "$tmp/out")"
done
for mode in pending eventfd; do
	run "$EVNOTIFY" watch --mode $mode --period 10ms --events 3
	check "it ends after three events, mode $mode" same "0 3" "$rc $(count '^request ')"
done
run "$EVNOTIFY" watch --requests 300 --step 1ms --json
check "300 requests" same "300 300" "$(count completed) $(printf '%s\n' "$out" |
	sed -n 's/.*"seq":\([0-9]*\).*/\1/p' | sort -nu | tail -n 1)"
check "none of them early" same "" "$(printf '%s\n' "$out" | grep -e '_ns":-')"
check "a period that is too short" fails 1 "min_period_ns" "$EVNOTIFY" watch --period 1ns

# The trace.
begin() {
	rm -f "$tmp/trace"
	"$EVNOTIFY" trace "$@" >"$tmp/trace" &
	tracer=$!
	await 1 /sys/kernel/tracing/instances/evnotify-$tracer/events/evnotify/enable
}
finish() {
	kill $tracer
	wait $tracer
	rc=$?
	# the word before the task; ids of 20 digits move the columns
	steps=$(awk -v ORS=' ' '
		{ for (i = 1; i <= NF; i++)
			if ($i ~ /^(open|arm|update|expire|complete|cancel|read|release)$/ &&
			    $(i + 1) ~ /-[0-9]+$/) { print $i; break } }' "$tmp/trace")
}
traced() {
	begin
	run "$EVNOTIFY" watch --after 1ms --mode "$1"
	finish
}
# ended SIGNAL MODE: the same for a request that is ended by a signal to its process
ended() {
	begin
	"$EVNOTIFY" watch --after 1000 --mode "$2" >"$tmp/out" &
	await ' arm ' "$tmp/trace"
	kill -"$1" $!
	wait $! 2>/dev/null
	finish
}
# who STEP: the task that took it
who() { sed -n "s/.* $1  *\([^ ]*-[0-9]*\).*/\1/p" "$tmp/trace"; }
# json STEP MEMBER: its values
json() { sed -n "s/.*\"step\":\"$1\".*\"$2\":\([^,}]*\).*/\1/p" "$tmp/trace"; }
if [ -d /sys/kernel/tracing/events/evnotify ]; then
	for mode in pending wait; do
		traced $mode
		check "trace shows the life of a request, mode $mode" \
			same "143 open arm expire complete read release " "$rc $steps"
	done
	traced eventfd
	check "trace shows the life of a request, mode eventfd" \
		same "143 open arm expire complete release " "$rc $steps"

	ended TERM pending
	check "of one that is cancelled" \
		same "open arm cancel complete read release 2" \
		"$steps$(grep -c 'cancel routine' "$tmp/trace")"
	ended TERM eventfd
	check "of one that is cancelled, mode eventfd" same "open arm cancel release " "$steps"
	ended TERM wait
	check "of a WAIT that is cancelled" same "open arm cancel complete read release " "$steps"
	check "by another thread" test "$(who cancel)" != "$(who arm)"
	ended KILL wait
	check "of a WAIT that a signal ends" same "open arm cancel release " "$steps"
	check "by the thread itself" same "$(who arm)" "$(who cancel)"
	ended KILL pending
	check "of one that is pending at the close" same "open arm release " "$steps"
	check "which cancels it" grep -q 'armed 1  completed 0  cancelled 1$' "$tmp/trace"

	# as if ftrace had not learned the name yet
	begin
	echo 0 >/sys/kernel/tracing/options/record-cmd
	"$EVNOTIFY" watch --after 1000 >"$tmp/out" 2>&1 &
	await ' arm ' "$tmp/trace"
	check "a task that ftrace does not know by name has one" \
		same "evnotify-$! evnotify-$!" "$(who open) $(who arm)"
	echo 1 >/sys/kernel/tracing/options/record-cmd
	kill $!
	wait $! 2>/dev/null
	finish

	begin --json
	run "$EVNOTIFY" watch --after 0 --period 10ms --count 5
	finish
	check "of a periodic request, as JSON: five expirations are read" same 5 \
		"$(json read count | awk '{ sum += $1 } END { print sum }')"
	check "it is armed once and not cancelled" same "10000000 false" \
		"$(json arm period_ns) $(json arm cancelled)"
	check "and the file is closed" same "1 1 0" \
		"$(json release armed) $(json release completed) $(json release cancelled)"

	begin --json
	run "$EVNOTIFY" watch --after 0 --requests 300
	finish
	check "of many at once: no step is missing" same "143 300 1" \
		"$rc $(json read id | wc -l) $(json release armed | wc -l)"

	# Opened before the trace, and every round is another thread's.
	rm "$tmp/out"
	"$EVNOTIFY" 0.01 0 <"$tmp/keys" >"$tmp/out" &
	rounds=$!
	exec 4>"$tmp/keys"
	await '^request 1 ' "$tmp/out"
	instance=$(sed -n 's/^instance:[^0-9]*//p' /proc/$rounds/fdinfo/*)
	begin --pid $rounds
	run "$EVNOTIFY" watch --after 1ms
	await ' read ' "$tmp/trace"
	echo x >&4
	wait $rounds
	exec 4>&-
	finish
	check "trace --pid shows the process, by its threads, and no other" same "$instance" \
		"$(awk 'NR > 1 { sub("/.*", "", $3); print $3 }' "$tmp/trace" | sort -u)"
	check "to the end" same release "$(echo "$steps" | awk '{ print $NF }')"
	# buffers: those that are there now
	buffers() { find /sys/kernel/tracing/instances -name 'evnotify-*'; }
	check "no trace buffer is left" same "" "$(buffers)"
	for signal in 3 14; do
		check "signal $signal ends a trace" "$TTY" taken signal=$signal killed=$signal given -- "$EVNOTIFY" trace
		check "and leaves no buffer" same "" "$(buffers)"
	done
	begin
	kill -KILL $tracer
	wait $tracer 2>/dev/null
	check "SIGKILL leaves the buffer" same "/sys/kernel/tracing/instances/evnotify-$tracer" "$(buffers)"
	begin
	check "the next trace removes it" same "/sys/kernel/tracing/instances/evnotify-$tracer" "$(buffers)"
	finish
	mkfifo "$tmp/reader"
	"$EVNOTIFY" trace >"$tmp/reader" &
	head -n 1 "$tmp/reader" >/dev/null
	wait $!
	check "a trace ends with its reader, at rest" same "141 " "$? $(buffers)"
else
	skip "trace shows the life of a request" "this kernel has no tracepoints"
fi

# Sources.
# member NAME: its values
member() { printf '%s\n' "$out" | sed -n "s/.*\"$1\":\"\{0,1\}\([^,\"}]*\).*/\1/p"; }
sim() { "$EVNOTIFY" sim "$@"; }
check "no source: list says so" fails 0 "there are no sources" "$EVNOTIFY" list
check "no evnotify-sim: status 3" fails 3 "sudo modprobe evnotify-sim" sim -- true
run "$EVNOTIFY" doctor --json --device /dev/evnotify-sim
check "and the doctor says the same" grep -q '"mend":"sudo modprobe evnotify-sim"' "$tmp/out"
if [ -n "$MODULE" ]; then insmod "${MODULE%/*}/evnotify-sim.ko"; else modprobe evnotify-sim; fi
run "$EVNOTIFY" doctor --json --device /dev/evnotify-sim
check "then it has no complaint" grep -q '"examined":"node","state":"ok"' "$tmp/out"

# With a command, which sim begins for once that has opened the device: inotify(7) says so.
commands() {
run sim --every 2ms --burst 10 --events 100 -- "$EVNOTIFY" watch --json --device {}
check "a command has each event of a sim that it has opened, then its end" same \
	"0 100 1 evnotify: raised 100 events in /dev/evnotify-sim0" \
	"$rc $(member status | grep -c completed) $(member status | grep -c gone) $(tail -n 1 "$tmp/err")"
check "in their order" same "$(seq 100)" "$(member data | grep -v null)"
check "none was lost" same 0 "$(member lost | sort -u)"
for mode in wait eventfd; do
	run sim --every 10ms --events 5 -- "$EVNOTIFY" watch --mode $mode --events 1 --device {}
	check "one event, mode $mode" same "0 1" "$rc $(count '^request ')"
done
run sim --every 1ms --events 1 -- "$EVNOTIFY" watch --mode eventfd --device {}
# the last event and the end may be told in one line
check "the end, mode eventfd" same "0 gone" "$rc $(printf '%s\n' "$out" | sed -n 's/^request 1 *\(gone\).*/\1/p')"
run sim --every 1ms -- "$EVNOTIFY" watch --period 1ms --events 3 --device {}
check "a source has timers as well" same "0 3" "$rc $(count ' due ')"

# What is played and recorded has the data of the list. Times are the machine's.
list="--every 2ms --jitter 1ms --drop 5% --duplicate 5% --data random --seed 42 --events 500"
data() { sed -n 's/^+.* //p' "$1"; }
"$EVNOTIFY" sim $list --print >"$tmp/list"
run sim $list -- "$EVNOTIFY" record {}
cp "$tmp/out" "$tmp/recorded"
check "record has what sim has raised" same "0 $(data "$tmp/list" | md5sum)" "$rc $(data "$tmp/recorded" | md5sum)"
check "and says how many" grep -qx 'evnotify: recorded 500 events, 0 lost' "$tmp/err"
# milliseconds FILE: how long after the first of its steps the last one is
milliseconds() {
	awk '/^\+/ {
		unit = $1
		gsub(/[+0-9.]/, "", unit)
		if (n++)
			sum += $1 * (unit == "s" ? 1000 : unit == "ms" ? 1 : unit == "us" ? 1e-3 : 1e-6)
	}
	END { printf "%d\n", sum }' "$1"
}
check "not much earlier than the list has it" \
	test "$(milliseconds "$tmp/recorded")" -ge $(($(milliseconds "$tmp/list") * 3 / 4))
run sim --replay "$tmp/recorded" -- sh -c "'$EVNOTIFY' record \$EVNOTIFY_DEVICE"
check "it can be replayed, by way of the environment" same "0 $(data "$tmp/list" | md5sum)" \
	"$rc $(data "$tmp/out" | md5sum)"
run sim --every 1ms -- "$EVNOTIFY" record --events 7 {}
check "record ends after so many" same "0 7" "$rc $(count '^+')"
run sim --every 1ms -- "$EVNOTIFY" record --for .3 {}
check "record ends after a while" same "0 $(count '^+')" \
	"$rc $(sed -n 's/.*recorded \([0-9]*\) .*/\1/p' "$tmp/err")"
overrun() { sim --burst 1000 --every 1ms --events 1000 -- "$EVNOTIFY" record {}; }
run overrun
check "what is lost is counted: all are accounted for" same 1000 \
	"$(awk '/ lost$/ { sum += $2 } /^\+/ { sum++ } END { print sum }' "$tmp/out")"

# The command and its end.
for status in 0 7; do
	run sim -- sh -c "exit $status"
	check "the status is the command's, $status" same \
		"$status evnotify: raised no event: the command did not open /dev/evnotify-sim0" "$rc $err"
done
check "no such command" fails 127 "cannot run nonsense" sim -- nonsense
check "none that can be run" fails 126 "cannot run /dev/null" sim -- /dev/null
for signal in 9 11 15; do
	run sim -- sh -c "kill -$signal \$\$"
	check "signal $signal that ends the command ends sim" same $((128 + signal)) "$rc"
done
rm -f "$tmp/out"
"$EVNOTIFY" sim -- sh -c 'trap "echo told; exit 3" USR1; echo ready; while :; do sleep 0.1; done' \
	>"$tmp/out" 2>"$tmp/err" &
await ready "$tmp/out"
kill -USR1 $!
wait $!
check "a signal is passed on to the command" same "3 told" "$? $(tail -n 1 "$tmp/out")"
}
if [ -e /proc/sys/fs/inotify ]; then
	commands
else
	skip "sim runs a command" "this kernel has no inotify"
fi
check "no source is left" fails 0 "there are no sources" "$EVNOTIFY" list

# Without a command.
rm -f "$tmp/out"
"$EVNOTIFY" sim --every 1h >"$tmp/out" 2>"$tmp/err" &
await '^/dev/evnotify-sim0$' "$tmp/out"
run "$EVNOTIFY" list --json
check "list has its node" same \
	'{"node":"/dev/evnotify-sim0","raised":0,"access":true,"device":null,"driver":null}' "$out"
check "info names the source" sh -c "'$EVNOTIFY' info -d /dev/evnotify-sim0 | grep -q '^source  *evnotify-sim0, raised 0 events$'"
check "record is refused a device that has none" fails 3 "no source" "$EVNOTIFY" record /dev/evnotify
kill $!
wait $!
check "a signal ends it" same 143 $?
check "and its source" fails 0 "there are no sources" "$EVNOTIFY" list
run sim --every 1ms --for .2s
check "it ends after a while" same "0 200 /dev/evnotify-sim0" \
	"$rc $(sed -n 's/.*raised \([0-9]*\) .*/\1/p' "$tmp/err") $out"
check "a key ends it" "$TTY" taken type ended=0 given -- "$EVNOTIFY" sim
[ ! -e /proc/sys/fs/inotify ] || check "a command's terminal is left alone" "$TTY" idle given signal=15 killed=15 given -- "$EVNOTIFY" sim -- sleep 1000
if [ -d /sys/kernel/tracing/events/evnotify ] && [ -e /proc/sys/fs/inotify ]; then
	begin --json
	run sim --every 20ms --data 42 --events 3 -- "$EVNOTIFY" watch --device {}
	finish
	check "trace has what was raised, and what became of it" same "1 2 3 42 42 true" \
		"$(json raise raised | paste -sd ' ') $(json raise data | sort -u) $(json read data | head -n 1) $(json read gone | tail -n 1)"
fi

rmmod evnotify-sim evnotify
check "nothing holds the modules at the end" absent
tap_done
