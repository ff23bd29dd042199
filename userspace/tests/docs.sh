#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source-path=SCRIPTDIR/..
#
# What is in the code is in its page, and the other way round. EVNOTIFY is the command.
: "${EVNOTIFY:?}"
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/tap.sh

module=../module
uapi=$module/include/uapi/linux/evnotify.h
sim_uapi=$module/include/uapi/linux/evnotify_sim.h
device=man/evnotify.4
sim=man/evnotify-sim.4
command=man/evnotify.1

# agree WHAT CODE PAGE: both name the same things, and there are some.
agree() {
	sort -u "$2" -o "$2"
	sort -u "$3" -o "$3"
	check "$1: there are some" test -s "$2"
	check "$1: code (<) and page (>) agree" diff "$2" "$3"
}

# section FILE HEADING: the lines of a .Sh or .Ss, up to the next one.
section() {
	awk -v heading="$2" '
		/^\.S[hs] / { on = substr($0, 5) == heading; next }
		on' "$1"
}

# The device: macros; modes, flags and ioctls have entries of their own.
sed -n 's/^#define[ \t]*\(EVNOTIFY_[A-Z0-9_]*\).*/\1/p' "$uapi" >"$tmp/macros"
cp "$tmp/macros" "$tmp/code"
grep -o 'EVNOTIFY_[A-Z0-9_]*' "$device" >"$tmp/page"
agree "macros of the ABI" "$tmp/code" "$tmp/page"
grep '^EVNOTIFY_MODE_' "$tmp/macros" >"$tmp/code"
section "$device" Modes | sed -n 's/^\.It Dv //p' >"$tmp/page"
agree "modes of the ABI" "$tmp/code" "$tmp/page"
grep -Ev '^EVNOTIFY_(ABI_VERSION|MODE_|FEATURE_|IOC_)' "$tmp/macros" >"$tmp/code"
section "$device" Flags | sed -n 's/^\.It Dv //p' >"$tmp/page"
agree "flags of the ABI" "$tmp/code" "$tmp/page"
sed -n '/^#define EVNOTIFY_IOC_.*\\$/N
	s/^#define \([A-Z0-9_]*\)[ \t\\\n]*_IO[RW]*(.*, \(struct [a-z_]*\))$/\1 \2/p' "$uapi" >"$tmp/code"
section "$device" IOCTLS | sed -n 's/^\.It Dv \([A-Z0-9_]*\) Fa \(.*\) \*$/\1 \2/p' >"$tmp/page"
agree "ioctls and their structures" "$tmp/code" "$tmp/page"

# Clocks.
sed -n 's/^\tcase \(CLOCK_[A-Z0-9_]*\):$/\1/p' $module/request.c >"$tmp/code"
section "$device" "struct evnotify_request" |
	sed -n '/^\.It .* Va clockid$/,/^\.It .* Va eventfd$/s/^\.Dv \([A-Z0-9_]*\).*/\1/p' |
	grep -v '^EVNOTIFY_' >"$tmp/page"
agree "clocks of the ABI" "$tmp/code" "$tmp/page"

# Fields, with their type and structure; reserved ones and padding apart.
# fields HEADER PAGE
fields() {
	sed 's/__aligned_u64/__u64/' "$1" | awk '
		/^struct .* \{/ { name = $2 }
		/^\};/ { name = "" }
		name && /;$/ && !/__reserved|__pad|}/ {
			sub(/(\[[0-9]*\])?;$/, "")
			field = $NF
			sub(/^[ \t]*/, "")
			sub(/ [^ ]*$/, "")
			print name, $0, field
		}' >"$tmp/code"
	awk '
		/^\.S[hs] / { name = /^\.Ss struct / ? $3 : "" }
		name && /^\.It Vt / { sub(/^\.It Vt /, ""); sub(/ Va /, " "); print name, $0 }' \
		"$2" >"$tmp/page"
	agree "fields of ${1##*/}" "$tmp/code" "$tmp/page"
}
fields "$uapi" "$device"
fields "$sim_uapi" "$sim"

