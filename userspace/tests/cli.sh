#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source-path=SCRIPTDIR
#
# The command without a device: usage, messages, exit status, output. EVNOTIFY is
# the command itself, FAKE the same on a played device (fake.c), TTY gives a terminal
# to a command (tty.c).
set -u
: "${EVNOTIFY:?}" "${FAKE:?}" "${TTY:?}"
cd "$(dirname "$0")" || exit 1
. ./tap.sh

node=$tmp/node
touch "$tmp/evnotify.ko"
export FAKE_NODE="$node"

# Usage.
usage() {
	args=$1
	# shellcheck disable=SC2086
	check "usage: evnotify $1" fails 2 "$2" "$EVNOTIFY" $args
}
usage "" "--help"
usage "1" "needs a delay"
usage "1 0 2" "needs a delay"
usage "1 2" "neither 0"
usage "1x 0" "not a time"
usage "-- -1 0" "not a time"
usage "1e400 0" "not a time"
usage "wacth" "unknown command 'wacth'"
usage "version" "unknown command 'version'"
usage "x 0" "unknown command 'x'"
usage "-n 3 watch" "the command 'watch' has to be the first word"
usage "--nonsense" "unrecognized"
usage "-1 0" "invalid option"
usage "-n 0 1 0" "at least 1"
usage "-n 4294967296 1 0" "too large"
usage "help nonsense" "unknown command"
usage "watch --nonsense" "help watch"
usage "watch more" "options only"
usage "watch --mode x" "none of pending"
usage "watch --clock x" "none of monotonic"
usage "watch --after 1x" "not a time"
usage "watch --at -1" "not a time"
usage "watch --after 1 --at 1" "exclude"
usage "watch --period 0" "more than 0"
usage "watch --count 3" "needs --period"
usage "watch --count 0 --period 1" "at least 1"
usage "watch --mode wait --period 1" "no --period"
usage "watch --requests 0" "at least 1"
usage "watch --requests 1048577" "too large"
usage "watch --events 0" "at least 1"
usage "watch --for 1x" "not a time"
usage "watch --hist --quiet" "exclude"
usage "watch --step 9223372036 --requests 2" "too late"
usage "info more" "options only"
usage "info --nonsense" "help info"
usage "trace more" "options only"
usage "trace --pid x" "not a number"
usage "trace --nonsense" "help trace"
usage "doctor more" "options only"
usage "list more" "options only"
usage "list --nonsense" "help list"
usage "record" "the device of one source"
usage "record a b" "the device of one source"
usage "record --events 0 a" "at least 1"
usage "record --for 1x a" "not a time"
usage "record --nonsense" "help record"
usage "sim --nonsense" "help sim"
usage "sim --every 0" "more than 0"
usage "sim --every 27d" "26 days at most"
usage "sim --jitter 27d" "26 days at most"
usage "sim --late 27d:1%" "26 days at most"
usage "sim --burst 0" "at least 1"
usage "sim --late 2ms" "a time and a percentage"
usage "sim --late 2x:1%" "not a time"
usage "sim --late 2ms:1" "not a percentage"
usage "sim --drop 100%" "not below 100%"
usage "sim --drop 1" "not a percentage"
usage "sim --drop 1%%" "not a percentage"
usage "sim --drop 1s%" "not a percentage"
usage "sim --drop %" "not a percentage"
usage "sim --duplicate 0.00001%" "finer than 0.0001%"
usage "sim --data x" "none of count, random"
usage "sim --data 1x" "none of count, random"
usage "sim --seed 0" "at least 1"
usage "sim --events 0" "at least 1"
usage "sim --for 1x" "not a time"
usage "sim --print" "needs --events or --for"
usage "sim --print --events 1 -- true" "no device for a command"
usage "sim --replay cli.sh --every 1ms" "has its steps from the file"
usage "sim --replay cli.sh --seed 1" "has its steps from the file"
usage "doctor --nonsense" "help doctor"

# Help and version.
helps() {
	run "$EVNOTIFY" "$@"
	printf 'status: %s\n%s\n' "$rc" "$out"
	[ "$rc" = 0 ] && [ -z "$err" ] && case $out in *Usage:*) true ;; *) false ;; esac
}
for args in --help -h "-n 3 -h" help "help -h" "watch -j -h" "trace -j --help" "help watch" "watch --help" "help info" "info -h" "help trace" "help doctor" "help list" "help sim" "sim -h" "help record" "help latency" "latency -h"; do
	# shellcheck disable=SC2086
	check "evnotify $args" helps $args
