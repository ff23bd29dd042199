#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks module/evnotify.pml, the model of the engine: every interleaving of the threads of
# each configuration, then that the model notices each of a set of seeded mistakes. TAP.
#
#   model.sh            (about two minutes on two CPUs, 1 GB of memory at most)
#
# A configuration that fails leaves its error trail in build/model/NAME/trail.
# shellcheck disable=SC2317 # rows() calls functions by name
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
model=$top/module/evnotify.pml
work=${EVNOTIFY_BUILD:-$top/build}/model
limit=600	# seconds for one configuration; all are far below on an idle machine
memory=3000	# MB for one configuration

# name | what it shows | definitions
holds='
request | one request of any kind, two cancels or updates at any time, read | -DOPS=2
reuse | two requests in one record, cancel or update, read | -DNREC=1 -DSUBMITS=2 -DOPS=1
queue | two requests in one queue, batches of one, read | -DSUBMITS=2 -DOPS=0
batch | the same with batches of two | -DSUBMITS=2 -DOPS=0 -DIRQ_BATCH=2 -DBATCH=2
time | more time for overruns | -DOPS=1 -DTIME=3
wait | WAIT that signals, cancels, updates and EFAULT hit | -DSUBMITS=0 -DWAITS=1 -DOPS=2
wait-other | WAIT next to another request | -DWAITS=1 -DOPS=0
readers | two readers of one descriptor | -DREADERS=2 -DOPS=1
release | the last close of two requests at any moment | -DSUBMITS=2 -DOPS=1 -DREADERS=0 -DRELEASE -DBATCH=2
'
caught='
COMPLETE_WITHOUT_CLAIM | expired requests stay where cancel finds them | -DOPS=1
CANCEL_FREES_SIGNALLING | cancel frees a record that is being signalled | -DOPS=1
CANCEL_DOES_NOT_WAIT | cancel returns while the eventfd is being signalled | -DOPS=1
COPY_WITHOUT_LOCK | read copies a record in one step and takes it in another | -DOPS=1
DPC_DOES_NOT_WAKE | the tasklet wakes nobody | -DOPS=0
EINTR_ALTHOUGH_CLAIMED | a signal ends a WAIT that has completed | -DSUBMITS=0 -DWAITS=1 -DOPS=0
BACKLOG_WITHOUT_TIMER | the tasklet, done with a backlog, does not start the timer | -DSUBMITS=2 -DOPS=0
TOUCH_QUEUED_TIMER | the interrupt sets a timer that was started meanwhile | -DSUBMITS=2 -DOPS=0
KILL_TASKLET_FIRST | release stops the tasklet before the timer | -DOPS=0 -DREADERS=0 -DRELEASE
'

# explore NAME DEFINITION...: leaves Spin's verdict in $work/NAME/result
explore() {
	local dir=$work/$1; shift
	rm -rf "$dir"
	mkdir -p "$dir"
	cd "$dir"
	# shellcheck disable=SC2015 # all three, or the verdict is missing
	spin -a "$@" "$model" >spin.log 2>&1 &&
	cc -O2 -w -DSAFETY -DCOLLAPSE "-DMEMLIM=$memory" -o pan pan.c &&
	timeout "$limit" nice -n 5 ./pan -m200000 -w22 >result 2>&1 || true
	[[ ! -e evnotify.pml.trail ]] || spin -t -p -g "$@" "$model" >trail 2>&1 || true
	rm -f pan pan.?
}

number=0 failed=0
# verdict STATUS DESCRIPTION
verdict() {
	local result=ok
	[[ $1 = 0 ]] || { result='not ok'; failed=1; }
	number=$((number + 1))
	echo "$result $number - $2"
}

# rows TABLE FUNCTION: calls it for each row with name, text, definitions; two at a time
rows() {
	local name text definitions
	while IFS='|' read -r name text definitions; do
		[[ -z $name ]] || "$2" "${name// /}" "$text" "$definitions"
	done <<<"$1"
}
start() {
	while [[ $(jobs -rp | wc -l) -ge $(nproc) ]]; do wait -n; done
	# shellcheck disable=SC2086 # several words
	explore "$1" $3 &
}
start_mutation() { start "$1" "$2" "$3 -DMUT_$1"; }

# Complete, without error: a search that was cut short proves nothing.
report() {
	local result=$work/$1/result status=0
	grep -q 'errors: 0' "$result" 2>/dev/null && ! grep -qE 'Search not completed|max search depth' "$result" ||
		status=1
	verdict "$status" "$1:$2($(awk '/states, stored/ { print $1 }' "$result" 2>/dev/null || true) states)"
	[[ $status = 0 ]] || sed 's/^/# /' "$work/$1/spin.log" "$result" 2>/dev/null | head -40
}
report_mutation() {
	local result=$work/$1/result status=0
	grep -qE 'assertion violated|invalid end state' "$result" 2>/dev/null &&
		! grep -q 'errors: 0' "$result" || status=1
	verdict "$status" "caught:$2($(sed -n 's/^pan:[0-9]*: //p' "$result" 2>/dev/null | head -1))"
}

# Whoever renames or drops a function has to look at the model.
names_known() {
	local name status=0
	while read -r name; do
		grep -qE "\\b$name\\(" "$top"/module/*.c || { echo "# $name is in the model only"; status=1; }
	done < <(sed -nE 's/^(inline|proctype) (evnotify_[a-z_]+).*/\2/p' "$model")
	return $status
}

# Instances share nothing that can change but the counter that numbers them: then one
# instance is all that a model needs.
shared_nothing() {
	local shared
	shared=$(grep -hE '^[[:space:]]*static [^(]*(;|=.*)$|^[a-z][^(]*(;|= \{?)$' "$top"/module/{request,timer,complete,pool,file}.c |
		grep -vE '\<const\>|^(static )?(struct|enum) [a-z_]+ \{|^#|^return' || true)
	[[ $shared = 'static atomic_t evnotify_instances;' ]] || { echo "# shared: $shared"; return 1; }
}

echo TAP version 13
if ! command -v spin >/dev/null; then
	echo '1..0 # SKIP spin is not installed: apt-get install spin'
	exit 0
fi
echo 1..$(($(grep -c '|' <<<"$holds") + $(grep -c '|' <<<"$caught") + 2))
mkdir -p "$work"
status=0; names_known || status=$?
verdict "$status" 'every function of the model is one of the module'
status=0; shared_nothing || status=$?
verdict "$status" 'instances share nothing'
rows "$holds" start
rows "$caught" start_mutation
wait
rows "$holds" report
rows "$caught" report_mutation
exit $failed