# Sizes, as static_assert has them.
sed -n 's/^static_assert(sizeof(struct \(evnotify_[a-z]*\)) == \([0-9]*\));/\1 \2/p' \
	$module/*.c >"$tmp/code"
awk '/^\.Ss struct / { name = $3 }
	name && match($0, /[0-9]+ bytes/) { print name, substr($0, RSTART, RLENGTH - 6); name = "" }' \
	"$device" >"$tmp/page"
agree "sizes of the structures" "$tmp/code" "$tmp/page"

# Errors. Those that the kernel's own functions give are named here.
# errors FILE...: those that stand there
errors() { grep -how -- '-E[A-Z0-9]\{2,\}' "$@" | sed 's/-//; s/^ERESTART\(SYS\|NOHAND\)$/EINTR/'; }
{
	find $module -maxdepth 1 -name '*.[ch]' ! -name sim.c | while read -r file; do errors "$file"; done
	echo EBADF	# eventfd_ctx_fdget()
	echo ESPIPE	# stream_open()
} >"$tmp/code"
section "$device" ERRORS | sed -n 's/^\.It Bq Er //p' >"$tmp/page"
agree "errors of the device" "$tmp/code" "$tmp/page"
{
	errors $module/sim.c
	echo EMFILE	# get_unused_fd_flags(), evnotify_source_open()
} >"$tmp/code"
section "$sim" ERRORS | sed -n 's/^\.It Bq Er //p' >"$tmp/page"
agree "errors of evnotify-sim" "$tmp/code" "$tmp/page"

# evnotify-sim's ABI: macros, the ioctl.
sed -n 's/^#define[ \t]*\(EVNOTIFY_[A-Z0-9_]*\).*/\1/p' "$sim_uapi" >"$tmp/code"
grep -o 'EVNOTIFY_SIM_[A-Z0-9_]*' "$sim" >"$tmp/page"
agree "macros of evnotify-sim" "$tmp/code" "$tmp/page"
section "$sim" "Ioctl" | sed -n 's/^\.It Dv \([A-Z0-9_]*\) Fa.*/\1/p' >"$tmp/page"
grep _IOC_ "$tmp/code" >"$tmp/ioctls"
agree "ioctls of evnotify-sim" "$tmp/ioctls" "$tmp/page"

# Tracepoints and their fields.
sed -n 's/^\(DEFINE_EVENT([a-z_]*, \|TRACE_EVENT(\)\(evnotify_[a-z]*\),$/\2/p
	s/^EVNOTIFY_REQ_EVENT(\(evnotify_[a-z]*\));/\1/p' $module/trace.h >"$tmp/code"
cp "$tmp/code" "$tmp/tracepoints"
section "$device" TRACEPOINTS | sed -n 's/^\.It Cm \(evnotify_[a-z]*\)$/\1/p' >"$tmp/page"
agree "tracepoints" "$tmp/code" "$tmp/page"
sed -n 's/^\t\t__[a-z_]*([a-z0-9_ ]*, \([a-z0-9_]*\)[,)].*/\1/p' $module/trace.h >"$tmp/code"
section "$device" TRACEPOINTS | sed -n 's/^\.It Va //p' | sed 's/ , Va /\n/g' >"$tmp/page"
agree "fields of the tracepoints" "$tmp/code" "$tmp/page"
sed 's/^evnotify_//' "$tmp/tracepoints" >"$tmp/code"
sed -n 's/^\t{ "\([a-z]*\)", ".*", \(true\|false\),.*/\1/p' cli/cmd_trace.c >"$tmp/page"
agree "steps that 'evnotify trace' knows" "$tmp/code" "$tmp/page"
# What their text has: "key=%d", or a word by itself.
sed -n '/TP_printk(/,/^)/p' $module/trace.h | grep -o '[a-z_]*=%\|" [a-z_]*"' | tr -d '=%" ' |
	sort -u >"$tmp/keys"
{
	sed -n '/^static const struct step steps/,/^};/s/.*{ \("[^{}]*\), NULL.*\|.*{ \("[^{}]*"\) } }.*/\1\2/p' \
		cli/cmd_trace.c
	grep -o 'trace_\(arg\|number\)([a-z&]*, "[a-z_]*"' cli/cmd_trace.c
} | grep -o '"[a-z_]*"' | tr -d '"' | sort -u >"$tmp/known"
check "keys that 'evnotify trace' looks for: there are some" test -s "$tmp/known"
check "they are those of the tracepoints" same "" "$(comm -23 "$tmp/known" "$tmp/keys")"