done
check "evnotify watch -j -h is the help of watch" same "$("$EVNOTIFY" help watch)" "$("$EVNOTIFY" watch -j -h)"
for args in --version -v -V "info -V" "1 0 --version"; do
	# shellcheck disable=SC2086
	run "$EVNOTIFY" $args
	check "evnotify $args: the version is the module's" same "0 evnotify $(cat ../../module/VERSION)" "$rc $out"
done
full() { "$@" >/dev/full; }
check "help to a full disk fails" fails 1 "No space left" full "$EVNOTIFY" --help

# Opening fails.
opening() {
	what=$1
	shift
	check "$what" fails "$@"
	case $* in *--device*) doctor="evnotify doctor --device $tmp/none'" ;; *) doctor="evnotify doctor'" ;; esac
	check "$what: that leads to the doctor" same 1 "$(echo "$err" | grep -c "hint: '$doctor says what is wrong")"
}
opening "no device" 3 "No such file" "$EVNOTIFY" info --device "$tmp/none"
opening "not the device" 3 "not the device of evnotify" env FAKE_OPEN=25 "$FAKE" info
for device in /dev/null "$tmp"; do
	check "nor is $device" fails 3 "not the device of evnotify" "$EVNOTIFY" info --device "$device"
done
opening "no permission" 4 "Permission denied" env FAKE_OPEN=13 "$FAKE" info
opening "a device that went" 3 "No such device" env FAKE_OPEN=6 "$FAKE" watch
opening "too many open files" 1 "Too many" env FAKE_OPEN=24 "$FAKE" watch
opening "an older module" 6 "interface version 0, this command needs 1" env FAKE_ABI=0 "$FAKE" info
check "a newer module is fine" fails 0 "" env FAKE_ABI=7 "$FAKE" info

# The module.
load="$FAKE --device $node --module $tmp/evnotify.ko 0 0"
check "no such module file" fails 3 "No such file" \
	"$FAKE" --device "$node" --module "$tmp/none.ko" 1 0
check "no module for this kernel" fails 3 "is installed for kernel" "$EVNOTIFY" --device "$node" 1 0
check "that leads to the doctor, too" \
	same 1 "$(echo "$err" | grep -c "hint: 'evnotify doctor --device $node' says what is wrong")"
refuses() {
	# shellcheck disable=SC2086
	check "inserting fails with errno $1" fails "$2" "$3" env FAKE_INSERT="$1" $load
	check "that leads to the doctor" same 1 "$(echo "$err" | grep -c "hint: 'evnotify doctor ")"
}
refuses 1 4 "CAP_SYS_MODULE"	# EPERM
refuses 2 5 "symbol"		# ENOENT
refuses 8 5 "not a module for this kernel"	# ENOEXEC
refuses 22 5 "not a module for this kernel"	# EINVAL
refuses 74 5 "signature"	# EBADMSG
refuses 126 5 "signature"		# ENOKEY
refuses 129 5 "signature"		# EKEYREJECTED
refuses 12 5 "dmesg"		# ENOMEM
check "none of that left a node" test ! -e "$node"
# shellcheck disable=SC2086
run $load
check "it loads the module, runs and unloads it" \
	same "fake: insert $tmp/evnotify.ko fake: remove evnotify " "$(tr '\n' ' ' <"$tmp/err")"
check "and ends well" same 0 "$rc"
check "with one round at the end of input" same 1 "$(echo "$out" | grep -c '^request ')"
touch "$node"
# shellcheck disable=SC2086
run $load
check "a module that is there stays" same "0 " "$rc $err"
rm "$node"
# shellcheck disable=SC2086
check "a module that is in use stays, and is named" fails 0 "another program uses it" \
	env FAKE_REMOVE=11 $load
rm -f "$node"
# shellcheck disable=SC2086
run env FAKE_OPEN=13 $load
check "it is unloaded when opening fails" \
	same "4 remove" "$rc $(echo "$err" | sed -n 's/^fake: \(remove\).*/\1/p')"

