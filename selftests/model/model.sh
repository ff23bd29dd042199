#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks evnotify.pml, the model of the engine, and source.pml, that of sources: every
# interleaving of the threads of each configuration, then that the models notice each of a set
# of seeded mistakes, and that they are about the functions and the data that the module has. TAP.
#
#   model.sh            (about three minutes on two CPUs, 350 MB of memory at most)
#   model.sh short      (seconds) those of $short, and that names and data are the module's
#
# A configuration that fails leaves its error trail in build/model/NAME/trail.
# shellcheck source-path=SCRIPTDIR/../vm source=common.sh disable=SC2317 # rows() calls functions by name
. "$(dirname "$0")/../vm/common.sh"

module=$TOP/module
engine=$TOP/selftests/model/evnotify.pml
source=$TOP/selftests/model/source.pml
work=$BUILD/model
limit=3600	# seconds for one configuration: half a minute on an idle machine
memory=3000	# MB for one configuration

# name | what it shows | definitions
holds='
request | one PENDING request, two cancels or updates at any time, read | -DOPS=2 -DALLS=0 -DEVENTFDS=0
signal | one eventfd, two cancels, updates or cancels of all | -DOPS=2 -DPENDINGS=0 -DREADERS=0
deferred | the same without cancel of all, in the tasklet or by turns | -DOPS=2 -DALLS=0 -DPENDINGS=0 -DREADERS=0 -DOVER=1
park | the same with one call, and time for expirations that pass meanwhile | -DOPS=1 -DALLS=0 -DPENDINGS=0 -DREADERS=0 -DOVER=1 -DTIME=2
tick | two eventfds, batches of two that a tick ends, a cancel or update | -DSUBMITS=2 -DOPS=1 -DALLS=0 -DPENDINGS=0 -DREADERS=0 -DOVER=1 -DTICK=1 -DBATCH=2 -DIRQ_BATCH=2 -DPERIODICS=0
all | cancel of all as the barrier of a record, wake-ups by turns | -DOPS=1 -DCANCELS=0 -DUPDATES=0 -DEVENTFDS=0 -DPERIODICS=0 -DOVER=1
flush | cancel of all as the barrier of two eventfds | -DSUBMITS=2 -DOPS=1 -DCANCELS=0 -DUPDATES=0 -DPENDINGS=0 -DREADERS=0 -DPERIODICS=0
flush-turn | the same of one that may be periodic, in the tasklet or by turns | -DOPS=1 -DCANCELS=0 -DUPDATES=0 -DPENDINGS=0 -DREADERS=0 -DOVER=1
flush-tick | the same of two, with batches of two that a tick ends | -DSUBMITS=2 -DOPS=1 -DCANCELS=0 -DUPDATES=0 -DPENDINGS=0 -DREADERS=0 -DTICK=1 -DBATCH=2 -DIRQ_BATCH=2 -DPERIODICS=0
two | a cancel or cancel of all in each of two threads | -DMEDDLERS=2 -DOPS=1 -DUPDATES=0 -DPENDINGS=0 -DREADERS=0 -DPERIODICS=0
reuse | two requests of any kind in one record, cancel, read | -DNREC=1 -DSUBMITS=2 -DOPS=1 -DALLS=0 -DUPDATES=0 -DPERIODICS=0
queue | two requests in one queue, batches of one, read | -DSUBMITS=2 -DOPS=0
batch | the same with batches of two | -DSUBMITS=2 -DOPS=0 -DIRQ_BATCH=2 -DBATCH=2
time | more time for overruns of a record | -DOPS=1 -DALLS=0 -DTIME=2 -DEVENTFDS=0
wait | WAIT that is interrupted and comes again, or not; two cancels or updates; EFAULT | -DSUBMITS=0 -DWAITS=1 -DOPS=2
wait-reuse | the same with a cancel, next to a request that wants its record | -DWAITS=1 -DNREC=1 -DOPS=1 -DALLS=0 -DUPDATES=0 -DEVENTFDS=0 -DPERIODICS=0
wait-other | WAIT next to another request | -DWAITS=1 -DOPS=0 -DEVENTFDS=0 -DPERIODICS=0
readers | two readers of one descriptor, a cancel | -DREADERS=2 -DOPS=1 -DALLS=0 -DUPDATES=0 -DEVENTFDS=0
release | the last close of two requests at any moment | -DSUBMITS=2 -DOPS=0 -DREADERS=0 -DRELEASE -DBATCH=2
release-turn | the same of eventfds, in the tasklet or by turns | -DSUBMITS=2 -DOPS=0 -DREADERS=0 -DRELEASE -DOVER=1 -DPENDINGS=0
set-back | two PENDING requests, and the clock is set back once, at any moment | -DSUBMITS=2 -DOPS=0 -DEVENTFDS=0 -DSET_BACK
set-back-other | the same with one request and a cancel or update | -DOPS=1 -DALLS=0 -DSET_BACK -DPERIODICS=0
set-back-release | the same with two requests and the last close | -DSUBMITS=2 -DOPS=0 -DREADERS=0 -DRELEASE -DSET_BACK
'
caught='
COMPLETE_WITHOUT_CLAIM | expired requests stay where cancel finds them | -DOPS=1
CANCEL_FREES_SIGNALLING | cancel frees a record that is being signalled | -DOPS=1
CANCEL_DOES_NOT_WAIT | cancel returns while its eventfd is being signalled | -DOPS=1
SIGNAL_WITHOUT_LOOK | the signaller does not look whether the request is cancelled | -DOPS=1 -DPENDINGS=0 -DREADERS=0
LOOK_BEFORE_SIGNALLING | it looks before it has said whose eventfd it signals | -DOPS=1 -DPENDINGS=0 -DREADERS=0
TWO_SIGNALLERS | the tasklet signals although the work item does | -DSUBMITS=2 -DOPS=1 -DUPDATES=0 -DALLS=0 -DPENDINGS=0 -DREADERS=0 -DOVER=1
WORK_HEEDS_NO_SIGNALLER | the work item signals although a CANCEL of all does | -DSUBMITS=2 -DOPS=1 -DCANCELS=0 -DUPDATES=0 -DPENDINGS=0 -DREADERS=0 -DOVER=1 -DPERIODICS=0
TASKLET_HEEDS_NO_FLUSH | the tasklet signals although a CANCEL of all does | -DSUBMITS=2 -DOPS=1 -DCANCELS=0 -DUPDATES=0 -DPENDINGS=0 -DREADERS=0
CANCEL_ALL_WITHOUT_FLUSH | cancel of all leaves what has expired to the tasklet | -DOPS=1 -DCANCELS=0 -DUPDATES=0
FLUSH_DOES_NOT_WAIT | it does not wait for the batch of the tasklet | -DOPS=1 -DCANCELS=0 -DUPDATES=0 -DPENDINGS=0 -DREADERS=0
FLUSH_OWES | it gives one signal to a request that is owed two | -DOPS=1 -DCANCELS=0 -DUPDATES=0 -DPENDINGS=0 -DREADERS=0
PARKED_FOR_EVER | a parked request is never put back | -DOPS=0 -DPENDINGS=0 -DREADERS=0 -DOVER=1
UNPARK_WITHOUT_TIMER | it is put back without its timer | -DOPS=0 -DPENDINGS=0 -DREADERS=0 -DOVER=1
REST_IS_LOST | the rest of a batch is lost at a tick | -DSUBMITS=2 -DOPS=0 -DPENDINGS=0 -DREADERS=0 -DTICK=1 -DBATCH=2
REST_WITHOUT_TASKLET | it comes back, and nobody for it | -DSUBMITS=2 -DOPS=0 -DPENDINGS=0 -DREADERS=0 -DTICK=1 -DBATCH=2
NO_OTHER_TURN | deferred work does not ask for another turn | -DSUBMITS=2 -DOPS=0 -DPENDINGS=0 -DREADERS=0 -DOVER=1
TURN_WITHOUT_WAKE | a turn forgets the wake-ups | -DOPS=0 -DOVER=1
WAIT_ARMS_ANEW | WAIT that comes again arms anew if its request has completed | -DSUBMITS=0 -DWAITS=1 -DOPS=0
CANCEL_FREES_LEFT_WAIT | cancel frees what a WAIT has left at once | -DSUBMITS=0 -DWAITS=1 -DOPS=1
HOLDS_WHAT_IS_CANCELLED | what a WAIT has left is cancelled when expired, and held for ever | -DSUBMITS=0 -DWAITS=1 -DOPS=1
LETS_GO_OF_A_WAITER | cancel lets go of what a WAIT blocks on | -DSUBMITS=0 -DWAITS=1 -DOPS=1
LET_GO_TOLD_TWICE | what was let go is told twice | -DSUBMITS=0 -DWAITS=1 -DOPS=1
WAITER_STAYS | an interrupted WAIT leaves its waiter behind | -DSUBMITS=0 -DWAITS=1 -DOPS=0
DEATH_LEAVES_IT | death leaves the request of a WAIT | -DSUBMITS=0 -DWAITS=1 -DOPS=0
EINTR_ALTHOUGH_CLAIMED | a signal ends a WAIT that has completed | -DSUBMITS=0 -DWAITS=1 -DOPS=0
READER_WAKES_NOBODY | a reader that was woken and leaves a record wakes nobody | -DREADERS=2 -DOPS=0
COPY_WITHOUT_LOCK | read copies a record in one step and takes it in another | -DOPS=1
DPC_DOES_NOT_WAKE | the tasklet wakes nobody | -DOPS=0
TRUST_THE_TIMER | the interrupt takes it that the first request is due | -DOPS=1 -DALLS=0 -DCANCELS=0 -DEVENTFDS=0
BACKLOG_WITHOUT_TIMER | the tasklet, done with a backlog, does not start the timer | -DSUBMITS=2 -DOPS=0
TOUCH_QUEUED_TIMER | the interrupt sets a timer that was started meanwhile | -DSUBMITS=2 -DOPS=0
CLOCK_IS_NEVER_SET_BACK | the interrupt restarts the timer of a clock that can be set | -DSUBMITS=2 -DOPS=0 -DSET_BACK
BACKLOG_AT_ITS_TIME | the tasklet expires a backlog at the time of the interrupt | -DSUBMITS=2 -DOPS=0 -DSET_BACK
SIGNAL_WHEN_CLOSED | after the last close, the tasklet goes on signalling | -DOPS=0 -DREADERS=0 -DRELEASE
DROP_PENDING_ONLY | release drops the eventfds of pending requests only | -DOPS=0 -DREADERS=0 -DRELEASE
DESTROY_AMID_A_TURN | release does not wait for a turn in process context | -DOPS=0 -DREADERS=0 -DRELEASE -DOVER=1
'

