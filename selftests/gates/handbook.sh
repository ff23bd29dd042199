#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Is what the handbook says true of the tree, and proven by a run? TAP.
#
#   handbook.sh              every entry has a proof, which exists; so do the names and files that the
#                            pages have; their commands are run by a test; and Sphinx has no complaint
#   handbook.sh ran [CELL]...  every proof was run in these cells of check.sh, or else in those whose
#                            results are there: it passed in one at least, and failed in none
#
# An entry is a term with a target, _`NAME`, and its fields. A proof is FILE:TEST after "Shown by".
# shellcheck source-path=SCRIPTDIR/../vm source=common.sh disable=SC2016,SC2317 # marks of RST look like commands; checks are called by name
. "$(dirname "$0")/../vm/common.sh"

cd "$TOP"
shopt -s nullglob
pages=(Documentation/*.rst)

# fields NAME: what all pages have in fields of this name, without marks
fields() { sed -n "s/^ *:$1: \`\`\(.*\)\`\`\$/\1/p" "${pages[@]}" | sort -u; }

number=0 failed=0
# report STATUS WHAT
report() {
	local verdict=ok
	number=$((number + 1))
	[[ $1 = 0 ]] || { verdict='not ok'; failed=1; }
	echo "$verdict $number - $2"
}

# --- after a run -------------------------------------------------------------------------

# How a proof looks in the results of check.sh: after the program, or after "tap", which stands for
# a command on this machine; with its fixture before it, or its kernel, or its description after it.
ran() {
	local -a results=()
	local cell verdict proof status
	for cell; do results+=("$BUILD/check/$cell.results"); done
	[[ $# -gt 0 ]] || results=("$BUILD"/check/*.results)
	while IFS=$'\t' read -r verdict proof; do
		status=0
		[[ $verdict = pass ]] || status=1
		report $status "$proof"
		[[ $status = 0 ]] || echo "# $verdict"
	done < <(fields 'Shown by' | awk -F'\t' '
		FNR == NR {
			split($0, part, ":")
			proof[++n] = $0
			program[n] = part[1]
			sub(/.*\//, "", program[n])
			sub(/\.c$/, "", program[n])
			test[n] = substr($0, length(part[1]) + 2)
			next
		}
		{
			where = $2
			sub(/ .*/, "", where)
			name = substr($2, length(where) + 2)
			sub(/^[^:]*:/, "", where)
			sub(/_32$/, "", where)
			for (i = 1; i <= n; i++) {
				if (where != "tap" && where != program[i] || !(at = index(name, test[i])))
					continue
				before = at == 1 ? "" : substr(name, at - 1, 1)
				after = substr(name, at + length(test[i]))
				if ((before ~ /^[.]?$/ || substr(name, 1, at - 1) ~ /: $/) && (after == "" || after ~ /^: /))
					seen[i, $1] = 1
			}
		}
		END {
			for (i = 1; i <= n; i++)
				print (seen[i, "fail"] ? "failed" : seen[i, "pass"] ? "pass" : \
				       seen[i, "skip"] ? "only skipped" : "not run") "\t" proof[i]
		}' - "${results[@]}")
}

# --- without a run -----------------------------------------------------------------------

# An entry that has no proof, or one of the table that lacks a field
entries_are_whole() {
	local -a answered
	mapfile -t answered < <(printf '%s\n' "${pages[@]}" | grep -v '/questions\.rst$')
	awk '
		function close_entry(i) {
			if (entry == "")
				return
			for (i = 1; i <= wanted; i++)
				if (!(want[i] in has)) {
					printf "%s: the entry \"%s\" has no \"%s\"\n", page, entry, want[i]
					bad = 1
				}
			entry = ""
		}
		FNR == 1 {
			close_entry()
			page = FILENAME
			wanted = split(page ~ /\/table\.rst$/ ? "Shown by:Linux:Reason:Mistake" : "Shown by", want, ":")
		}
		/^[^ ]/ { close_entry() }
		/^[^ ].*_`[^`]+`|^_`[^`]+`/ { entry = $0; delete has; entries++ }
		/^ +:[A-Z][A-Za-z ]*: / { sub(/^ +:/, ""); sub(/:.*/, ""); has[$0] = 1 }
		END { close_entry(); exit bad || !entries }' "${answered[@]}"
}

proof_exists() {
	local file=${1%%:*} test=${1#*:}
	[[ -e $file ]] || { echo "$1: there is no file $file"; return 1; }
	case $file in
	*.c) grep -qE "^TEST[A-Z_]*\(([a-z_]+, )?${test}[,)]" "$file" ;;
	*/static.sh) grep -q "^gate_$test()" "$file" ;;
	*/model.sh) grep -q "^$test |" "$file" ;;
	*) grep -qwF -- "$test" "$file" ;;
	esac || { echo "$1: $file has no such test"; return 1; }
}
proofs_exist() {
	local proof status=0
	while read -r proof; do proof_exists "$proof" || status=1; done < <(fields 'Shown by')
	return "$status"
}

