#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source-path=SCRIPTDIR
#
# evnotify latency without a device: usage, and all that it does on the paths that need no
# module. EVNOTIFY is the command, TTY gives a terminal to a command (tty.c).
set -u
: "${EVNOTIFY:?}" "${TTY:?}"
cd "$(dirname "$0")" || exit 1
. ./tap.sh

usage() {
	args=$1
	# shellcheck disable=SC2086
	check "usage: evnotify latency $1" fails 2 "$2" "$EVNOTIFY" latency $args
}
usage "more" "takes options only, not 'more'"
usage "--nonsense" "help latency"
usage "--path x" "--path: 'x' is no path"
usage "--path ," "--path: names no path"
usage "--path source-read" "a path of a source needs --source"
usage "--path source-eventfd --source /dev/evnotify-lamp0" "an eventfd does not say when it was raised"
usage "--period 9us" "--period: '9us' is too short: 10us at least"
usage "--period 2h" "--period: '2h' is too long: 1h at most"
usage "--period 1x" "--period: '1x' is not a time"
usage "-p 1x" "--period: '1x' is not a time"
usage "--jitter 1ms" "--jitter has to be less than the period"
usage "--samples 0" "--samples: '0' must be at least 1"
usage "-n 4294967296" "--samples: '4294967296' is too large"
usage "--duration 0" "--duration: '0' is too short: more than 0"
usage "--seed 0" "--seed: '0' must be at least 1"
usage "--cpu x" "--cpu: 'x' is not the number of a CPU"
usage "--cpu 1023" "--cpu: '1023' is no CPU that this process may use"
usage "--prio 0" "--prio: '0' must be at least 1"
usage "--prio 100" "--prio: '100' is too large"
usage "--load x" "--load: 'x' is none of cpu, timers:N, stall:TIME"
usage "--load timers:0" "--load: 'timers:0' must be at least 1"
usage "--load stall:1s" "--load: 'stall:1s' is no stall of more than 0 and at most 500ms"
usage "--load stall:1ms" "--load stall needs --cpu"
usage "--path timerfd --max-p99 timerfd" "--max-p99: 'timerfd' is no PATH=TIME (like wait=50us)"
usage "--path timerfd --max-p99 timerfd=x" "--max-p99: 'x' is not a time"
usage "--path timerfd --max-p99 wait=1s" "--max-p99: 'wait' is not measured"
usage "--path timerfd --max-p99 x=1s" "--max-p99: 'x' is not measured"

latency() { "$EVNOTIFY" latency "$@"; }
check "no device" fails 3 "cannot open $tmp/none: No such file" latency --path read,timerfd --device "$tmp/none"
check "that leads to the doctor" grep -q "hint: 'evnotify doctor --device $tmp/none' says" "$tmp/err"
check "no source" fails 3 "cannot open $tmp/none: No such file" latency --path source-read --source "$tmp/none"
check "nor does a load of timers go without a device" fails 3 "No such file" \
	latency --path timerfd --load timers:5 --device "$tmp/none"

# The document, its samples, and both against each other.
run latency --path timerfd,nanosleep,eventfd-thread --period 200us --jitter 100us -n 250 \
	--json --raw "$tmp/raw" --seed 7
