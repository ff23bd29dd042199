#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The gates that read the source without running it, one TAP line each.
#
#   static.sh [GATE]...     (default: all)
#
# The tools of the kernel come from its source package, see ../vm/kernel.sh.
# shellcheck source-path=SCRIPTDIR/../vm source=common.sh disable=SC2317 # gates are called by name
. "$(dirname "$0")/../vm/common.sh"

cd "$TOP"
export EVNOTIFY_BUILD=$BUILD/static	# builds of its own, next to those of the VM tests
src=$("$VM_DIR/kernel.sh" source)

uapi=module/include/uapi/linux/evnotify.h

# files REGEX: those of this project, in the work tree, whose path matches
files() {
	local file
	git ls-files --cached --others --exclude-standard | grep -E "$1" | while read -r file; do
		[[ ! -e $file ]] || echo "$file"
	done
}

# Not applied to user space, because the remedy exists in the kernel only:
#   PREFER_KERNEL_TYPES (u64), PREFER_DEFINED_ATTRIBUTE_MACRO (__printf), VOLATILE (READ_ONCE),
#   EMBEDDED_FUNCTION_NAME (messages to users name no functions; "start" is a word),
#   CAMELCASE (PRIu64), SYMBOLIC_PERMS (stat's), ENOSYS (what a kernel without it answers),
#   ARRAY_SIZE, BIT_MACRO, STRCPY (strscpy), USE_NEGATIVE_ERRNO (errno is positive here)
# Nor these: LONG_LINE_STRING (messages can be searched for in one piece), COMPLEX_MACRO
#   (lists of initialisers), AVOID_EXTERNS (QEMU's plugin header has no package), MACRO_ARG_REUSE, MACRO_ARG_PRECEDENCE
#   (of tests, which say what they expect of something several times, and of which field)
# Not applied to single files:
#   compat.h is there to compare versions
#   trace.h has the layout that all trace headers of the kernel have
gate_checkpatch() {
	local check=(perl "$src/scripts/checkpatch.pl" --no-tree --strict --terse --no-summary)
	local user=PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,VOLATILE
	user+=,EMBEDDED_FUNCTION_NAME,CAMELCASE,SYMBOLIC_PERMS,ENOSYS
	user+=,ARRAY_SIZE,BIT_MACRO,STRCPY,USE_NEGATIVE_ERRNO
	user+=,LONG_LINE_STRING,COMPLEX_MACRO,AVOID_EXTERNS,MACRO_ARG_REUSE,MACRO_ARG_PRECEDENCE
	local -a kernel_files user_files
	mapfile -t kernel_files < <(files '^module/.*\.[ch]$' | grep -vE '/(compat|trace)\.h$')
	mapfile -t user_files < <(files '^(selftests|userspace)/.*\.[ch]$')
	"${check[@]}" -f "${kernel_files[@]}" &&
	"${check[@]}" --ignore LINUX_VERSION_CODE,CONSTANT_COMPARISON -f module/compat.h &&
	"${check[@]}" --ignore OPEN_ENDED_LINE,PARENTHESIS_ALIGNMENT -f module/trace.h &&
	"${check[@]}" --ignore "$user" -f "${user_files[@]}"
}

gate_sparse() { selftests/vm/build.sh 6.12 C=2 && selftests/vm/build.sh 6.12 C=2 DEBUG=1; }

gate_warnings() { selftests/vm/build.sh 6.1 && selftests/vm/build.sh newest && selftests/vm/build.sh newest DEBUG=1; }

# Left out: scripts in OCaml (need its compiler) and those without a report mode.
gate_coccinelle() {
	local script report status=0
	while read -r script; do
		if ! report=$(spatch -D report --very-quiet --no-includes --include-headers \
			--sp-file "$script" --dir module 2>"$BUILD/spatch.err"); then
			cat "$BUILD/spatch.err"
			status=1
		elif [[ -n $report ]]; then
			echo "${script#"$src"/}: $report"
			status=1
		fi
	done < <(grep -rlw --include='*.cocci' 'virtual report' "$src/scripts/coccinelle" |
		 xargs grep -LE '@(script|initialize):ocaml')
	return "$status"
}

