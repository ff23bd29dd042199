#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Is the series that in-tree.sh lays into a kernel tree as a maintainer wants it? It comes whole
# or not at all, checkpatch reads it, the kernel is built with the driver in it and with the
# driver as a module, and on both the selftests run as the tree's own rules install them. TAP.
#
#   in-tree-check.sh        (the first time it builds a kernel, with 2 CPUs in 10 minutes)
#
# Source and kernel stay in build/in-tree/ for the next time.
# shellcheck source-path=SCRIPTDIR/../vm source=common.sh disable=SC2317 # functions are called by step
. "$(dirname "$0")/../vm/common.sh"

out=$BUILD/in-tree
ksrc=$out/source
number=0 failed=0

# report VERDICT NAME
report() {
	number=$((number + 1))
	[[ $1 = ok ]] || failed=1
	echo "$1 $number $2"
}

# step NAME COMMAND...: everything after it needs what it does
step() {
	local name=$1; shift
	"$@" >"$out/step.log" & wait $! || {	# so that "set -e" stays on in there
		sed 's/^/# /' "$out/step.log"
		report 'not ok' "$name"
		echo "1..$number"
		exit 1
	}
	report ok "$name"
}

export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME='Ada Example' GIT_AUTHOR_EMAIL=ada@example.org
export GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL

# What the series changes, and what it asks of a kernel
changed=(MAINTAINERS drivers/misc/{Kconfig,Makefile} tools/testing/selftests/Makefile
	Documentation/{misc-devices/index,userspace-api/ioctl/ioctl-number}.rst)
asked=(include/linux/{eventfd,hrtimer,slab}.h)

# track FILE...: a git tree of these, in the current directory
track() {
	git init -q
	git add -f -- "$@"
	git commit -q -m 'the kernel as it was'
}

# A tree of which one file is not as it has to be stays as it was, and is told which. The same
# tree with that file is taken.
refuse() {
	local src tree=$out/small file said
	src=$("$VM_DIR/kernel.sh" source)
	rm -rf "$tree"
	mkdir -p "$tree"
	(cd "$src" && cp --parents -t "$tree" -- "${changed[@]}" "${asked[@]}")
	mkdir -p "$tree/include/uapi/linux"
	cd "$tree"
	track .
	for file in "${changed[@]}" "${asked[@]}"; do
		echo "$file"
		echo '# older' >"$file"
		git commit -q -a -m 'an older kernel'
		! said=$("$TOP/selftests/gates/in-tree.sh" "$tree" 2>&1) || return
		[[ $said = *'Linux 7.0 '*" $file "* ]] || { echo "$said"; return 1; }
		[[ $(git log --format=%s -1) = 'an older kernel' ]] || { git log; return 1; }
		[[ -z $(git status --porcelain --ignored) ]] || { git status; return 1; }
		git reset -q --hard HEAD~
	done
	"$TOP/selftests/gates/in-tree.sh" "$tree"
	[[ $(git log --format=%s) = *$'\n'*$'\n'*$'\nthe kernel as it was' ]] || { git log; return 1; }
}

# The rest of the tree is there, but not tracked.
lay() {
	local src
	src=$("$VM_DIR/kernel.sh" source)
	rm -rf "$ksrc"
	cp -al "$src" "$ksrc" || { rm -rf "$ksrc"; cp -a "$src" "$ksrc"; }
	cd "$ksrc"
	track "${changed[@]}"
	"$TOP/selftests/gates/in-tree.sh" "$ksrc"
	[[ -z $(git status --porcelain --untracked-files=no) ]] || { git status; return 1; }
	rm -rf "$out/patches"
	git format-patch -q -o "$out/patches" HEAD~3
}

