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
	run evnotify 0.05 "$1" </dev/null
	echo 0 >$tracing/events/evnotify/enable
	run evnotify trace --file $tracing/trace
	grep -q 'evnotify_release:.* armed=1 completed=1 cancelled=0 pending=0' $tracing/trace
}

title 'The module goes in, the device appears'
run insmod evnotify.ko
run ls -l /dev/evnotify
run evnotify info

title 'Mode pending (0): the request itself is held back, and completes with its event'
run evnotify 0.2 0 </dev/null

title 'Mode eventfd (1): an eventfd of the program is signalled'
run evnotify 0.2 1 </dev/null

title 'Several requests at once, periodic: every event with its timestamps'
run evnotify watch --requests 2 --after 20ms --period 20ms --count 2

title 'An epoll loop over hundreds of requests on one file descriptor'
run examples/epoll 400

title 'Cancel, update, close'
run examples/change

title 'The life of a request in mode pending, from the tracepoints'
traced 0

title 'The life of a request in mode eventfd, from the tracepoints'
traced 1

title 'The module goes out'
run rmmod evnotify