gate_kernel_doc() {
	local -a sources
	local out
	mapfile -t sources < <(files '^module/.*\.[ch]$')
	out=$(python3 "$src/tools/docs/kernel-doc" -none -Wall "${sources[@]}" 2>&1) || true
	echo "$out"
	[[ -z $out ]]
}

gate_shellcheck() {
	local -a scripts
	mapfile -t scripts < <(files '\.sh$|^\.ci/run$|^selftests/vm/init$')
	shellcheck -x "${scripts[@]}"
}

gate_compat() {
	! files '^module/' | grep -v '^module/compat\.h$' | xargs grep -nE 'LINUX_VERSION_CODE|KERNEL_VERSION'
}

gate_spdx() {
	local file status=0
	while read -r file; do
		head -3 "$file" | grep -q 'SPDX-License-Identifier: ' || { echo "$file: no SPDX line"; status=1; }
	done < <(files '\.([ch]|cc|go|sh|config|awk|py|rst|dot|[1-8])$|(^|/)(Makefile|Kbuild|Kconfig|kernels|cells|init|run|config|settings)$')
	return "$status"
}

gate_leftovers() {
	! files '\.([ch]|cc|go|py|sh|awk)$|(^|/)(Makefile|Kbuild|Kconfig|init|run)$' | grep -v '^selftests/gates/static\.sh$' |
		xargs grep -nwE 'TODO|FIXME|XXX|HACK'
}

gate_versions() {
	local module
	module=$(selftests/vm/build.sh 6.12) &&
	make -s -C userspace O="$EVNOTIFY_BUILD/userspace" all &&
	selftests/install/versions.sh "$EVNOTIFY_BUILD/userspace" "$module"
}

# The headers alone, as their users' compilers see them; and all of them is on record, which abi.c compares.
gate_uapi() {
	local mode system status=0
	system=$(gcc -print-multiarch)
	# C99 has unnamed unions as an extension only
	for mode in '-x c -std=c99 -m64' '-x c -std=c99 -m32' \
		    '-x c -std=c11 -pedantic -m64' '-x c -std=c11 -pedantic -m32' \
		    '-x c++ -std=c++11 -m64' '-x c++ -std=c++11 -m32'; do
		# shellcheck disable=SC2086 # words
		printf '#include <linux/%s.h>\n' evnotify evnotify_sim | gcc $mode -Wall -Wextra -Werror -fsyntax-only -nostdinc++ \
			-isystem "/usr/include/$system" -I"${uapi%/linux/*}" - || { echo "fails with $mode"; status=1; }
	done
	diff <(sed -n 's/^STRUCT(\(.*\), .*/struct \1/p; s/^FIELD(\(.*\), .*, \(.*\), \(.*\));$/\1 \2 \3/p
			s/^NUMBER(\([A-Z0-9_]*\), .*/#define \1/p' selftests/abi_record.h) \
		<(for uapi in "${uapi%.h}"{,_sim}.h; do awk '/^struct .* \{/ { name = $2; print "struct", name }
			/^\};/ { name = "" }
			name && !/^\t};/ && sub(/;$/, "") {
				field = $NF
				sub(/^[ \t]*/, ""); sub(/ [^ ]*$/, "")
				array = match(field, /\[.*/) ? substr(field, RSTART) : ""
				sub(/\[.*/, "", field)
				print name, $0 array, field
			}' "$uapi"; grep -o '^#define[ 	]*EVNOTIFY_[A-Z0-9_]*' "$uapi" | tr -s ' \t' ' '
		done) || { echo "the headers (>) have not what selftests/abi_record.h (<) has"; status=1; }
	return "$status"
}

gate_handbook() { selftests/gates/handbook.sh; }

gates=(checkpatch sparse warnings coccinelle kernel_doc shellcheck compat spdx leftovers versions uapi handbook)
[[ $# = 0 ]] || gates=("$@")
echo TAP version 13
echo "1..${#gates[@]}"
number=0 failed=0
for gate in "${gates[@]}"; do
	number=$((number + 1)) start=$SECONDS verdict=ok
	if ! out=$(cd "$TOP" && "gate_$gate" 2>&1); then
		verdict='not ok' failed=1
		echo "# ${out//$'\n'/$'\n'# }"
	fi
	echo "$verdict $number $gate"
	say "static: $gate: $verdict ($((SECONDS - start)) s)"
done
exit $failed