cp "$tmp/out" "$tmp/json"
check "three paths are measured" same "0  750" "$rc $err $(wc -l <"$tmp/raw" | tr -d ' ')"
check "the document says of them what the samples say" same "" "$(awk -f latency.awk "$tmp/raw" "$tmp/json")"
is() {
	check "the document: $1" same "$2" "$(jq -c "$1" "$tmp/json" 2>&1)"
}
if command -v jq >/dev/null; then
	is keys '["command","duration_ns","environment","paths","schema","settings","start","thresholds","version"]'
	is '[.schema, .version]' "[\"evnotify-latency/1\",\"$(cat ../../module/VERSION)\"]"
	is .command "[\"evnotify\",\"latency\",\"--path\",\"timerfd,nanosleep,eventfd-thread\",\"--period\",\"200us\",\"--jitter\",\"100us\",\"-n\",\"250\",\"--json\",\"--raw\",\"$tmp/raw\",\"--seed\",\"7\"]"
	is '.environment | keys' '["checked_build","clocksource","command_line","cpu_model","cpus","deepest_idle","governor","idle_driver","isolated_cpus","kernel","mitigations","module_version","nohz_full_cpus","preemption","virtualisation"]'
	is .environment.kernel "\"$(uname -r)\""
	is '.environment.mitigations | type' '"object"'
	is '.settings | del(.clock_call_ns)' '{"device":"/dev/evnotify","source":null,"period_ns":200000,"jitter_ns":100000,"samples":250,"seed":7,"cpu":null,"prio":0,"load":null}'
	is '[.paths[] | [.name, .kind, .early, .stages, .total.samples]]' \
		'[["timerfd","baseline",0,null,250],["nanosleep","baseline",0,null,250],["eventfd-thread","baseline",0,null,250]]'
	is '[.paths[] | keys] | unique' '[["early","kind","missed","name","stages","total","worst"]]'
	is '[.paths[].total | keys] | unique' \
		'[["histogram","max_ns","min_ns","p50_ns","p90_ns","p99_9_ns","p99_ns","samples","sum_ns"]]'
	is '[.paths[] | .total.max_ns == .worst.seen_ns - .worst.due_ns] | unique' '[true]'
	is '.start | fromdate > 0' true
	is .thresholds '[]'
else
	skip "the document" "there is no jq"
fi
missed() { awk -F '\t' '$5 - $2 >= 200000' "$tmp/raw" | wc -l | tr -d ' '; }
check "samples that came after the next due time are counted" \
	same "$(missed)" "$(sed -n 's/.*"missed":\([0-9]*\).*/\1/p' "$tmp/json" | awk '{ sum += $1 } END { print sum }')"

# Turns, and due times: the seed makes them.
# due FILE: how long after the first of its block of 100 each is due; turns FILE: the paths in their order
due() { awk -F '\t' 'n[$1]++ % 100 == 0 { first = $2 } { print $2 - first }' "$1"; }
turns() { cut -f 1 "$1" | uniq; }
for seed in 7 8; do
	latency --path timerfd,nanosleep,eventfd-thread --period 200us --jitter 100us -n 250 \
		--raw "$tmp/raw$seed" --seed $seed >/dev/null
done
check "the same seed, the same turns" same "$(turns "$tmp/raw")" "$(turns "$tmp/raw7")"
check "and the same jitter" same "$(due "$tmp/raw" | md5sum)" "$(due "$tmp/raw7" | md5sum)"
check "another seed, other turns" test "$(turns "$tmp/raw")" != "$(turns "$tmp/raw8")"
check "and another jitter" test "$(due "$tmp/raw" | md5sum)" != "$(due "$tmp/raw8" | md5sum)"
latency --path timerfd --period 1ms -n 80 --raw "$tmp/raw" >/dev/null
check "without jitter the due times are a period apart, whatever was late" same 1000000 \
	"$(awk -F '\t' 'NR > 1 { print $2 - last } { last = $2 }' "$tmp/raw" | sort -u)"

# Limits. None is so tight or so wide that a busy machine could change it.
run latency --path timerfd,nanosleep -n 20 --max-p99 timerfd=1h --json
check "a limit that is kept" same "0 " "$rc $err"
check "is in the document" grep -q '^{"path":"timerfd","percentile":"p99","limit_ns":3600000000000,"value_ns":[0-9]*,"verdict":"pass"}]}$' "$tmp/out"
run latency --path timerfd,nanosleep -n 20 --max-p99 timerfd=1h --max-p99 nanosleep=1ns --json
check "a limit that is missed: status 7" same 7 "$rc"
check "that is said" grep -qx 'evnotify: nanosleep: the 99th percentile is .*s, more than 1ns (--max-p99)' "$tmp/err"
check "and of no other path" same 1 "$(wc -l <"$tmp/err")"
check "and is in the document" grep -q '^{"path":"nanosleep",.*"verdict":"fail"}]}$' "$tmp/out"

