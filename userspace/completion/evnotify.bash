# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Completion of evnotify(1) for bash.

_evnotify() {
	local cur=${COMP_WORDS[COMP_CWORD]}
	local prev=${COMP_WORDS[COMP_CWORD - 1]}
	local common='--help --version'
	local words=''

	COMPREPLY=()
	# "--mode=pending" comes as three words
	if [[ $cur = = ]]; then
		cur=''
	elif [[ $prev = = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	# what -f takes depends on the command
	[[ $prev != -f || ${COMP_WORDS[1]} = trace ]] || prev=--for
	case $prev in
	-m | --mode) words='pending wait eventfd' ;;
	-c | --clock) words='monotonic boottime realtime tai' ;;
	-d | --device | -f | --file | --module | --replay | --plot | --raw)
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		compopt -o filenames
		return
		;;
	--data) words='count random' ;;
	--path) words='all wait read epoll epoll-et eventfd eventfd-epoll sigio uring-read uring-multishot
		source-wait source-read source-epoll source-epoll-et source-eventfd source-eventfd-epoll
		source-sigio source-uring-read source-uring-multishot timerfd nanosleep eventfd-thread
		uring-timeout' ;;
	--source) words=$(compgen -G '/dev/evnotify-*') ;;
	--load) words='cpu timers: stall:' ;;
	-P | --pid) words=$(cd /proc && echo [0-9]*) ;;
	-a | --after | -A | --at | -s | --step | -p | --period | -n | --count | -r | --requests | \
		-e | --events | --for | --every | --burst | --jitter | --late | --drop | --duplicate | \
		--seed | --samples | --duration | --cpu | --prio | --max-p99) return ;;
	*)
		case $COMP_CWORD:${COMP_WORDS[1]} in
		1:*) words="$common --count --device --module watch info list sim record trace latency doctor help" ;;
		2:help) words='watch info list sim record trace latency doctor' ;;
		*:help) ;;
		*:watch) words="$common --mode --after --at --step --clock --period --count --requests --events --for --hist --quiet --json --device" ;;
		*:info | *:doctor) words="$common --json --device" ;;
		*:list) words="$common --json" ;;
		*:sim) words="$common --every --burst --jitter --late --drop --duplicate --data --seed --events --for --replay --print --device" ;;
		*:record) words="$common --events --for $(compgen -G '/dev/evnotify-*')" ;;
		*:trace) words="$common --file --pid --summary --json" ;;
		*:latency) words="$common --path --source --period --jitter --samples --duration --seed --cpu --prio --load --max-p99 --plot --raw --json --device" ;;
		*) words="$common --count --device --module 0 1" ;;
		esac
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}
complete -F _evnotify evnotify