# The series is about the kernel tree, and from whoever commits it.
at_home() {
	grep -qx "+M:	$GIT_COMMITTER_NAME <$GIT_COMMITTER_EMAIL>" "$out"/patches/0001-*
	! grep -nEi '^\+.*(alone\.sh|out of tree|\.\./module|compat\.h|localhost)' "$out"/patches/*
}

page() { rst2html --report=1 --halt=1 "$ksrc/Documentation/misc-devices/evnotify.rst" >"$out/page.html"; }

# What checkpatch says of the series and is not heeded: file, type of the remark, why.
remarks() { cat <<END
trace.h          OPEN_ENDED_LINE                the layout that all trace headers have
trace.h          PARENTHESIS_ALIGNMENT          the same
evnotify.rst     FILE_PATH_CHANGES              MAINTAINERS names it from the first commit on
.gitignore       FILE_PATH_CHANGES              the same
evnotify_test.h  VOLATILE                       programs have no READ_ONCE()
*.c              VOLATILE                       the same
uring.c          ENOSYS                         what a kernel without io_uring answers
*.c              LONG_LINE_STRING               a message can be searched for in one piece
torture_ops.h    CAMELCASE                      _Thread_local is a word of C
*.h              LONG_LINE_STRING               as in a .c file
*.h              MACRO_ARG_REUSE                tests pass names and variables, which do nothing
*.c              MACRO_ARG_REUSE                the same
abi.c            MACRO_ARG_PRECEDENCE           a name of a structure or field, which takes no parentheses
*.c              BIT_MACRO                      a number that happens to be a power of two
source_refused.c COMPLEX_MACRO                  an initialiser, which takes no parentheses
trace.sh         LONG_LINE_COMMENT              a pattern of awk, which cannot be broken
END
}

checkpatch() {
	local src patch line file type pattern remark heeded made=$out/made status=0
	src=$("$VM_DIR/kernel.sh" source)
	cd "$src"	# there is no git there, which makes checkpatch run more than is installed
	: >"$made"
	for patch in "$out"/patches/*.patch; do
		while IFS= read -r line; do
			# PATCH:LINE: LEVEL:TYPE: words
			[[ $line =~ ^[^:]*:([0-9]+):\ [A-Z]+:([A-Z_]+): ]] || { echo "$line"; status=1; continue; }
			type=${BASH_REMATCH[2]} heeded=1
			file=$(head -n "${BASH_REMATCH[1]}" "$patch" | sed -n 's#^diff --git .*/##p' | tail -1)
			while read -r pattern remark _; do
				# shellcheck disable=SC2053 # a pattern
				[[ $file != $pattern || $type != "$remark" ]] || { heeded=0; echo "$pattern $remark" >>"$made"; }
			done < <(remarks)
			[[ $heeded = 0 ]] || { echo "$file, $line"; status=1; }
		done < <(perl scripts/checkpatch.pl --strict --terse --no-summary --show-types "$patch" || true)
	done
	while read -r pattern remark _; do
		grep -qxF "$pattern $remark" "$made" || { echo "checkpatch does not say $remark of $pattern any more"; status=1; }
	done < <(remarks)
	return "$status"
}

# kernel VALUE: with CONFIG_EVNOTIFY=VALUE and the sim, and otherwise what the selftests ask for
kernel() {
	printf 'CONFIG_EVNOTIFY=%s\nCONFIG_EVNOTIFY_SIM=%s\n' "$1" "$1" >"$out/evnotify.config"
	"$VM_DIR/kernel.sh" build in-tree "$ksrc" "$VM_DIR/config/vm.config" \
		"$ksrc/tools/testing/selftests/drivers/evnotify/config" "$out/evnotify.config"
	rm -rf "$out/root"
	make -s -C "$out/build" INSTALL_MOD_PATH="$out/root" modules_install
	rm -f "$out/root/lib/modules"/*/{build,source}	# links to all of the tree
	make -s -C "$ksrc" O="$out/build" headers
	make -s -C "$ksrc/tools/testing/selftests" O="$out/build" TARGETS=drivers/evnotify \
		CPPFLAGS="-isystem /usr/include/$(gcc -print-multiarch)" \
		INSTALL_PATH="$out/root/evnotify" install
}

# boot VALUE: runs what has been installed; its results become ours
boot() {
	local status=0 verdict name remark
	"$VM_DIR/run.sh" -t 900 -l "$out/$1.kernel.log" in-tree "$out/root:/" -- \
		"[ $1 = y ] || modprobe evnotify-sim || exit; ./run_kselftest.sh" >"$out/$1.log" || status=$?
	while IFS=$'\t' read -r verdict name remark; do
		case $verdict in
		pass) report ok "=$1: $name" ;;
		skip) report ok "=$1: $name # SKIP $remark" ;;
		*) report 'not ok' "=$1: $name $remark" ;;
		esac
	done < <(awk -f "$VM_DIR/ktap.awk" -v expected="$(cat "$out/root/evnotify/kselftest-list.txt")" "$out/$1.log")
	[[ $status -lt 70 ]] || report 'not ok' "=$1: the kernel, see $out/$1.kernel.log"
}

mkdir -p "$out"
echo TAP version 13
step 'an older kernel is left as it was' refuse
step 'three commits go into the tree' lay
step 'they belong there' at_home
step 'the page is clean' page
step 'checkpatch accepts them' checkpatch
for value in y m; do
	step "the kernel builds with EVNOTIFY=$value" kernel $value
	boot $value
done
echo "1..$number"
exit $failed