# The same for source.pml
source_holds='
source-line | two requests that wait, with a timeout or without; three events, a ring of two; read | -DONCES=1 -DTIMEDS=1
source-one | one of these, a cancel, and the source goes | -DSUBMITS=1 -DONCES=1 -DTIMEDS=1 -DUNPLUG=1 -DCANCELS=1
source-repeat | the same of one that repeats | -DSUBMITS=1 -DREPEATS=1 -DUNPLUG=1 -DCANCELS=1
source-repeats | one that repeats next to another that does, or does not | -DONCES=1 -DREPEATS=1
source-gone | the same when the source goes, in steps of one | -DONCES=1 -DREPEATS=1 -DUNPLUG=1 -DEVENTS=2 -DSTEP=1
source-eventfd | an eventfd, once or for each event, a cancel, and the source goes; read | -DSUBMITS=1 -DEVENTFDS=1 -DEVENTFD_REPEATS=1 -DUNPLUG=1 -DCANCELS=1 -DEVENTS=2
source-eventfds | two of these, in steps of one | -DEVENTFDS=1 -DEVENTFD_REPEATS=1 -DUNPLUG=1 -DREADERS=0 -DSTEP=1
source-timer | one that waits next to a timer, and the source goes | -DONCES=1 -DTIMERS=1 -DUNPLUG=1 -DEVENTS=2
source-wait | WAIT that may be killed, for an event, also with a timeout, or for a timer; the source goes; read | -DSUBMITS=0 -DWAITS=1 -DONCES=1 -DTIMEDS=1 -DTIMERS=1 -DUNPLUG=1
source-readers | two readers when the source goes | -DSUBMITS=1 -DONCES=1 -DREPEATS=1 -DUNPLUG=1 -DREADERS=2 -DEVENTS=1
source-poll | a reader, and a poll that waits for HUP alone | -DSUBMITS=1 -DONCES=1 -DREPEATS=1 -DUNPLUG=1 -DPOLLERS=1 -DEVENTS=1
source-release | the last close of two requests, the source raises and goes at any moment | -DONCES=1 -DTIMEDS=1 -DREPEATS=1 -DEVENTFD_REPEATS=1 -DUNPLUG=1 -DREADERS=0 -DRELEASE -DEVENTS=2
'
source_caught='
WAIT_WITHOUT_LOOK | whoever waits does not look whether there is an event | -DSUBMITS=1 -DONCES=1
LOOK_WITHOUT_LOCK | it looks without the lock of the source | -DSUBMITS=1 -DONCES=1
AGAIN_WITHOUT_KICK | a request that waits again when its record is read leaves an event | -DSUBMITS=1 -DREPEATS=1
REPEAT_STAYS_IN_LINE | it takes another event while its record is unread | -DSUBMITS=1 -DREPEATS=1
REPEAT_STAYS_FIRST | it does not go to the end of the line | -DEVENTFD_REPEATS=1 -DREADERS=0
STEP_WITHOUT_TASKLET | the tasklet stops after a step, and does not come again | -DEVENTFD_REPEATS=1 -DREADERS=0 -DSTEP=1
OVERRUN_IS_NOT_COUNTED | an overrun of the ring is not noticed | -DSUBMITS=1 -DONCES=1
TIMEOUT_BEFORE_EVENT | a timeout that is past beats an event | -DSUBMITS=1 -DTIMEDS=1
TIMEOUT_STAYS_IN_LINE | a request that has timed out stays in line | -DSUBMITS=1 -DTIMEDS=1
UNREGISTER_TELLS_NOBODY | nobody is told that the source is gone | -DSUBMITS=1 -DONCES=1 -DUNPLUG=1
GONE_BEFORE_RING_IS_EMPTY | a file is said to be over while requests wait | -DONCES=1 -DUNPLUG=1 -DSTEP=1
GONE_BEFORE_RECORDS | the same while records are with the tasklet | -DONCES=1 -DUNPLUG=1
GONE_BEFORE_REPEATS | the same while a request waits to be read | -DSUBMITS=1 -DREPEATS=1 -DUNPLUG=1
GONE_BEFORE_READY | read() says so before it looks for records | -DSUBMITS=1 -DONCES=1 -DUNPLUG=1
GONE_WAKES_ONE | one of two readers learns that the source is gone | -DSUBMITS=1 -DONCES=1 -DUNPLUG=1 -DREADERS=2 -DEVENTS=0
CANCEL_TELLS_NO_END | nobody learns that what was cancelled was the last | -DSUBMITS=1 -DREPEATS=1 -DUNPLUG=1 -DCANCELS=1 -DEVENTS=1
DEATH_TELLS_NO_END | the same of a WAIT that was killed | -DSUBMITS=0 -DWAITS=1 -DTIMERS=1 -DUNPLUG=1 -DEVENTS=0
SIGNALS_END_UNTOLD | the same of the last signal | -DSUBMITS=1 -DEVENTFDS=1 -DUNPLUG=1
OWED_IS_DROPPED | an eventfd loses what it is owed when the source goes | -DSUBMITS=1 -DEVENTFD_REPEATS=1 -DUNPLUG=1 -DREADERS=0
DETACH_LATE | release leaves the source when the tasklet is gone | -DSUBMITS=1 -DONCES=1 -DREADERS=0 -DUNPLUG=1 -DRELEASE
'

