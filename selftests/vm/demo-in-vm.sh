#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# What "make demo" shows, inside the VM. Every step must succeed.
set -e
tracing=/sys/kernel/tracing

title() { printf '\n=== %s\n' "$*"; }
exec 3>&1
run() { echo "# $*" >&3; "$@"; }

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

title 'A driver raises events: the interrupt of a PCI device completes a request, which gets its answer, 5! = 0x78'
run insmod evnotify-edu.ko
run evnotify watch --device /dev/evnotify-edu0 --events 1 2>armed &
until grep -qs armed armed; do sleep 0.1; done
run sh -c "echo 5 >$(echo /sys/bus/pci/drivers/evnotify-edu/*/factorial)"
wait $!
run rmmod evnotify_edu

title 'A test raises events, without hardware: a burst every 20 ms, with jitter; what came is recorded'
run insmod evnotify-sim.ko
run evnotify sim --every 20ms --burst 3 --jitter 5ms --seed 7 --events 6 -- evnotify record '{}' >steps
run cat steps

title 'What was recorded, again: each event once, with the same data, and then the device goes'
run evnotify sim --replay steps -- evnotify watch --device '{}'
run rmmod evnotify_sim

title 'The module goes out: nothing is left'
run rmmod evnotify
