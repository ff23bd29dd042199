#compdef evnotify
# SPDX-License-Identifier: GPL-2.0-only
#
# Completion of evnotify(1) for zsh.

local -a common json device
common=('(- *)'{-h,--help}'[show help]' '(- *)'{-v,-V,--version}'[show the version]')
json=('(-j --json)'{-j,--json}'[print JSON]')
device=('(-d --device)'{-d+,--device=}'[device node]:device:_files')

case $words[2] in
watch)
	shift words
	((CURRENT--))
	_arguments -s $common $json $device \
		'(-m --mode)'{-m+,--mode=}'[how to be notified]:mode:(pending wait eventfd)' \
		'(-a --after -A --at)'{-a+,--after=}'[due so long from now]:time:' \
		'(-a --after -A --at)'{-A+,--at=}'[due at this time]:time:' \
		'(-s --step)'{-s+,--step=}'[each further request is due so much later]:time:' \
		'(-c --clock)'{-c+,--clock=}'[clock of the times]:clock:(monotonic boottime realtime tai)' \
		'(-p --period)'{-p+,--period=}'[expire again and again]:time:' \
		'(-n --count)'{-n+,--count=}'[expirations of each request]:number:' \
		'(-r --requests)'{-r+,--requests=}'[requests to arm at once]:number:' \
		'(-e --events)'{-e+,--events=}'[end after so many events]:number:' \
		'(-f --for)'{-f+,--for=}'[end after so long]:time:' \
		'(-q --quiet)--hist[percentiles and a histogram at the end]' \
		'(-q --quiet --hist)'{-q,--quiet}'[say nothing but what has failed]'
	;;
info)
	shift words
	((CURRENT--))
	_arguments -s $common $json $device
	;;
list)
	shift words
	((CURRENT--))
	_arguments -s $common $json
	;;
sim)
	shift words
	((CURRENT--))
	_arguments -s -A '-*' $common $device \
		'--every=[a burst of events every so often]:time:' \
		'--burst=[so many events at once]:number:' \
		'--jitter=[each burst comes up to so much earlier or later]:time:' \
		'--late=[so many of the bursts come so late]:time\:percent:' \
		'--drop=[so many of the events do not come]:percent:' \
		'--duplicate=[so many of the events come twice]:percent:' \
		'--data=[what an event carries]:data:(count random)' \
		'--seed=[makes another list of that kind]:number:' \
		'(-e --events)'{-e+,--events=}'[end after so many events]:number:' \
		'(-f --for)'{-f+,--for=}'[end after so long]:time:' \
		'--replay=[raise what a file has]:file:_files' \
		'--print[print the list, play nothing]' \
		'*::command:_normal'
	;;
record)
	shift words
	((CURRENT--))
	_arguments -s $common \
		'(-e --events)'{-e+,--events=}'[end after so many events]:number:' \
		'(-f --for)'{-f+,--for=}'[end after so long]:time:' \
		'1:device of a source:_files -g "/dev/evnotify-*"'
	;;
doctor)
	shift words
	((CURRENT--))
	_arguments -s $common $json $device
	;;
trace)
	shift words
	((CURRENT--))
	_arguments -s $common $json \
		'(-f --file)'{-f+,--file=}'[trace that was kept]:file:_files' \
		'--summary[percentiles and histograms at the end]' \
		'(-P --pid)'{-P+,--pid=}'[only this process]:process:_pids'
	;;
latency)
	shift words
	((CURRENT--))
	_arguments -s $common $json $device \
		'--path=[measure these]:paths:(all wait read epoll epoll-et eventfd eventfd-epoll sigio uring-read uring-multishot source-wait source-read source-epoll source-epoll-et source-eventfd source-eventfd-epoll source-sigio source-uring-read source-uring-multishot timerfd nanosleep eventfd-thread uring-timeout)' \
		'--source=[measure its events, too]:node of a source:_files -g "/dev/evnotify-*"' \
		'(-p --period)'{-p+,--period=}'[from one due time to the next]:time:' \
		'--jitter=[each due time is up to so much later]:time:' \
		'(-n --samples)'{-n+,--samples=}'[of each path]:number:' \
		'--duration=[end after so long]:time:' \
		'--seed=[another order, jitter and load]:number:' \
		'--cpu=[measure on this CPU]:number:' \
		'--prio=[with this real-time priority]:number:' \
		'--load=[what else is going on]:load:(cpu timers\: stall\:)' \
		'*--max-p99=[limit of a path]:path=time:' \
		'--plot=[draw a picture]:file:_files' \
		'--raw=[write each sample]:file:_files'
	;;
help)
	shift words
	((CURRENT--))
	_arguments '1:command:(watch info list sim record trace latency doctor)'
	;;
*)
	_arguments -s $common $device \
		'(-n --count)'{-n+,--count=}'[rounds]:number:' \
		'--module=[module to load]:file:_files -g "*.ko*"' \
		'1:delay or command:(watch info list sim record trace latency doctor help)' \
		'2:0 pending, 1 eventfd:(0 1)'
	;;
esac