# One request, two in a batch, WAIT, and one that waits for events of a source that goes, with all
# that can befall them, and a mistake in each of interrupt, signalling, WAIT and sources.
short='request batch wait source-timer TRUST_THE_TIMER DPC_DOES_NOT_WAKE EINTR_ALTHOUGH_CLAIMED WAIT_WITHOUT_LOOK'

# chosen TABLE: its rows that are in $short
chosen() {
	local name rest
	while IFS='|' read -r name rest; do
		[[ -z $name || " $short " != *" ${name// /} "* ]] || echo "$name|$rest"
	done <<<"$1"
}

case ${1:-} in
'') ;;
short)
	holds=$(chosen "$holds") caught=$(chosen "$caught")
	source_holds=$(chosen "$source_holds") source_caught=$(chosen "$source_caught")
	[[ $(grep -c '|' <<<"$holds"$'\n'"$caught"$'\n'"$source_holds"$'\n'"$source_caught") = $(wc -w <<<"$short") ]] ||
		die "not all are there of $short" ;;
*) die "usage: model.sh [short]" ;;
esac

# explore NAME MODEL LEVEL DEFINITION...: leaves Spin's verdict in $work/NAME/result
explore() {
	local dir=$work/$1 name=$1 model=$2 level=$3 start=$SECONDS; shift 3
	rm -rf "$dir"
	mkdir -p "$dir"
	cd "$dir"
	# shellcheck disable=SC2015 # all three, or the verdict is missing
	spin -a "$@" "$model" >spin.log 2>&1 &&
	cc "$level" -w -DSAFETY -DCOLLAPSE "-DMEMLIM=$memory" -o pan pan.c &&
	timeout "$limit" nice -n 5 ./pan -m200000 -w22 >result 2>&1 ||
		echo "the search ended with status $? (124: after $limit s)" >>result
	[[ ! -e ${model##*/}.trail ]] || spin -k "${model##*/}.trail" -p -g "$@" "$model" >trail 2>&1 || true
	rm -f pan pan.?
	say "model: $name: $(states "$name") states ($((SECONDS - start)) s)"
}

# states NAME: how many were found
states() { awk '/states, stored/ { n = $1 } END { print n ? n : "no" }' "$work/$1/result" || true; }

number=0 failed=0
# verdict STATUS DESCRIPTION
verdict() {
	local result=ok
	[[ $1 = 0 ]] || { result='not ok'; failed=1; }
	number=$((number + 1))
	echo "$result $number - $2"
}

# rows TABLE FUNCTION [MODEL]: calls it for each row with name, text, definitions, and the model
rows() {
	local name text definitions
	while IFS='|' read -r name text definitions; do
		[[ -z $name ]] || "$2" "${name// /}" "$text" "$definitions" "${3:-}"
	done <<<"$1"
}
# As many at a time as there are CPUs
start() {
	while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do wait -n; done
	# shellcheck disable=SC2086 # several words
	explore "$1" "$4" "${5:--O1}" $3 &
}
# Found within seconds: the compiler would take longer.
start_mutation() { start "$1" "$2" "$3 -DMUT_$1" "$4" -O0; }

# Complete, without error: a search that was cut short proves nothing.
report() {
	local result=$work/$1/result status=0
	grep -q 'errors: 0' "$result" 2>/dev/null && ! grep -qE 'Search not completed|max search depth' "$result" ||
		status=1
	verdict "$status" "$1:$2($(states "$1") states)"
	[[ $status = 0 ]] || sed 's/^/# /' "$work/$1/spin.log" "$result" || true
}
report_mutation() {
	local result=$work/$1/result status=0
	grep -qE 'assertion violated|invalid end state' "$result" 2>/dev/null &&
		! grep -q 'errors: 0' "$result" || status=1
	verdict "$status" "caught:$2($(sed -n 's/^pan:[0-9]*: //p' "$result" 2>/dev/null | head -1))"
}

# outline FILE...: the functions and the objects of C files, as "function NAME" and "object
# DECLARATION", one a line. An object is whatever is static or outside of functions, and not
# known to be anything else. What the kernel makes of MODULE_*(), module_*() and EXPORT_*() is
# not ours.
outline() {
	perl -0777 -ne '
		s{"(?:\\.|[^"\\])*"|/\*.*?\*/|//[^\n]*}{}gs;
		s/^\s*#(?:\\\n|.)*//gm;
		s/\b__(acquires|releases)\([^()]*\)//g;
		s/\)\s*(\{(?:[^{}]++|(?1))*\})/$body = $1; join ";", "){}", $body =~ m(\bstatic\b[^;]*)g, ""/ge;
		s/(\{(?:[^{}]++|(?1))*\})/{}/g;
		s/\s+/ /g;
		for (split / ?; ?/) {
			s/^ //;
			s/ =.*//;
			if (/^[a-z0-9_* ]+?(\w+)(\((?:[^()]++|(?2))*\))\{\}$/) { print "function $1\n" }
			elsif (/^(struct|enum) \w+( \{\})?$/) { }
			elsif (/^(?!static )[a-z0-9_* ]+[ *]\w+(\((?:[^()]++|(?1))*\))$/) { }
			elsif (/^(extern |static_assert\(|(MODULE|module|EXPORT)_\w+\()/) { }
			elsif (/\S/) { print "object $_\n" }
		}' "$@"
}
functions() { outline "$@" | sed -n 's/^function //p' | sort -u; }
objects() { outline "$@" | sed -n 's/^object //p'; }

# Whoever adds, renames or drops a function has to look at the models. (raised_show(): sysfs has
# chosen its name.)
names_known() {
	local named gone missed
	named=$(grep -ohE '\<evnotify_[a-z0-9_]+\(' "$engine" "$source" | tr -d '(' | sort -u)
	gone=$(comm -23 <(echo "$named") <(functions "$module"/*.c "$module"/{evnotify,queue}.h))
	missed=$(comm -13 <(echo "$named") <(
		{ functions "$module"/{instance,request,queue,timer,complete,source,listen,wait,signal,pool}.c "$module"/queue.h
		  functions "$module"/read.c | grep -E '^evnotify_(do_read|take_ready|take_batch|sleep)$'
		  functions "$module"/user.c | grep -E '^evnotify_user_(work|queue|dequeue)$'; } | grep -v '^raised_show$' | sort))
	[[ -z $gone ]] || echo "# in the models only: ${gone//$'\n'/ }"
	[[ -z $missed ]] || echo "# not in the models: ${missed//$'\n'/ }"
	[[ -z $gone$missed ]]
}

# Of what instances share, nothing changes how a request goes on: then one instance is all that
# a model needs. Whatever is shared stands here, and why it does no harm:
#  - the device, its functions, the numbers of the clocks: constant, and there before them;
#  - the parameters: only the administrator writes them; a call reads each once, for a check;
#  - the counter that numbers instances: a name in the trace;
#  - the users and the lock of their table: open, release and a pool that grows take and give
#    back places there; a refusal is a call that has changed nothing;
#  - the workqueue, and a user's turns: the model lets a turn begin at any time after it was
#    asked for, so that others may hold it up; it is asked for under the lock of the instance;
#  - the budget of a CPU: the model takes it for used up, or not, at each run of the tasklet;
#  - the sources, their names and numbers, the lock of their list, and what sysfs shows of them:
#    register, unregister and open look there. In a source, a file changes nothing but the list
#    and the number of those that have it open, when it is opened and closed.
# (trace.h: what it makes is the kernel's. sim.c: a driver, and a module of its own.)
shared='const struct file_operations evnotify_fops
static atomic_t evnotify_instances
unsigned int evnotify_max_requests
unsigned int evnotify_min_period_ns
unsigned int evnotify_max_user_instances
unsigned int evnotify_max_user_requests
EVNOTIFY_PARAM(max_requests, EVNOTIFY_MAX_REQUESTS)
EVNOTIFY_PARAM(min_period_ns, NSEC_PER_SEC)
EVNOTIFY_PARAM(max_user_instances, EVNOTIFY_MAX_INSTANCES)
EVNOTIFY_PARAM(max_user_requests, EVNOTIFY_MAX_USER_REQUESTS)
static struct miscdevice evnotify_device
struct workqueue_struct *evnotify_workqueue
static DEFINE_PER_CPU(struct evnotify_budget, evnotify_budget)
DEFINE_PER_CPU(u8, evnotify_unmeasured)
static dev_t evnotify_devt
static DEFINE_IDA(evnotify_minors)
static LIST_HEAD(evnotify_sources)
static DEFINE_MUTEX(evnotify_sources_mutex)
static const struct evnotify_source_ops evnotify_no_ops
static DEVICE_ATTR_RO(raised)
static struct attribute *evnotify_source_attrs[]
ATTRIBUTE_GROUPS(evnotify_source)
static struct class evnotify_class
static const clockid_t evnotify_clockids[EVNOTIFY_NR_CLOCKS]
static DEFINE_HASHTABLE(evnotify_users, 6)
static DEFINE_MUTEX(evnotify_user_lock)
DECLARE_PER_CPU(u8, evnotify_unmeasured)'
shared_nothing() {
	local -a files
	mapfile -t files < <(find "$module" -maxdepth 1 -name '*.c' ! -name sim.c | sort)
	diff <(echo "$shared") <(objects "${files[@]}" "$module"/{evnotify,queue,compat}.h) | sed 's/^/# /'
}

# The model has one queue: whoever has a record takes the queue that the record names. Not
# that of its clock: a relative request is in the queue of CLOCK_MONOTONIC.
own_queue() { ! grep -n 'queues\[req->' "$@" | grep -v 'queues\[req->queue\]' | sed 's/^/# /' | grep .; }
seeded_queue() {
	sed '/^evnotify_cancel_pending/,/^}/s/req->queue/req->clock/' "$module/complete.c" >"$work/seeded.c"
	! own_queue "$work/seeded.c" >/dev/null
}

# The same of something shared: each of these has to be seen.
seeds='static DEFINE_SPINLOCK(seeded);
DEFINE_MUTEX(seeded);
static DEFINE_PER_CPU(int, seeded);
static LIST_HEAD(seeded);
static int seeded;
int seeded[2] = { 1, 2 };
static void (*seeded)(int);
static const char *seeded;
static struct seeded { int x; } seeded;
void f(void) { static int seeded; }
int f(int x) { if (x) { static DEFINE_MUTEX(seeded); } return x; }'
seeds_seen() {
	local seed status=0
	while read -r seed; do
		{ cat "$module/complete.c"; echo "$seed"; } >"$work/seeded.c"
		objects "$work/seeded.c" | grep -q seeded || { echo "# not seen: $seed"; status=1; }
	done <<<"$seeds"
	return $status
}

echo TAP version 13
if ! command -v spin >/dev/null; then
	echo '1..0 # SKIP spin is not installed: apt-get install spin'
	exit 0
fi
echo 1..$(($(grep -c '|' <<<"$holds"$'\n'"$caught"$'\n'"$source_holds"$'\n'"$source_caught") + 5))
mkdir -p "$work"
status=0; names_known || status=$?
verdict "$status" 'the models name every function of the engine, and no other'
status=0; shared_nothing || status=$?
verdict "$status" 'instances share nothing'
status=0; seeds_seen || status=$?
verdict "$status" 'caught: instances that share a lock, a list or any other object'
status=0; own_queue "$module"/*.c || status=$?
verdict "$status" 'each record is looked for in the queue that it names'
status=0; seeded_queue || status=$?
verdict "$status" 'caught: a record that is taken out of the queue of its clock'
rows "$holds" start "$engine"
rows "$source_holds" start "$source"
rows "$caught" start_mutation "$engine"
rows "$source_caught" start_mutation "$source"
wait
rows "$holds"$'\n'"$source_holds" report
rows "$caught"$'\n'"$source_caught" report_mutation
exit $failed