# DELAY 0|1: rounds, input.
banner() {
	run "$FAKE" --device /dev/null -n 1 "$1" "$2"
	check "evnotify $1 $2 says so" same "/dev/null, module 1.2.3: $3" "$(echo "$out" | head -n 1)"
}
banner .25 0 "mode pending, a request every 250ms"
banner 1us 1 "mode eventfd, a request every 1us"
banner 0 0 "mode pending, one request after another"
for mode in 0 1; do
	run "$FAKE" --device /dev/null -n 3 0.5 $mode
	check "mode $mode: -n 3 makes three rounds without input" \
		same "0 3" "$rc $(echo "$out" | grep -c '^request ')"
	byte() { echo x | "$FAKE" --device /dev/null 1000 "$mode"; }
	run byte
	check "mode $mode: a byte ends a request of 1000 s, cancelled" \
		same "0 1" "$rc $(echo "$out" | grep -c 'cancelled$')"
	closed() { "$FAKE" --device /dev/null 0 "$mode" <&-; }
	run closed
	check "mode $mode: no standard input at all makes one round" \
		same "0 1" "$rc $(echo "$out" | grep -c '^request ')"
done
check "arming fails" fails 1 "max_requests" env FAKE_REGISTER=28 "$FAKE" --device /dev/null 0 1
check "the user has no more requests" fails 1 "max_user_requests" \
	env FAKE_REGISTER=122 "$FAKE" --device /dev/null 0 1
check "a short period" fails 1 "min_period_ns" env FAKE_REGISTER=22 "$FAKE" watch -p 1us

# Signals and pipes.
signalled() {
	"$FAKE" watch --after 1000 --requests 3 --mode "$2" >"$tmp/out" &
	pid=$!
	# It is past its own set-up once it holds a signalfd.
	until find "/proc/$pid/fd" -lname '*signalfd*' 2>/dev/null | grep -q .; do :; done
	kill -"$1" $pid
	wait $pid
	same "$((128 + $3)) 3" "$? $(grep -c cancelled "$tmp/out")"
}
for mode in pending wait eventfd; do
	check "SIGTERM ends watch --mode $mode as that signal, nothing left armed" signalled TERM $mode 15
done
ignoring() {
	(trap '' HUP; exec "$FAKE" watch --after 1000) >"$tmp/out" &
	pid=$!
	until find "/proc/$pid/fd" -lname '*signalfd*' 2>/dev/null | grep -q .; do :; done
	kill -HUP $pid
	kill -TERM $pid
	wait $pid
	same 143 $?
}
check "a signal that nohup has it ignore does not end it" ignoring
epipe() { "$FAKE" watch --period 1ms; echo $? >"$tmp/rc"; }
epipe | head -n 1 >/dev/null
check "a reader that went away ends it as SIGPIPE" same 141 "$(cat "$tmp/rc")"
# left ARG...: the command with nothing to say, whose reader goes away
left() {
	mkfifo "$tmp/reader"
	"$@" >"$tmp/reader" 2>"$tmp/err" </dev/zero &
	pid=$!
	: <"$tmp/reader"
	rm "$tmp/reader"
	{ sleep 60; kill -KILL $pid; } &
	killer=$!
	wait $pid
	rc=$?
	kill $killer
	same 141 $rc
}
check "also while it has nothing to say" left "$FAKE" watch --after 1000
# stuck SIGNAL: it fills a pipe from which nobody reads, and gets the signal
stuck() {
	mkfifo "$tmp/reader"
	exec 3<>"$tmp/reader"
	"$FAKE" watch --at 1000 --period 1ms --mode pending >&3 2>/dev/null </dev/zero &
	pid=$!
	until find "/proc/$pid/fd" -lname '*signalfd*' 2>/dev/null | grep -q .; do :; done
	sleep 0.5	# what a pipe holds
	kill -"$1" $pid
	{ sleep 20; kill -KILL $pid; } 2>/dev/null &
	killer=$!
	wait $pid
	rc=$?
	kill $killer
	exec 3>&-
	rm "$tmp/reader"
	same "$2" $rc
}
check "TERM ends it also while its reader does not read" stuck TERM 143
mkfifo "$tmp/idle"
exec 3<>"$tmp/idle"
check "trace --file: the same while its file has nothing to say" \
	left "$EVNOTIFY" trace --file "$tmp/idle"
exec 3>&-

