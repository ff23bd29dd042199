#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The part of bench.sh that runs in the VM: results to stdout, progress to stderr.
#
#   in-vm.sh all|beside|cpus|profile
set -e
insmod evnotify.ko
insmod peer.ko
insmod evnotify-event.ko

# in a cgroup that accounts for kernel memory, as every service of systemd is
echo +memory >/sys/fs/cgroup/cgroup.subtree_control
mkdir /sys/fs/cgroup/bench
echo $$ >/sys/fs/cgroup/bench/cgroup.procs
sleep 5		# the kernel changes its clock source a second or two after boot

# worst METHOD: the longest that the interrupt and the tasklet take for 100,000 requests at once.
# The tracer sees only these functions, so that it adds little to what it measures.
worst() {
	trace=/sys/kernel/tracing
	echo evnotify_interrupt evnotify_dpc >$trace/set_ftrace_filter
	echo 16384 >$trace/buffer_size_kb
	echo function_graph >$trace/current_tracer
	./bench -m "$1" -n 100000 -o same >/dev/null
	echo 0 >$trace/tracing_on
	for f in interrupt dpc; do
		sed -n "s/.* \([0-9.]*\) us .* evnotify_$f.*/\1/p" $trace/trace | sort -n | tail -1 |
			awk -v f="$f" -v m="$1" '{ printf "worst\t%s\t100000\t%s\t%.0f\t0\t0\n", m, f, $1 * 1000 }'
	done
	echo nop >$trace/current_tracer
	echo 1 >$trace/tracing_on
}

case $1 in
all)
	./bench >/tmp/results
	./bench -i | grep irqs_off >>/tmp/results
	echo 'worst case' >&2
	worst evnotify/64 >>/tmp/results
	worst evnotify/eventfd >>/tmp/results
	cat /tmp/results
	;;
beside)
	# what the goals are about; with more requests the peers are worse
	{
		for method in evnotify/64 evnotify/1 evnotify/eventfd; do
			./bench -n 1000,100000 -m $method
		done
		for method in timerfd io_uring POSIX source; do
			./bench -n 1000 -m $method
		done
		./bench -l -m evnotify
		./bench -l -m "driver's eventfd"
		./bench -i | grep irqs_off
	} >/tmp/results
	cat /tmp/results
	;;
cpus)
	./bench -c
	;;
profile)
	set=0
	while read -r title; do
		echo "$title" >&2
		# shellcheck disable=SC2086 # the title is the options
		./bench -p $set $title >>/tmp/results
		printf 'set\t%d\t%s\n' $set "$title" >>/tmp/results
		set=$((set + 1))
	done <<-'END'
		-m evnotify/64 -n 1000 -o same
		-m evnotify/1 -n 1000 -o same
		-m evnotify/eventfd -n 1000 -o same
		-m evnotify/64 -n 1000 -o apart
		-l -m evnotify
		-m timerfd+epoll -n 1000 -o same
		-m io_uring -n 1000 -o same
		-l -m timerfd
	END
	cat /tmp/results
	printf 'KALLSYMS\t\n'
	sort /proc/kallsyms | tr ' ' '\t'
	;;
esac
