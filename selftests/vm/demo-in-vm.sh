#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What "make demo" shows, inside the VM. Every step must succeed.
set -e
tracing=/sys/kernel/tracing

title() { printf '\n=== %s\n' "$*"; }
run() { echo "# $*"; "$@"; }

# traced MODE: one request of this mode, and what the kernel did for it
traced() {
	echo mono >$tracing/trace_clock		# empties it
	echo 1 >$tracing/events/evnotify/enable
	run evnotify 0.2 "$1" </dev/null
	echo 0 >$tracing/events/evnotify/enable
	run evnotify trace --file $tracing/trace
	grep -q 'evnotify_release:.* armed=1 completed=1 cancelled=0 pending=0' $tracing/trace
}

title 'The module goes in, and the WDK sample ported literally; each makes its device'
run insmod evnotify.ko
run insmod evnotify-event.ko
run ls -l /dev/evnotify /dev/evnotify-event

title 'The literal port: the test program of "make test" is told in each way, once'
run ./event /dev/evnotify-event

title 'The engine, which the port became, is the same to that program'
run ./event
run rmmod evnotify_event
run evnotify info

title 'Mode pending (0): the request is held back and completes with its event; then its life, step by step'
traced 0

title 'Mode eventfd (1): an eventfd of the program is signalled, by the same steps'
traced 1

title 'Several periodic requests: each event has the times at which it was due, expired and completed'
run evnotify watch --requests 2 --after 20ms --period 20ms --count 2

title 'An epoll loop: hundreds of requests on one descriptor, none lost, doubled or early'
run examples/epoll 400

title 'Cancel, update, close: each has one definite outcome'
run examples/change

title 'The module goes out: nothing is left'
run rmmod evnotify