# The terminal. A chroot may have none to give.
terminal() {
	what=$1
	shift
	check "$what" "$TTY" "$@" -- "$FAKE" --device /dev/null 1000 0
}
if "$TTY" ended=0 -- true >"$tmp/out" 2>&1; then
	run "$TTY" taken type ended=0 given -- "$FAKE" --device /dev/null 1000 0
	check "a key ends a blocked wait, which is cancelled" \
		same "0 1" "$rc $(printf '%s\n' "$out" | grep -c cancelled)"
	# HUP INT QUIT USR1 USR2 ALRM TERM VTALRM, and the first of those for real time
	for signal in 1 2 3 10 12 14 15 26 34; do
		terminal "signal $signal puts the terminal back and ends it as that signal" \
			taken signal=$signal killed=$signal given
	done
	terminal "CHLD and WINCH do not end it" taken signal=17 signal=28 idle type ended=0 given
	terminal "Ctrl-Z puts the terminal back, fg takes it again" \
		taken signal=20 stopped given back front signal=18 taken type ended=0 given
	terminal "it takes it again after SIGSTOP" \
		taken signal=19 stopped back front signal=18 taken type ended=0 given
	terminal "and puts it back as it was at first, if nobody else did" \
		taken signal=19 stopped front signal=18 taken type ended=0 given
	terminal "bg leaves the terminal alone" \
		taken signal=20 stopped back signal=18 idle given signal=15 killed=15 given
	terminal "bg after SIGSTOP as well" \
		taken signal=19 stopped back signal=18 idle given signal=15 killed=15 given
	terminal "what was started in the background takes the terminal after fg" \
		behind idle given front taken type ended=0 given
else
	skip "the terminal" "there is none to be had"
fi

# Watch: when it is armed, and when it ends.
for mode in pending wait eventfd; do
	run "$FAKE" watch --mode $mode --requests 3
	check "watch --mode $mode says when its requests are armed" \
		same "0 evnotify: armed 3 requests" "$rc $err"
	run "$FAKE" watch --mode $mode --requests 5 --events 2
	check "watch --mode $mode --events 2 shows two" same "0 2" "$rc $(echo "$out" | grep -c '^request ')"
	run "$FAKE" watch --mode $mode --after 1000 --requests 2 --for .1
	check "watch --mode $mode --for .1 cancels what is left" \
		same "0 2" "$rc $(echo "$out" | grep -c 'cancelled$')"
	run "$FAKE" watch --mode $mode --requests 5 --quiet
	check "watch --mode $mode --quiet says nothing" same "0 " "$rc $out$err"
	run "$FAKE" watch --mode $mode --requests 5 --quiet --events 2
	check "watch --mode $mode --quiet --events 2 ends" same "0 " "$rc $out$err"
done
run "$FAKE" watch
check "one request is no two" same "evnotify: armed 1 request" "$err"
run "$FAKE" watch --hist --requests 5
check "watch --hist: the stages of all events, and no lines" \
	same "0 total 5 due->interrupt 5 41.2us interrupt->tasklet 5 9.8us tasklet->user 5" \
	"$rc $(printf '%s\n' "$out" | awk 'NR > 1 { print $1, $2, /t->|due->/ && !/user/ ? $3 : "" }' | tr -s ' \n' ' ' | sed 's/ $//')"
run "$FAKE" watch --hist --requests 5 --mode eventfd
check "watch --hist: an eventfd knows no stages" same "0 5 0 0 0" \
	"$rc $(printf '%s\n' "$out" | awk 'NR > 1 { print $2 }' | paste -sd ' ')"
run "$FAKE" watch --hist --json --requests 5
check "watch --hist --json" same '{"stage":"interrupt","samples":5,"sum_ns":206000,"min_ns":41200,"p50_ns":41200,"p90_ns":41200,"p99_ns":41200,"p99_9_ns":41200,"max_ns":41200,"histogram":[[41200,5]]}' \
	"$(printf '%s\n' "$out" | sed -n 2p)"
check "watch --quiet says what fails" fails 1 "not armed" env FAKE_REGISTER=12 "$FAKE" watch --quiet
check "it does not say that what failed is armed" same 0 "$(echo "$err" | grep -c ': armed')"
run "$FAKE" watch --at 1000 --period 5s --events 3
check "watch --period --events 3 shows three" same "0 3" "$rc $(echo "$out" | grep -c 'more to come$')"
run "$FAKE" watch --period 20 --count 1
check "the first expiration is due after the period" \
	same "1020.000000000" "$(echo "$out" | sed -n 's/.* due \([0-9.]*\).*/\1/p')"
run "$FAKE" watch --period 20 --count 1 --after 3
check "or after --after" same "1003.000000000" "$(echo "$out" | sed -n 's/.* due \([0-9.]*\).*/\1/p')"
run env FAKE_WAIT=4 "$FAKE" watch --mode wait --requests 2
check "a wait that was interrupted is taken up again" same "0 2" "$rc $(echo "$out" | grep -c '^request ')"
run env FAKE_WAIT=4 "$FAKE" --device /dev/null -n 3 0 0
check "and its next round is another request" same "0 3" "$rc $(echo "$out" | grep -c '^request ')"

