#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source-path=SCRIPTDIR/..
#
# What is in the code is in its page, and the other way round.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/tap.sh

module=../module
uapi=$module/include/uapi/linux/evnotify.h
device=man/evnotify.4
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

# The device: macros.
sed -n 's/^#define[ \t]*\(EVNOTIFY_[A-Z_]*\).*/\1/p' "$uapi" >"$tmp/code"
grep -o 'EVNOTIFY_[A-Z_]*' "$device" >"$tmp/page"
agree "macros of the ABI" "$tmp/code" "$tmp/page"

# Fields, with their type and structure; reserved ones and padding apart.
sed 's/__aligned_u64/__u64/' "$uapi" | awk '
	/^struct .* \{/ { name = $2 }
	/^\};/ { name = "" }
	name && /;$/ && !/__reserved|__pad/ {
		sub(/;$/, "")
		field = $NF
		sub(/^[ \t]*/, "")
		sub(/ [^ ]*$/, "")
		print name, $0, field
	}' >"$tmp/code"
awk '
	/^\.S[hs] / { name = /^\.Ss struct / ? $3 : "" }
	name && /^\.It Vt / { sub(/^\.It Vt /, ""); sub(/ Va /, " "); print name, $0 }' \
	"$device" >"$tmp/page"
agree "fields of the ABI" "$tmp/code" "$tmp/page"

# Sizes, as static_assert has them.
sed -n 's/^static_assert(sizeof(struct \(evnotify_[a-z]*\)) == \([0-9]*\));/\1 \2/p' \
	$module/*.c >"$tmp/code"
awk '/^\.Ss struct / { name = $3 }
	name && match($0, /[0-9]+ bytes/) { print name, substr($0, RSTART, RLENGTH - 6); name = "" }' \
	"$device" >"$tmp/page"
agree "sizes of the structures" "$tmp/code" "$tmp/page"

# Errors. Those that the kernel's own functions give are named here.
{
	grep -ho -- '-E[A-Z]\{3,\}' $module/*.[ch] | sed 's/-//; s/^ERESTARTSYS$/EINTR/'
	echo EBADF	# eventfd_ctx_fdget()
	echo ESPIPE	# stream_open()
} >"$tmp/code"
section "$device" ERRORS | sed -n 's/^\.It Bq Er //p' >"$tmp/page"
agree "errors of the device" "$tmp/code" "$tmp/page"

# Tracepoints and their fields.
sed -n 's/^DEFINE_EVENT([a-z_]*, \(evnotify_[a-z]*\),$/\1/p
	s/^EVNOTIFY_REQ_EVENT(\(evnotify_[a-z]*\));/\1/p' $module/trace.h >"$tmp/code"
section "$device" TRACEPOINTS | sed -n 's/^\.It Cm \(evnotify_[a-z]*\)$/\1/p' >"$tmp/page"
agree "tracepoints" "$tmp/code" "$tmp/page"
sed -n 's/^\t\t__field([a-z0-9]*, \([a-z_]*\))$/\1/p' $module/trace.h >"$tmp/code"
section "$device" TRACEPOINTS | sed -n 's/^\.It Va //p' | sed 's/ , Va /\n/g' >"$tmp/page"
agree "fields of the tracepoints" "$tmp/code" "$tmp/page"
sed -n 's/^DEFINE_EVENT([a-z_]*, evnotify_\([a-z]*\),$/\1/p
	s/^EVNOTIFY_REQ_EVENT(evnotify_\([a-z]*\));/\1/p' $module/trace.h >"$tmp/code"
sed -n 's/^\t{ "\([a-z]*\)", ".*", \(true\|false\),.*/\1/p' cli/cmd_trace.c >"$tmp/page"
agree "steps that 'evnotify trace' knows" "$tmp/code" "$tmp/page"

# Module parameters, with default and limit as modinfo gives them.
sed -n 's/^module_param[a-z_]*(\([a-z_]*\),.*/\1/p' $module/*.c >"$tmp/code"
section "$device" "MODULE PARAMETERS" | sed -n 's/^\.It Cm //p' >"$tmp/page"
agree "module parameters" "$tmp/code" "$tmp/page"
grep -ho '(default [0-9]*, at most [0-9]*)' $module/*.c | tr -d '()' >"$tmp/code"
section "$device" "MODULE PARAMETERS" | tr '\n' ' ' |
	grep -o 'default [0-9]*, at most [0-9]*' >"$tmp/page"
agree "defaults and limits of the parameters" "$tmp/code" "$tmp/page"

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
	# ECANCELED is a status, not an error.
	sed -n 's/^\.Fn \(evn_[a-z_]*\) .*/\1/p' "$page" | while read -r function; do
		sed -n "/^ \* $function() - /,/^ \*\//p" lib/evnotify.h |
			grep -o '\bE[A-Z]\{3,\}\b'
	done | grep -vx ECANCELED >"$tmp/code"
	sed -n 's/^\.It Bq Er //p' "$page" >"$tmp/page"
	agree "errors of $page" "$tmp/code" "$tmp/page"
done

