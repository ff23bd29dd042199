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
		'(-q --quiet)'{-q,--quiet}'[say nothing but what has failed]'
	;;
info)
	shift words
	((CURRENT--))
	_arguments -s $common $json $device
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
		'(-P --pid)'{-P+,--pid=}'[only this process]:process:_pids'
	;;
help)
	shift words
	((CURRENT--))
	_arguments '1:command:(watch info trace doctor)'
	;;
*)
	_arguments -s $common $device \
		'(-n --count)'{-n+,--count=}'[rounds]:number:' \
		'--module=[module to load]:file:_files -g "*.ko*"' \
		'1:delay or command:(watch info trace doctor help)' \
		'2:0 pending, 1 eventfd:(0 1)'
	;;
esac