# Watch, on a device with a source.
run env FAKE_SOURCE=3 FAKE_LOST=43 "$FAKE" watch
check "watch shows the events of a source, what was lost, and its end" same \
	"0
request 1 raised 1000.000000000 data 0x2a completed +9.8us seen 43 lost more to come
request 1 raised 1000.001500000 data 0x2b completed +9.8us seen more to come
request 1 raised 1000.003000000 data 0x2c completed +9.8us seen more to come
request 1 gone" "$rc
$(echo "$out" | tr -s ' ' | sed 's/seen +[0-9.]*s/seen/')"
run env FAKE_SOURCE=3 "$FAKE" watch --mode wait --requests 2
check "with mode wait each request takes one" same "0 2 0" \
	"$rc $(echo "$out" | grep -c ' data ') $(echo "$out" | grep -c 'more to come')"
run env FAKE_SOURCE=3 "$FAKE" watch --events 2
check "it ends after two events" same "0 2" "$rc $(echo "$out" | grep -c ' data ')"
for option in "--after 1" "--at 1" "--step 1" "--period 1"; do
	# shellcheck disable=SC2086
	run env FAKE_SOURCE=3 "$FAKE" watch $option --events 1
	check "with $option it waits for a time, on that device too" same "0 1" \
		"$rc $(echo "$out" | grep -c '^request 1   due ')"
done

# A source to test with: what it would raise. The same on any machine.
run "$EVNOTIFY" sim --print --events 4
check "sim: a list" same "0 # evnotify sim --seed 1 --events 4|+1s 0x1|+1s 0x2|+1s 0x3|+1s 0x4" \
	"$rc $(echo "$out" | paste -sd '|')"
run "$EVNOTIFY" sim --print --every 5ms --jitter 1ms --late 2ms:20% --burst 2 --drop 10% \
	--duplicate 10% --events 12 --data random --seed 7
echo "$out" >"$tmp/list"
check "sim: a seed gives this list, here as anywhere" same \
	"3923864037 469" "$(echo "$out" | cksum)"
made() { "$EVNOTIFY" sim --print --seed 7 --every 1ms --events 2000 "$@"; }
delays() { made "$@" | sed '1d; s/ .*//'; }
data() { made "$@" | sed '1d; s/.* //'; }
check "sim: another seed gives another" test "$(made --data random)" != "$(made --data random --seed 8)"
check "sim: data that is random leaves the times alone" \
	same "$(delays --jitter 1ms | cksum)" "$(delays --jitter 1ms --data random | cksum)"
check "sim: a constant" same 0x2a "$(data --data 42 | sort -u)"
check "sim: jitter leaves the number alone, and the order" same "2000 0x7d0" \
	"$(data --jitter 5ms | wc -l) $(data --jitter 5ms | tail -n 1)"
# about WHAT: within a quarter of what is asked for
about() { echo "$2"; test "$2" -ge $(($1 * 3 / 4)) -a "$2" -le $(($1 * 5 / 4)); }
check "sim: 10% of the events are dropped, and their numbers with them" \
	about 200 $(($(data --drop 10% | tail -n 1) - 2000))
check "sim: 10% come twice" about 182 "$(data --duplicate 10% | uniq -d | wc -l)"
check "sim: 10% are late" about 200 "$(delays --late 100us:10% | grep -c '^+1.1ms$')"
check "sim: bursts" same "200 1800" \
	"$(delays --burst 10 | grep -c '^+1ms$') $(delays --burst 10 | grep -c '^+0ns$')"
run "$EVNOTIFY" sim --print --every 30ms --for 100ms
check "sim: it ends after so long" same 3 "$(echo "$out" | grep -c '^+')"
run "$EVNOTIFY" sim --print --replay "$tmp/list"
check "sim: a list that was printed is what is played again" \
	same "$(sed 1d "$tmp/list")" "$(echo "$out" | sed 1d)"
run "$EVNOTIFY" sim --print --replay "$tmp/list" --events 5
check "sim: or as much of it" same 5 "$(echo "$out" | grep -c '^+')"
replayed() { printf '# a\n\n  +1.5us 0x10 # b\n+0 017\n+1ms 9' | "$EVNOTIFY" sim --print --replay -; }
run replayed
check "sim: a list from standard input, as people write it" \
	same "# evnotify sim --replay -|+1.5us 0x10|+0ns 0xf|+1ms 0x9" "$(echo "$out" | paste -sd '|')"