# What plays a race is in the model, as a process or as a part of one.
processes_exist() {
	local process status=0
	while read -r process; do
		grep -qE "^(inline|proctype) ${process#*:}\(" "${process%%:*}" ||
			{ echo "$process: no such process"; status=1; }
	done < <(fields Model)
	return "$status"
}

# literals: what the pages have between marks, proofs apart, one a line
literals() {
	cat "${pages[@]}" | grep -v '^ *:\(Shown by\|Model\): ' | tr '\n' ' ' | grep -o '``[^`]*``' |
		tr -d '`' | tr -s ' '
}

files_exist() {
	local file status=0
	while read -r file; do
		[[ -e $file ]] || { echo "there is no $file"; status=1; }
	done < <(literals | grep -oE '(module|selftests|userspace|debian|Documentation)/[A-Za-z0-9_./-]*' | sort -u)
	return "$status"
}

# Words between marks are names: ours or the kernel's. So are functions in the pictures, and in what
# races side by side.
names_exist() {
	local src missing
	src=$("$VM_DIR/kernel.sh" source)
	missing=$({ literals | grep -v '^/' | grep -oE '[A-Za-z_][A-Za-z0-9_]{2,}'
		    grep -ohE '\<(evnotify|event|edu|template)_[a-z0-9_]+\(' "${pages[@]}" Documentation/*.dot | tr -d '('
		  } | sort -u >"$BUILD/handbook.names"
		{ git ls-files --cached --others --exclude-standard -- . ':!Documentation' |
			xargs grep -ohsIwFf "$BUILD/handbook.names"
		  grep -orhwFf "$BUILD/handbook.names" "$src/include" "$src/kernel/dma"; } | sort -u |
			comm -23 "$BUILD/handbook.names" -)
	[[ -z $missing ]] || { echo "not in the tree, nor in the kernel: ${missing//$'\n'/ }"; return 1; }
}

# command | the file that has it run | the words there
commands='
make check KERNEL=badmod | selftests/vm/cells | selftests/badmod/badmod.sh
make vm DEBUG=1 | selftests/vm/shell_test.sh | run vm DEBUG=1
selftests/vm/alone.sh 6.12 samples | selftests/vm/cells | selftests/vm/alone.sh
evnotify 0.2 0 | userspace/tests/cli_device.sh | evnotify 0.05 $mode
evnotify trace | userspace/tests/cli_device.sh | trace shows the life of a request
evnotify sim --every 5ms --events 10 -- evnotify watch --device {} | userspace/tests/cli_device.sh | sim --every
'
commands_are_tested() {
	local command file words status=0
	while read -r command; do
		IFS='|' read -r _ file words < <(grep -F "$command |" <<<"$commands" | sed 's/ | /|/g') ||
			{ echo "nothing runs: $command"; status=1; continue; }
		grep -qF -- "$words" "$file" || { echo "$file does not run: $command"; status=1; }
	done < <(sed -n 's/^ *\$ //p' "${pages[@]}" | sort -u)
	return "$status"
}

# Each question leads to an answer, and none is left out.
questions_are_answered() {
	awk '
		function close_question() {
			if (question != "" && !led) { print "no way on from: " question; bad = 1 }
		}
		/^_`[PE][0-9]+`/ {
			close_question()
			question = $0
			led = 0
			split($0, part, "`")
			n[substr(part[2], 1, 1)]++
		}
		/:(ref|doc):`/ { led = 1 }
		END { close_question(); exit bad || n["P"] != 28 || n["E"] != 21 }' Documentation/questions.rst
}

html() { Documentation/build.sh html "$BUILD/handbook"; }

# tests WHAT COMMAND
tests() {
	local out status=0
	out=$("$2" 2>&1) || status=1
	[[ $status = 0 ]] || echo "# ${out//$'\n'/$'\n'# }"
	report $status "$1"
}

echo TAP version 13
case ${1:-} in
ran)
	shift
	echo "1..$(fields 'Shown by' | wc -l)"
	ran "$@" ;;
'')
	echo 1..8
	tests 'each entry has a proof, and those of the table all fields' entries_are_whole
	tests 'each proof exists' proofs_exist
	tests 'each process of a race is in the model' processes_exist
	tests 'each file exists' files_exist
	tests 'each name is in the code, or in the kernel' names_exist
	tests 'each command is run by a test' commands_are_tested
	tests 'each question has an answer' questions_are_answered
	tests 'Sphinx has no complaint' html ;;
*) die "usage: handbook.sh [ran [CELL]...]" ;;
esac
exit $failed