# The command: options in the code, in its help, in its section and in both
# completions.
options() {
	name=$1
	heading=$2
	words=$3
	sed -n 's/^\t\t{ "\([a-z]*\)", [a-z]*_argument, NULL, \(.*\) },$/--\1/p' \
		"cli/cmd_$name.c" >"$tmp/code"
	sed -n '/\.help =/,$p' "cli/cmd_$name.c" | grep -o '^"  [ -].*--[a-z]*' |
		grep -o -- '--[a-z]*' >"$tmp/help"
	section "$command" "$heading" | grep '^\.It Fl' | grep -o 'Fl -[a-z]*' |
		sed 's/Fl -/--/' >"$tmp/page"
	grep -F "		$words) words=" completion/evnotify.bash | grep -o -- '--[a-z]*' >"$tmp/bash"
	# shellcheck disable=SC2016 # the text of the script
	awk -v words="$words)" '$0 == words { on = 1 } /^\t;;/ { on = 0 } on' completion/evnotify.zsh |
		sed 's/$json/--json/; s/$device/--device/' | grep -o -- '--[a-z]\{1,\}' |
		grep -vx -e --help -e --version >"$tmp/zsh"
	for where in help page bash zsh; do
		agree "options of '$heading' and their $where" "$tmp/code" "$tmp/$where"
	done
	# Short options with what they take.
	grep -o 'getopt_long(argc, argv, "[^"]*"' "cli/cmd_$name.c" | cut -d '"' -f 2 |
		grep -o '[a-zA-Z]' | sed 's/^/-/' >"$tmp/code"
	section "$command" "$heading" | sed -n 's/^\.It Fl \([a-zA-Z]\) , Fl -.*/-\1/p' >"$tmp/page"
	agree "short options of '$heading'" "$tmp/code" "$tmp/page"
}
options event "evnotify DELAY 0|1" "*"
options watch "evnotify watch" watch
options info "evnotify info" info
options trace "evnotify trace" trace
options doctor "evnotify doctor" doctor

# What doctor examines.
sed -n 's/^\t{ "\([a-z_]*\)", examine_[a-z_]* },$/\1/p' cli/doctor.c >"$tmp/code"
section "$command" "evnotify doctor" | sed -n 's/^\.It Cm //p' >"$tmp/page"
agree "what doctor examines" "$tmp/code" "$tmp/page"

# Members of the JSON that watch prints.
grep -o '\\"[a-z_]*\\":' cli/print.c | grep -o '[a-z_]*' >"$tmp/code"
grep -o 'print_json_number("[a-z_]*"' cli/print.c | cut -d '"' -f 2 >>"$tmp/code"
section "$command" "evnotify watch" | sed -n '/^Members of the JSON/,$s/^\.Va \([a-z_]*\).*/\1/p' \
	>"$tmp/page"
agree "members of watch --json" "$tmp/code" "$tmp/page"

# Commands, modes, clocks.
sed -n 's/^\t\.name = "\([a-z]\{1,\}\)",$/\1/p' cli/cmd_*.c >"$tmp/code"
sed -n 's/^\.Ss evnotify \([a-z]*\)$/\1/p' "$command" >"$tmp/page"
agree "commands" "$tmp/code" "$tmp/page"
sed -n 's/^\t{ "\([a-z]*\)", EVNOTIFY_MODE_[A-Z]*, run_.*/\1/p' cli/cmd_watch.c >"$tmp/code"
section "$command" "evnotify watch" | sed -n '/Ar MODE/,/^\.It Fl a/s/^\.Cm \([a-z]*\).*/\1/p' \
	>"$tmp/page"
agree "modes of watch" "$tmp/code" "$tmp/page"
sed -n 's/^\t{ "\([a-z]*\)", CLOCK_[A-Z]* },$/\1/p' cli/names.c >"$tmp/code"
section "$command" "evnotify watch" | sed -n '/Ar CLOCK/,/^\.It Fl p/s/^\.Cm \([a-z]*\).*/\1/p' \
	>"$tmp/page"
agree "clocks of watch" "$tmp/code" "$tmp/page"

# Exit status, in the same words.
sed -n 's/^"  \([0-9]\)  \(.*\)\\n" \\$/\1 \2/p' cli/cli.h >"$tmp/code"
section "$command" "EXIT STATUS" | awk '/^\.It [0-9]/ { n = $2; getline; print n, $0 }' >"$tmp/page"
agree "exit status" "$tmp/code" "$tmp/page"
sed -n 's/^\tEXIT_[A-Z_]* = \([0-9]\),$/\1/p' cli/cli.h >"$tmp/code"
section "$command" "EXIT STATUS" | sed -n 's/^\.It \([0-9]\)$/\1/p' >"$tmp/page"
agree "numbers of the exit status" "$tmp/code" "$tmp/page"

# The pages themselves. Pages of other packages need not be installed here.
lint() {
	mandoc -T lint "$1" 2>/dev/null | grep -v 'referenced manual not found' >"$tmp/lint"
	cat "$tmp/lint"
	[ ! -s "$tmp/lint" ]
}
for page in man/*.[1-8]; do
	check "mandoc has no complaint about $page" lint "$page"
done
# References among our own pages.
grep -ho '^\.Xr evn[a-z_]* [1-8]' man/* | awk '{ print $2 "." $3 }' | sort -u >"$tmp/page"
{
	ls man
	sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \(evn_[a-z_]*\).*/\1.3/p' man/*.3
} | sort -u >"$tmp/code"
check "references among the pages lead somewhere" same "" "$(comm -13 "$tmp/code" "$tmp/page")"
tap_done