for line in "5ms 1" "+5ms" "+5ms 1 2" "+5mm 1" "+5ms x" "+5ms -1" "+27d 1" "+1ms 99999999999999999999"; do
	printf '+1ms 1\n%s\n' "$line" >"$tmp/list"
	check "sim: '$line' is no step" fails 1 "$tmp/list, line 2: '$line' is" \
		"$EVNOTIFY" sim --replay "$tmp/list" --print
done
echo '# nothing' >"$tmp/list"
check "sim: a list of nothing" fails 1 "has no step" "$EVNOTIFY" sim --replay "$tmp/list"
check "sim: no such list" fails 1 "No such file" "$EVNOTIFY" sim --replay "$tmp/none"
check "sim: no device" fails 3 "sudo modprobe evnotify-sim" "$EVNOTIFY" sim --device "$tmp/none"
check "sim: another device" fails 3 "not the device of evnotify-sim" "$EVNOTIFY" sim --device /dev/null

# What a source raised. With the same data as it was raised, and at the same distances.
run env FAKE_SOURCE=3 FAKE_LOST=43 "$FAKE" record /dev/evnotify-fake0
check "record: a line for each event, a comment for what was lost" same \
	"0 # evnotify record /dev/evnotify-fake0|# 43 lost|+0ns 0x2a|+1.5ms 0x2b|+1.5ms 0x2c" \
	"$rc $(echo "$out" | paste -sd '|')"
check "record: it says how many" same "evnotify: recorded 3 events, 43 lost" "$err"
run env FAKE_SOURCE=3 "$FAKE" record --events 2 x
check "record: it ends after two" same "0 2" "$rc $(echo "$out" | grep -c '^+')"
check "record: a device without a source" fails 3 "has no source" "$FAKE" record /dev/evnotify
check "record: no device" fails 3 "evnotify doctor --device $tmp/none'" "$EVNOTIFY" record "$tmp/none"
check "record: to a full disk" fails 1 "No space left" full env FAKE_SOURCE=3 "$FAKE" record x
if [ ! -d /sys/class/evnotify ]; then
	check "list: no module" fails 3 "evnotify doctor" "$EVNOTIFY" list
fi

# Lines and JSON.
run "$FAKE" watch --at 1000 --requests 2 --step 10ms
check "a line shows the steps" same \
	"request 1 due 1000.000000000 expired +41.2us completed +9.8us seen" \
	"$(printf '%s\n' "$out" | head -n 1 | tr -s ' ' | sed 's/seen.*/seen/')"
run "$FAKE" watch --period 1ms --count 3
check "a period with a count: all but the last have more to come" \
	same "3 2" "$(echo "$out" | grep -c ^request) $(echo "$out" | grep -c 'more to come$')"
run "$FAKE" watch --mode eventfd --period 1ms --count 3
check "an eventfd that was read late counts its expirations" \
	same "1 1" "$(echo "$out" | grep -c ^request) $(echo "$out" | grep -c '3 expirations$')"
if command -v jq >/dev/null; then
	for mode in pending wait eventfd; do
		run "$FAKE" watch --json --mode $mode --requests 5 --clock boottime
		check "--json, mode $mode: five objects with the same members" same \
			"5 $mode boottime completed" \
			"$(echo "$out" | jq -rs '"\(length) \(.[4].mode) \(.[4].clock) \(.[4].status)"')"
		echo "$out" | jq -c 'keys' | sort -u >"$tmp/keys.$mode"
	done
	check "every mode has the same members" cmp "$tmp/keys.pending" "$tmp/keys.eventfd"
	run "$FAKE" watch --json --at 1000
	check "--json: the steps" same '41200 9800' \
		"$(echo "$out" | jq -r '"\(.due_to_expired_ns) \(.expired_to_completed_ns)"')"
	run "$FAKE" watch --json --at 1000 --mode eventfd
	check "--json: what an eventfd does not know is null" same 'null null null' \
		"$(echo "$out" | jq -r '"\(.seq) \(.expired_ns) \(.completed_to_seen_ns)"')"
	run env FAKE_SOURCE=1 FAKE_LOST=2 "$FAKE" watch --json
	check "--json: an event of a source, and its end" same \
		'completed 3 2 42 null 1000000000000 null 9800,gone 0 0 null null null null null' \
		"$(echo "$out" | jq -rs 'map("\(.status) \(.count) \(.lost) \(.data) \(.due_ns) \(.expired_ns) \(.due_to_expired_ns) \(.expired_to_completed_ns)") | join(",")')"
	echo "$out" | jq -c 'keys' | sort -u >"$tmp/keys.source"
	check "it has the members of any other" cmp "$tmp/keys.pending" "$tmp/keys.source"
	run "$FAKE" info --json --device 'a"b\c'
	check "info --json" same 'a"b\c 1.2.3 4.5.6 null ["checked"] ["pending","eventfd"] ["monotonic","realtime"] 100000' \
		"$(printf '%s\n' "$out" | jq -r '"\(.device) \(.module_version) \(.command_version) \(.source) \(.features) \(.modes) \(.clocks_now_ns|keys) \(.min_period_ns)"')"
