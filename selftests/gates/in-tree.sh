#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016,SC2086 # what has to keep its $ is for make; $headers are several
#
# in-tree.sh KSRC - lay evnotify into the kernel tree KSRC
#
# In a git tree it makes three commits on the current branch: the driver with
# its headers, the documentation, the selftests.  Elsewhere it only lays the
# files down.  The samples, and the tests that load drivers, stay behind.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
ksrc=${1:?usage: in-tree.sh KSRC, a Linux source tree}
driver=drivers/misc/evnotify
headers='include/linux/evnotify_source.h include/uapi/linux/evnotify.h include/uapi/linux/evnotify_sim.h'
page=Documentation/misc-devices/evnotify.rst
tests=tools/testing/selftests/drivers/evnotify

die() { echo "in-tree.sh: $*" >&2; exit 1; }

# What a tree has to have, as extended regular expressions: the lines that ours
# go next to, then the newest names that the sources use, as compat.h stays
# behind.  Older kernels may have some of them: stable trees carry changes back.
wants() { cat <<'END'
drivers/misc/Kconfig ^endmenu
drivers/misc/Makefile ^obj-
Documentation/userspace-api/ioctl/ioctl-number.rst ^0xEE +
Documentation/misc-devices/index.rst ^   ibmvmc
MAINTAINERS ^EXEC & BINFMT
tools/testing/selftests/Makefile ^TARGETS [+]= drivers/ntsync
include/linux/eventfd.h void eventfd_signal\(struct eventfd_ctx \*ctx\)
include/linux/hrtimer.h hrtimer_setup\(
include/linux/slab.h define kzalloc_obj\(
END
}

# Whatever can stop us is found before the first file is written.
[ -f "$ksrc/drivers/misc/Kconfig" ] || die "$ksrc is no Linux source tree: it has no drivers/misc/Kconfig"
ksrc=$(cd "$ksrc" && pwd)
wants | while read -r file pattern; do
	grep -qsE "$pattern" "$ksrc/$file" ||
		die "$ksrc needs to be Linux 7.0 or newer: its $file has nothing like $pattern"
done
for file in $driver $headers $page $tests; do
	[ ! -e "$ksrc/$file" ] || die "$ksrc has $file already: remove it, or use another tree"
done
git=
if [ -e "$ksrc/.git" ]; then
	git=y
	git -C "$ksrc" diff-index --quiet HEAD -- || die "$ksrc has changes: commit them first"
fi
who=$(git -C "$ksrc" var GIT_COMMITTER_IDENT) ||
	die 'MAINTAINERS wants your name and address: git config --global user.name and user.email'
who=${who%>*}\>

# insert FILE: put standard input before the line of FILE that wants names
insert() {
	cat >"$ksrc/$1.insert"
	awk -v text="$ksrc/$1.insert" -v pattern="$(wants | sed -n "s#^$1 ##p")" '
		!done && $0 ~ pattern { while ((getline line < text) > 0) print line; done = 1 }
		{ print }' "$ksrc/$1" >"$ksrc/$1.new"
	rm "$ksrc/$1.insert"
	mv "$ksrc/$1.new" "$ksrc/$1"
}

# commit SUBJECT BODY FILE...
commit() {
	subject=$1 body=$2
	shift 2
	echo "in-tree.sh: $subject"
	[ -n "$git" ] || return 0
	git -C "$ksrc" add -f -- "$@"
	git -C "$ksrc" commit -q -s -m "$subject" -m "$body"
}

# 1. The driver.
mkdir -p "$ksrc/$driver"
for file in "$top"/module/*.c "$top"/module/*.h "$top/module/VERSION"; do
	[ "${file##*/}" = compat.h ] || cp "$file" "$ksrc/$driver/"
done
cp "$top/Kconfig" "$ksrc/$driver/Kconfig"
{
	echo '# SPDX-License-Identifier: GPL-2.0-only'
	echo
	sed -n '/^obj-/,/^# Out of a kernel tree only/p' "$top/module/Kbuild" |
		sed -e '/^# Out of a kernel tree only/d' \
			-e 's/^obj-$(if $(KBUILD_EXTMOD),m,\(.*\)) += /obj-\1 += /' | sed '$d'
} >"$ksrc/$driver/Makefile"
for file in $headers; do
	cp "$top/module/$file" "$ksrc/$file"
done
echo 'source "drivers/misc/evnotify/Kconfig"' | insert drivers/misc/Kconfig
cp "$ksrc/drivers/misc/Makefile" "$ksrc/drivers/misc/Makefile.new"
printf 'obj-$(CONFIG_EVNOTIFY)\t\t+= evnotify/\n' >>"$ksrc/drivers/misc/Makefile.new"
mv "$ksrc/drivers/misc/Makefile.new" "$ksrc/drivers/misc/Makefile"
ioctls=Documentation/userspace-api/ioctl/ioctl-number.rst
insert $ioctls <<END
0xED  00-0E  uapi/linux/evnotify.h                                     Event notification
0xED  0F     uapi/linux/evnotify_sim.h                                 Event notification
END
insert MAINTAINERS <<END
EVNOTIFY EVENT NOTIFICATION DEVICE
M:	$who
S:	Maintained
F:	$page
F:	$driver/
$(printf 'F:	%s\n' $headers)
F:	$tests/

END
commit 'misc: add evnotify, a device that notifies processes of events' \
'Drivers tell a process that something has happened in two ways: they
signal an eventfd, or they complete a request that the process waits
for. Add a device that does both, from timers that stand in for
hardware, as a reference for driver authors and to test event loops and
daemons without hardware.

Every request completes exactly once, or once per period: one lock per
open file decides who completes it, and its record carries the
completion, so that completing never needs memory.

Other drivers raise events in the same engine: each registers a source,
which gets a node of its own. evnotify-sim is one of them, and raises what
a process asks for, to test with.' \
	$driver $headers drivers/misc/Kconfig drivers/misc/Makefile $ioctls MAINTAINERS

# 2. The documentation.
# The table of the handbook, without what only the handbook has: proofs, targets, citations.
sed -e '/"Shown by"/d' -e '/^ *:Shown by: /d' -e 's/\(^\| \)_`\([^`]*\)`/\1\2/' "$top/Documentation/table.rst" |
	sed -z 's/[ \n]*\[\(MS\|OSR\)-[a-z]*\]_//g' >"$ksrc/$page"
echo '   evnotify' | insert Documentation/misc-devices/index.rst
commit 'docs: misc-devices: add evnotify' \
'Say what became of each part of an NT driver that notifies a program.' \
	$page Documentation/misc-devices/index.rst

# 3. The selftests: the programs, not the throw-away machine, and no word of it
# or of how to build them elsewhere.
mkdir -p "$ksrc/$tests"
for file in "$top"/selftests/*.c "$top"/selftests/*.h \
	    $(sed -n 's/^TEST_PROGS [:+]*= *//p' "$top/selftests/Makefile") \
	    Makefile config settings .gitignore; do
	[ "${file#/}" != "$file" ] || file=$top/selftests/$file
	case ${file##*/} in
	samples.c | driver.c | drivers.h) ;;
	*) cp "$file" "$ksrc/$tests/" ;;
	esac
done
sed -i -z 's#:[ \n*]*vm/alone\.sh\( gives them one\|\)##g' "$ksrc/$tests"/Makefile "$ksrc/$tests"/*.c
sed -i '1s/MIT-0/GPL-2.0-only/' "$ksrc/$tests"/*.c	# of which anybody may make that; the kernel's list lacks it
sed -i -e '/^# Out of tree/,/^#\t/d' -e 's#, else from the module next door##' \
	-e 's# \$(addprefix -I,\$(wildcard \.\./module/include/uapi))##' \
	-e 's# \(\$(OUTPUT)/\|\)samples\>##' -e 's# driver\>##' -e 's# drivers\.h\>##' "$ksrc/$tests/Makefile"
echo 'TARGETS += drivers/evnotify' | insert tools/testing/selftests/Makefile
commit 'selftests: drivers: add tests of evnotify' \
'One program per theme: the ABI and its errnos, both modes, clocks,
periods, limits, and each race of expiry, cancel, update, signal, close
and unload, by the counters that fdinfo shows.' \
	$tests tools/testing/selftests/Makefile