# Module parameters, with default and limit as modinfo gives them.
sed -n 's/^EVNOTIFY_PARAM(\([a-z_]*\),.*/\1/p' $module/main.c >"$tmp/code"
section "$device" "MODULE PARAMETERS" | sed -n 's/^\.It Cm //p' >"$tmp/page"
agree "module parameters" "$tmp/code" "$tmp/page"
# constant NAME: its number
constant() {
	[ "$1" = NSEC_PER_SEC ] && echo 1000000000
	sed -n "s/^#define $1[ \t]*\([0-9]*\)[UL]*$/\1/p" $module/evnotify.h
}
# default PARAMETER: what the code has
default() { sed -n "s/^unsigned int evnotify_$1 = \([0-9]*\);$/\1/p" $module/main.c; }
cp "$tmp/page" "$tmp/parameters"
while read -r name; do
	limit=$(sed -n "s/^EVNOTIFY_PARAM($name, \(.*\));/\1/p" $module/main.c)
	echo "$name default $(default "$name"), at most $(constant "$limit")"
done <"$tmp/parameters" >"$tmp/code"
# parameters PATTERN: their defaults and limits in a text, where PATTERN begins that of one
parameters() {
	tr '\n' ' ' | sed "s/$1/\n/g" |
		sed -n 's/^\([a-z_]*\).*\(default [0-9]*, at most [0-9]*\).*/\1 \2/p'
}
parameters 'MODULE_PARM_DESC(' <$module/main.c >"$tmp/page"
agree "defaults and limits of the parameters, and modinfo's" "$tmp/code" "$tmp/page"
section "$device" "MODULE PARAMETERS" | parameters '\.It Cm ' >"$tmp/page"
agree "defaults and limits of the parameters" "$tmp/code" "$tmp/page"
check "the default of max_requests in README.md" \
	grep -q "up to $(default max_requests | sed 's/...$/,&/') requests" ../README.md
check "the default of min_period_ns in README.md" \
	grep -q "at least $(($(default min_period_ns) / 1000)) µs (.min_period_ns.)" ../README.md
check "how many signals are owed at most" \
	grep -q "at most $(constant EVNOTIFY_MAX_SIGNALS) signals are owed" "$device"

# fdinfo.
sed -n 's/^\tseq_printf(m, "\([a-z]*\):.*/\1/p' $module/*.c >"$tmp/code"
section "$device" FDINFO | sed -n 's/^\.It Cm //p' >"$tmp/page"
agree "lines of fdinfo" "$tmp/code" "$tmp/page"

# The library: each function has a page, which gives the errors that the header
# lists.
sed -n 's/^[a-z].*[ *]\(evn_[a-z_]*\)(.*;$/\1/p' lib/evnotify.h >"$tmp/code"
sed -n 's/^\.Fn \(evn_[a-z_]*\) .*/\1/p' man/*.3 >"$tmp/page"
agree "functions of the library" "$tmp/code" "$tmp/page"
sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \(evn_[a-z_]*\).*/\1/p' man/*.3 >"$tmp/page"
agree "functions of the library and names of pages" "$tmp/code" "$tmp/page"
for page in man/*.3; do
	# ECANCELED and ETIME are statuses, not errors.
	sed -n 's/^\.Fn \(evn_[a-z_]*\) .*/\1/p' "$page" | while read -r function; do
		sed -n "/^ \* $function() - /,/^ \*\//p" lib/evnotify.h |
			grep -o '\bE[A-Z0-9]\{2,\}\b'
	done | grep -vx -e ECANCELED -e ETIME >"$tmp/code"
	sed -n 's/^\.It Bq Er //p' "$page" >"$tmp/page"
	agree "errors of $page" "$tmp/code" "$tmp/page"