else
	echo "# jq is missing: JSON is not checked"
	check "jq is installed" false
fi
run "$FAKE" info
check "info" same "module        1.2.3, interface version 1
features      checked" "$(echo "$out" | grep -e ^module -e ^features)"
run env FAKE_SOURCE=1 "$FAKE" info
check "info of a source" same "features      checked, has_source" "$(echo "$out" | grep ^features)"

# The trace, from a file that was kept.
run "$EVNOTIFY" trace --file trace.txt
check "trace: every step but the foreign one" same "0 34" "$rc $(echo "$out" | grep -vc TIME)"
check "trace: a gap is told, as ftrace and as trace-cmd have it" same \
	"evnotify: the trace has a gap: CPU:1 [LOST 3 EVENTS]
evnotify: the trace has a gap: CPU:0 [EVENTS DROPPED]" "$err"
column() { echo "$out" | sed 1d | cut -c 16-73 | tr -s ' ' | sed 's/ $//'; }
column >"$tmp/seen"
cat >"$tmp/expected" <<'END'
- 1 IRP_MJ_CREATE open
- 1/2097159 IOCTL_REGISTER_EVENT arm
+1.000s 1/2097159 timer interrupt expire
+40.0us 1/2097159 DPC complete
- 2 IRP_MJ_CREATE open
- 1/2097159 IRP completed read
- 2/2097159 IOCTL_REGISTER_EVENT arm
+1.00ms 2/2097159 KeSetTimer update
+1.00ms 2/2097159 cancel routine cancel
+1.00ms 2/2097159 cancel routine complete
+999.76ms 1 IRP_MJ_CLEANUP, _CLOSE release
- 2 IRP_MJ_CREATE open
- 2/2097159 IOCTL_REGISTER_EVENT arm
+99.01ms 2/2097159 timer interrupt expire
+10.0us 2/2097159 cancel routine cancel
+10.0us 2/2097159 DPC complete
+10.0us 2/2097159 IRP completed read
- 2/4194311 IOCTL_REGISTER_EVENT arm
+100.01ms 2/4194311 timer interrupt expire
+10.0us 2/4194311 DPC complete
+10.0us 2/4194311 KeSetTimer update
+10.0us 2/4194311 IRP completed read
+100.00ms 2/4194311 timer interrupt expire
- 2 IRP_MJ_CLEANUP, _CLOSE release
- 3 IRP_MJ_CREATE open
- 3/2097159 IOCTL_REGISTER_EVENT arm
- evnotify-sim0 ISR raise
+1.01ms 3/2097159 DPC expire
+10.0us 3/2097159 DPC complete
+10.0us 3/2097159 IRP completed read
+1.00ms 3/2097159 DPC expire
+10.0us 3/2097159 DPC complete
+10.0us 3/2097159 IRP completed read
+950.0us 3 IRP_MJ_CLEANUP, _CLOSE release
END
check "trace: each step has its routine and the time since the one before" \
	diff "$tmp/expected" "$tmp/seen"
# 168 has steps on both sides of a gap; 171 and 172 are threads of 170.
# What a source raises is shown to all.
for pid in 168:7 169:6 170:23 171:1; do
	run "$EVNOTIFY" trace --file trace.txt --pid ${pid%:*}
	check "trace: process ${pid%:*} alone" same "0 ${pid#*:}" "$rc $(echo "$out" | grep -vc TIME)"
done
run "$EVNOTIFY" trace --file trace.txt
check "trace: a source, its event, what was lost, and its end" same \
	"raised 301 data 42|expired_ns 6002000000 count 44 data 42 lost 43|count 44 data 42 lost 43|count 0 gone|" \
	"$(echo "$out" | sed -n 's/.* \(raise\|expire\|read\) *[^ ]*-[0-9]* *\([a-z].*\)/\2/p' | tail -n 5 |
		sed '/expired_ns 0/d' | tr -s ' ' | tr '\n' '|')"