# The end.
check "it ends after a while" fails 0 "" latency --path timerfd -n 1000000 --duration .3
check "a path without samples keeps no limit" fails 7 "timerfd: there is no sample for --max-p99 3600s" \
	latency --path timerfd --period 1m --duration 10ms --max-p99 timerfd=1h
check "no such directory" fails 1 "cannot write $tmp/none/raw: No such file" \
	latency --path timerfd -n 5 --raw "$tmp/none/raw"
full() { latency --path timerfd -n 5 >/dev/full; }
check "a full disk" fails 1 "cannot write the output: No space left" full
interrupted() {
	"$EVNOTIFY" latency --path timerfd,nanosleep -n 1000000 --json >"$tmp/json" &
	pid=$!
	until find "/proc/$pid/fd" -lname '*signalfd*' 2>/dev/null | grep -q .; do :; done
	kill -TERM $pid
	wait $pid
	same "143 1" "$? $(grep -c '"schema":"evnotify-latency/1"' "$tmp/json")"
}
check "SIGTERM ends it as that signal, and it reports" interrupted

# Text.
run latency --path timerfd,nanosleep -n 20
check "the table has a line for each path" same "PATH timerfd nanosleep" \
	"$(printf '%s\n' "$out" | awk '{ print $1 }' | paste -sd ' ')"
check "and no control characters" same 0 "$(printf '%s\n' "$out" | grep -c "$(printf '\033')")"
if "$TTY" ended=0 -- true >"$tmp/out" 2>&1; then
	run "$TTY" taken idle type ended=0 given -- "$EVNOTIFY" latency --path timerfd -n 1000000
	check "on a terminal the table is drawn while it is measured, and a key ends it" \
		test "$(printf '%s\n' "$out" | grep -c ^timerfd)" -gt 1
else
	skip "the live table" "there is no terminal to be had"
fi

# The picture: by a gnuplot that keeps what it is told, and by the real one.
mkdir "$tmp/bin"
# shellcheck disable=SC2016 # expands there
printf '%s\n' '#!/bin/sh' 'cat >"$PLOTTED"' >"$tmp/bin/gnuplot"
chmod +x "$tmp/bin/gnuplot"
plot() { env PLOTTED="$tmp/plotted" PATH="$tmp/bin:$PATH" "$EVNOTIFY" latency --path timerfd,nanosleep -n 40 --plot "$1"; }
run plot "$tmp/it's.svg"
check "gnuplot is told what to draw" same "0  1" "$rc $err $(grep -c "^set output '$tmp/it''s.svg'\$" "$tmp/plotted")"
# shellcheck disable=SC2016 # of gnuplot
check "a curve for each path, and its stages" same "2 2" \
	"$(grep -c '^\$curve' "$tmp/plotted") $(sed -n '/^\$bars/,/^EOD/p' "$tmp/plotted" | grep -c '^"')"
printf '%s\n' '#!/bin/sh' 'cat >/dev/null; exit 3' >"$tmp/bin/gnuplot"
check "gnuplot fails" fails 1 "gnuplot has not made $tmp/x.svg" plot "$tmp/x.svg"
without() { env PATH="$tmp/none" "$EVNOTIFY" latency --path timerfd -n 1000000 --plot "$tmp/x.svg"; }
check "no gnuplot, which is said at once" fails 1 "cannot run gnuplot, which --plot needs: No such file" without
check "no such directory for the picture" fails 1 "cannot write $tmp/none/x.svg" latency --plot "$tmp/none/x.svg" --path timerfd
if command -v gnuplot >/dev/null; then
	run latency --path timerfd,nanosleep -n 40 --plot "$tmp/x.svg"
	check "gnuplot draws it" same "0  1" "$rc $err $(grep -c '</svg>' "$tmp/x.svg")"
else
	skip "gnuplot draws it" "there is none"
fi
tap_done