done
grep -o 'errno = E[A-Z0-9]*' lib/evnotify.c | sed 's/.* //' | sort -u >"$tmp/code"
sed -n 's/^\.It Bq Er //p' man/*.3 | sort -u >"$tmp/page"
check "the library sets errno itself" test -s "$tmp/code"
check "only to what its pages list" same "" "$(comm -23 "$tmp/code" "$tmp/page")"

# The page for testers: its programs are those of the examples, and its commands are taken.
testing=man/evnotify-testing.7
section "$testing" EXAMPLES | sed -n '/^\.Bd/,/^\.Ed/{ /^\./d; s/\\e/\\/g; p; }' >"$tmp/page"
cat examples/testing/*.py >"$tmp/code"
check "$testing has programs" grep -q '^def ' "$tmp/page"
check "they are those of examples/testing" same "" "$(grep -vxFf "$tmp/code" "$tmp/page")"
sed 's/^\.Dl //; s/\\-/-/g; s/[$]seed/1/' "$testing" |
	sed -n 's/^[[:blank:]]*evnotify \([a-z]* .*\)/\1/p' | sed 's/ -- .*//; s/ >.*//' >"$tmp/commands"
# taken: does the command know each option, and what it is given?
# shellcheck disable=SC2086 # several words
taken() {
	while read -r name words; do
		for word in $words; do
			[ "${word#--}" = "$word" ] || grep -q "{ \"${word#--}\"," "cli/cmd_$name.c" || echo "$name $word"
		done
		case "$name $words" in
		sim*--replay*) ;;
		sim*) { "${EVNOTIFY:?}" sim $words --events 1 --print >/dev/null; } 2>&1 ;;
		esac
	done <"$tmp/commands"
}
check "$testing has commands" test "$(grep -c . "$tmp/commands")" -gt 5
check "they are taken" same "" "$(taken)"

# Examples of event loops.
ls examples/loops >"$tmp/code"
section man/evnotify.7 "Event loops" | sed -n 's/^\.It Pa //p' >"$tmp/page"
agree "examples of event loops" "$tmp/code" "$tmp/page"