check "trace: a timer has no data" same 0 "$(echo "$out" | grep -c ' 2/.* data ')"
run "$EVNOTIFY" trace --json --file trace.txt
printf '%s' "$(cat trace.txt)" >"$tmp/trace"
check "trace: the last line may lack its end" \
	same "$out" "$("$EVNOTIFY" trace --json --file "$tmp/trace" 2>/dev/null)"
check "trace --json" same '36 a [2] b-c 168 1 expire timer interrupt 1000000000 2097159 null' \
	"$(printf '%s\n' "$out" | jq -rs '"\(length) \(.[1].comm) \(.[1].pid) \(.[1].cpu) \(.[2].step) \(.[2].nt_routine) \(.[2].since_ns) \(.[2].id) \(.[0].since_ns)"')"
check "trace --json: a request is cancelled or not, an instance counts them" same 'false true 0' \
	"$(printf '%s\n' "$out" | jq -rs '"\(.[1].cancelled) \(.[10].cancelled) \(.[0].cancelled)"')"
check "trace --json: an event of a source" same 'evnotify-sim0 301 42 null|42 43 true true false|true' \
	"$(printf '%s\n' "$out" | jq -rs '"\(.[28] | "\(.source) \(.raised) \(.data) \(.cancelled)")|\(.[31] | "\(.data) \(.lost) \(.event) \(.repeat) \(.gone)")|\(.[34].gone)"')"
check "trace --json: a gap is a record" \
	same '{"step":"gap","cpu":1,"lost":3} {"step":"gap","cpu":0,"lost":null}' \
	"$(printf '%s\n' "$out" | grep gap | paste -sd ' ')"
piped() { "$EVNOTIFY" trace --json --file - <trace.txt; }
check "trace: it may come from standard input" same "$out" "$(piped 2>/dev/null)"
check "trace: and may be empty" fails 1 "standard input has no line" "$EVNOTIFY" trace -f -
# 4 pairs of expire and complete, of 10, 10, 10 and 40 us; nothing across a gap, and no lines
run "$EVNOTIFY" trace --summary --file trace.txt
check "trace --summary: a line for each pair of steps" same "0 expire->complete 4 10.0us 40.0us" \
	"$rc $(printf '%s\n' "$out" | awk '$1 == "expire->complete" { print $1, $2, $3, $6 }')"
check "trace --summary: and nothing else" same STEPS "$(printf '%s\n' "$out" | awk '!/->/ { print $1 }')"
run "$EVNOTIFY" trace --summary --json --file trace.txt
check "trace --summary --json" grep -q '^{"from":"expire","to":"complete","samples":4,"sum_ns":70000,"min_ns":10000,"p50_ns":10047,.*"max_ns":40000,"histogram":\[\[10047,3\],\[40000,1\]\]}$' "$tmp/out"
run "$EVNOTIFY" trace --summary --pid 168 --file trace.txt
check "trace --summary --pid: of this process alone" test "$(printf '%s\n' "$out" | awk '$1 == "expire->complete" { print $2 }')" -lt 4
check "trace: no such file" fails 1 "No such file" "$EVNOTIFY" trace --file "$tmp/none"
check "trace: a file that is none" fails 1 "directory" "$EVNOTIFY" trace --file "$tmp"
check "trace: a file that has nothing of ours" fails 1 "trace-cmd report >FILE" \
	"$EVNOTIFY" trace --file cli.sh

# The doctor, as far as there is something to examine here. The rest is the VM's.
# examined WHAT MEMBER...: of a finding
examined() { printf '%s\n' "$out" | jq -r "select(.examined == \"$1\") | $2"; }
touch "$tmp/plain"
for device in /dev/null "$tmp/plain" "$tmp"; do
	run "$EVNOTIFY" doctor --json --device "$device"
	check "doctor: $device is not evnotify's, and stays" same \
		"problem evnotify doctor" "$(examined node '.state + " " + .mend')"
done
run "$EVNOTIFY" doctor --device /dev/null
check "doctor: what it is, as text" \
	sh -c "'$EVNOTIFY' doctor --device /dev/null | grep -q 'why:  it is another device, character 1:3'"
run "$EVNOTIFY" doctor --json --device "$tmp/plain/x'y z"
check "doctor: what is for a shell is quoted" same "namei -l '$tmp/plain/x'\\''y z'" "$(examined node .mend)"
few() { sh -c 'ulimit -n 6; exec "$@"' sh "$@"; }
run few "$EVNOTIFY" doctor --json
check "doctor: no files to open: that is all that it says" same "1 1 files problem" \
	"$rc $(printf '%s\n' "$out" | jq -rs '"\(length) \(.[0].examined) \(.[0].state)"')"
tap_done