# completes WORD...: what the completion for bash offers for the last of them
completes() {
	# shellcheck disable=SC2016 # expands inside
	bash -c '. completion/evnotify.bash
		COMP_WORDS=(evnotify "$@") COMP_CWORD=$#
		_evnotify
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@" 2>/dev/null
}
# zsh_of WORDS: the part of the completion for zsh that is for this command
zsh_of() {
	awk -v words="$1)" '
		/^[a-z]*=\(/ { text["$" substr($0, 1, index($0, "=") - 1)] = $0 }
		$0 == words { on = 1 }
		/^\t;;/ { on = 0 }
		on { for (name in text) if (index($0, name)) print text[name]; print }' \
		completion/evnotify.zsh | grep -v -e --help -e --version
}

# The command: options in the code, in its help, in its section and in both
# completions.
options() {
	name=$1
	heading=$2
	words=$3
	sed -n 's/^\t\t{ "\([a-z0-9-]*\)", [a-z]*_argument, NULL, \(.*\) },$/--\1/p' \
		"cli/cmd_$name.c" >"$tmp/code"
	sed -n '/\.help =/,$p' "cli/cmd_$name.c" | grep -o '^"  [ -].*--[a-z0-9-]*' |
		grep -o -- '--[a-z][a-z0-9-]*' >"$tmp/help"
	section "$command" "$heading" | grep '^\.It Fl' | grep -o 'Fl -[a-z0-9-]*' |
		sed 's/Fl -/--/' >"$tmp/page"
	completes "$words" - | grep -v -x -e --help -e --version >"$tmp/bash"
	zsh_of "$words" | grep -o -- '--[a-z][a-z0-9-]*' >"$tmp/zsh"
	for where in help page bash zsh; do
		agree "options of '$heading' and their $where" "$tmp/code" "$tmp/$where"
	done
	# Short options; getopt(3)'s colon stands for an argument.
	short=$(grep -o 'getopt_long(argc, argv, "[^"]*"' "cli/cmd_$name.c" | cut -d '"' -f 2)
	sed -n "s/^\t\t{ \"\([a-z]*\)\", \([a-z]*\)_argument, NULL, '\([$short]\)' },$/-\3 --\1 \2/p" \
		"cli/cmd_$name.c" | sed 's/ no$//; s/ required$/ argument/' >"$tmp/code"
	section "$command" "$heading" | sed -n 's/^\.It Fl \([a-zA-Z]\) , Fl -/-\1 --/p' |
		sed 's/ Ar .*/ argument/' >"$tmp/page"
	zsh_of "$words" | grep -o '{-[a-zA-Z]+\{0,1\},--[a-z]*=\{0,1\}}' | tr ',' ' ' | tr -d '{}+' |
		sed 's/=/ argument/' >"$tmp/zsh"
	sed -n '/\.help =/,$p' "cli/cmd_$name.c" |
		sed -n 's/^"  \(-[a-zA-Z]\), \(--[a-z]*\)\( [A-Z]\{1,\}\)\{0,1\} .*/\1 \2\3/p' |
		sed 's/ [A-Z]*$/ argument/' >"$tmp/help"
	for where in help page zsh; do
		agree "short options of '$heading' and their $where" "$tmp/code" "$tmp/$where"
	done
	# After one that takes an argument, bash must not offer another.
	sed -n 's/^\t\t{ "\([a-z]*\)", required_argument.*/--\1/p' "cli/cmd_$name.c" >"$tmp/required"
	echo "$short" | grep -o '[a-zA-Z]:' | sed 's/\(.\):/-\1/' >>"$tmp/required"
	while read -r option; do
		completes "$words" "$option" '' | grep -- '^-'
	done <"$tmp/required" >"$tmp/offered"
	check "bash knows which options of '$heading' take an argument" same "" "$(cat "$tmp/offered")"
}
options event "evnotify DELAY 0|1" "*"
options watch "evnotify watch" watch
options info "evnotify info" info
options list "evnotify list" list
options sim "evnotify sim" sim
options record "evnotify record" record
options trace "evnotify trace" trace
options doctor "evnotify doctor" doctor
command=man/evnotify-latency.1
options latency OPTIONS latency
command=man/evnotify.1

# What doctor examines.
sed -n 's/^\t{ "\([a-z_]*\)", examine_[a-z_]* },$/\1/p' cli/doctor.c >"$tmp/code"
section "$command" "evnotify doctor" | sed -n 's/^\.It Cm //p' >"$tmp/page"
agree "what doctor examines" "$tmp/code" "$tmp/page"

# What main.c takes itself.
{
	echo help
	sed -n 's/^\t{ "\([a-z]*\)", no_argument, .*/--\1/p' cli/cli.h
	sed -n 's/^#define COMMON_OPTIONS.*"\(.*\)"$/\1/p' cli/cli.h | sed 's/./-&\n/g'
} | grep . >"$tmp/code"
section "$command" DESCRIPTION | sed -n 's/^\.It \(Cm\|Fl\) \(.*\)/\2/p' |
	sed 's/help Op.*/ help/; s/ , Fl /\n/g' | sed 's/^[a-zA-Z-]/-&/; s/^ //' >"$tmp/page"
agree "help and version" "$tmp/code" "$tmp/page"
for words in watch info list sim record trace latency doctor '*'; do
	check "bash: --help and --version after $words" \
		same 2 "$(completes "$words" - | grep -c -x -e --help -e --version)"
done
check "zsh: help and version everywhere" \
	same 9 "$(grep -c '_arguments -s .*[$]common' completion/evnotify.zsh)"

# Members of the JSON.
members() {
	{
		grep -o '\\"[a-z_]*\\":' "cli/$2" | grep -o '[a-z_]*'
		grep -o 'print_json_\(number\|member\)("[a-z_]*"' "cli/$2" | cut -d '"' -f 2
		[ "$1" != trace ] || cat "$tmp/keys"
	} >"$tmp/code"
	section "$command" "evnotify $1" |
		sed -n '/JSON object/,/^\.It/s/^\.Va \([a-z_]*\).*/\1/p' >"$tmp/page"
	agree "members of $1 --json" "$tmp/code" "$tmp/page"
}
members watch print.c
members info cmd_info.c
members list cmd_list.c
members trace cmd_trace.c
members doctor cmd_doctor.c

# latency --json, of which a stage, a percentile and what they have are named by tables.
{
	cat cli/latency_report.c cli/environment.c cli/histogram.c | grep -o '\\"[a-z0-9_]*\\":' | grep -o '[a-z0-9_]*'
	grep -ho 'print_\(file\|text\|member\)("[a-z0-9_]*"' cli/latency_report.c cli/environment.c cli/histogram.c | cut -d '"' -f 2
	sed -n '/^const struct \(percentile\|stage_name\) /,/^};/s/^\t{ "\([a-z0-9_]*\)", .*/\1/p' cli/histogram.c
} >"$tmp/code"
section man/evnotify-latency.1 JSON | sed -n '/JSON object/,$s/^\.Va \([a-z0-9_]*\).*/\1/p' >"$tmp/page"
agree "members of latency --json" "$tmp/code" "$tmp/page"
# Its paths: code, help, page, completions.
sed -n 's/^\t\(TIMER\|EVENTFD\|SOURCE\|BASELINE\)("\([a-z-]*\)",.*/\2/p' cli/latency_measure.c >"$tmp/code"
section man/evnotify-latency.1 Paths | sed -n '/^\.It Cm/,/[^\]$/p' | sed 's/^\.It Cm//; s/^\\//' |
	grep -o '\(^\| \)[a-z][a-z-]*' | grep -x ' *\(source-\)\?\(wait\|read\|epoll\|epoll-et\|eventfd\|eventfd-epoll\|sigio\|uring-[a-z]*\|timerfd\|nanosleep\|eventfd-thread\)' |
	tr -d ' ' >"$tmp/page"
agree "paths of latency and their page" "$tmp/code" "$tmp/page"
completes latency --path '' | grep -vx all >"$tmp/bash"
agree "paths of latency and bash" "$tmp/code" "$tmp/bash"
zsh_of latency | sed -n 's/.*:paths:(\(.*\))'\''.*/\1/p' | tr ' ' '\n' | grep -vx all >"$tmp/zsh"
agree "paths of latency and zsh" "$tmp/code" "$tmp/zsh"

# Commands, modes, clocks: code, page, completions.
# in_zsh WHAT: the words that the completion for zsh has after this
in_zsh() { sed -n "s/.*$1:(\(.*\))'.*/\1/p" completion/evnotify.zsh | tr ' ' '\n' >"$tmp/zsh"; }
sed -n 's/^\t\.name = "\([a-z]\{1,\}\)",$/\1/p' cli/cmd_*.c >"$tmp/code"
sed -n 's/^\.Ss evnotify \([a-z]*\)$/\1/p' "$command" >"$tmp/page"
completes help '' >"$tmp/bash"
in_zsh "'1:command"
for where in page bash zsh; do
	agree "commands and their $where" "$tmp/code" "$tmp/$where"
done
echo help >>"$tmp/code"
completes '' | grep -v '^-' >"$tmp/bash"
agree "commands and the first word in bash" "$tmp/code" "$tmp/bash"
in_zsh "'1:delay or command"
agree "commands and the first word in zsh" "$tmp/code" "$tmp/zsh"
sed -n 's/^\t\t{ "\([a-z]*\)", [a-z]*_argument.*/--\1/p' cli/cmd_event.c >"$tmp/code"
printf '%s\n' --help --version >>"$tmp/code"
completes - >"$tmp/bash"
agree "options and the first word in bash" "$tmp/code" "$tmp/bash"
sed -n 's/^\t{ "\([a-z]*\)", EVNOTIFY_MODE_[A-Z]*, run_.*/\1/p' cli/cmd_watch.c >"$tmp/code"
section "$command" "evnotify watch" | sed -n '/Ar MODE/,/^\.It Fl a/s/^\.Cm \([a-z]*\).*/\1/p' \
	>"$tmp/page"
completes watch --mode '' >"$tmp/bash"
in_zsh :mode
for where in page bash zsh; do
	agree "modes of watch and their $where" "$tmp/code" "$tmp/$where"
done
sed -n 's/^\t{ "\([a-z]*\)", CLOCK_[A-Z]* },$/\1/p' cli/names.c >"$tmp/code"
section "$command" "evnotify watch" | sed -n '/Ar CLOCK/,/^\.It Fl p/s/^\.Cm \([a-z]*\).*/\1/p' \
	>"$tmp/page"
completes watch -c '' >"$tmp/bash"
in_zsh :clock
for where in page bash zsh; do
	agree "clocks of watch and their $where" "$tmp/code" "$tmp/$where"
done

# The completion for bash, word by word. It gets "--mode=pe" as three.
check "bash: watch --mode=pe" same pending "$(completes watch --mode = pe)"
check "bash: watch --mode=" same 3 "$(completes watch --mode = | grep -c .)"
check "bash: watch --cl" same --clock "$(completes watch --cl)"
check "bash: DELAY, then 0 or 1" same "0 1" "$(completes 1 '' | grep -v '^-' | paste -sd ' ')"
check "bash: help watch, and no more" same "" "$(completes help watch '')"
check "bash: trace --file completes to files" same tests/docs.sh "$(completes trace --file tests/doc)"
check "zsh: DELAY, then 0 or 1" grep -q "'2:.*:(0 1)'" completion/evnotify.zsh

# Exit status, in the same words.
sed -n 's/^"  \([0-9]\)  \(.*\)\\n" \\$/\1 \2/p' cli/cli.h >"$tmp/code"
section "$command" "EXIT STATUS" | awk '/^\.It [0-9]/ { n = $2; getline; print n, $0 }' >"$tmp/page"
agree "exit status" "$tmp/code" "$tmp/page"
sed -n 's/^\tEXIT_[A-Z_]* = \([0-9]\),$/\1/p' cli/cli.h >"$tmp/code"
section "$command" "EXIT STATUS" | sed -n 's/^\.It \([0-9]\)$/\1/p' >"$tmp/page"
agree "numbers of the exit status" "$tmp/code" "$tmp/page"

# The pages themselves. Pages of other packages need not be installed here.
lint() {
	command -v mandoc || { echo "mandoc is not installed"; return 1; }
	mandoc -T lint "$1" 2>/dev/null | grep -v 'referenced manual not found' >"$tmp/lint"
	cat "$tmp/lint"
	[ ! -s "$tmp/lint" ]
}
for page in man/*.[1-8]; do
	check "mandoc has no complaint about $page" lint "$page"
done
# quotes FILE: where one quotation begins within another, as it looks with both renderers
quotes() {
	for render in "mandoc -T utf8" "groff -K utf8 -T utf8 -P -c -m mandoc"; do
		[ "${render%% *}" = mandoc ] || command -v groff >/dev/null || continue
		$render "$1" 2>/dev/null | grep -o '“\|”' | awk '
			/“/ && open++ { print "nested" }
			/”/ && !open-- { print "closed twice" }'
	done
}
for page in man/*.[1-8]; do
	check "quotation marks of $page pair off" same "" "$(quotes "$page")"
done
# References among our own pages.
grep -ho '^\.Xr evn[a-z_]* [1-8]' man/* | awk '{ print $2 "." $3 }' | sort -u >"$tmp/page"
{
	ls man
	sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \(evn_[a-z_]*\).*/\1.3/p' man/*.3
} | sort -u >"$tmp/code"
check "references among the pages lead somewhere" same "" "$(comm -13 "$tmp/code" "$tmp/page")"
tap_done
