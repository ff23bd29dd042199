#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016 # what has to keep its $ is for make
#
# in-tree.sh KSRC - lay evnotify into the kernel tree KSRC
#
# In a git tree it makes three commits on the current branch: the driver with
# its UAPI header, the documentation, the selftests.  Elsewhere it only lays
# the files down.
set -eu

top=$(cd "$(dirname "$0")/.." && pwd)
ksrc=${1:?usage: in-tree.sh KSRC, a Linux source tree}
who='The evnotify authors <evnotify@localhost>'

die() { echo "in-tree.sh: $*" >&2; exit 1; }

[ -f "$ksrc/drivers/misc/Kconfig" ] || die "$ksrc is no Linux source tree: it has no drivers/misc/Kconfig"
ksrc=$(cd "$ksrc" && pwd)
[ ! -e "$ksrc/drivers/misc/evnotify" ] || die "$ksrc has drivers/misc/evnotify already: remove it, or use another tree"
git=
if git -C "$ksrc" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
	git=y
	git -C "$ksrc" diff-index --quiet HEAD -- || die "$ksrc has changes: commit them first"
fi

# insert FILE BEFORE-PATTERN: put standard input before the first match
insert() {
	cat >"$ksrc/$1.insert"
	awk -v text="$ksrc/$1.insert" -v pattern="$2" '
		!done && $0 ~ pattern { while ((getline line < text) > 0) print line; done = 1 }
		{ print }
		END { exit !done }' "$ksrc/$1" >"$ksrc/$1.new" ||
		die "$ksrc/$1 has no line like $2: this script does not know such a kernel"
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

# 1. The driver.  What serves older kernels stays behind.
dir=drivers/misc/evnotify
mkdir -p "$ksrc/$dir"
for file in "$top"/module/*.c "$top"/module/*.h "$top/module/VERSION"; do
	[ "${file##*/}" = compat.h ] || cp "$file" "$ksrc/$dir/"
done
cp "$top/Kconfig" "$ksrc/$dir/Kconfig"
{
	echo '# SPDX-License-Identifier: GPL-2.0-only'
	echo
	echo 'obj-$(CONFIG_EVNOTIFY) += evnotify.o'
	sed -n '/^evnotify-y/,/^# Out of a kernel tree only/p' "$top/module/Kbuild" |
		sed '/^# Out of a kernel tree only/d' | sed '$d'
} >"$ksrc/$dir/Makefile"
cp "$top/module/include/uapi/linux/evnotify.h" "$ksrc/include/uapi/linux/evnotify.h"
echo 'source "drivers/misc/evnotify/Kconfig"' | insert drivers/misc/Kconfig '^endmenu'
cp "$ksrc/drivers/misc/Makefile" "$ksrc/drivers/misc/Makefile.new"
printf 'obj-$(CONFIG_EVNOTIFY)\t\t+= evnotify/\n' >>"$ksrc/drivers/misc/Makefile.new"
mv "$ksrc/drivers/misc/Makefile.new" "$ksrc/drivers/misc/Makefile"
ioctls=Documentation/userspace-api/ioctl/ioctl-number.rst
echo '0xED  00-0F  uapi/linux/evnotify.h                                     Event notification' |
	insert $ioctls '^0xEE '
insert MAINTAINERS '^EXEC & BINFMT' <<END
EVNOTIFY EVENT NOTIFICATION DEVICE
M:	$who
S:	Maintained
F:	Documentation/misc-devices/evnotify.rst
F:	drivers/misc/evnotify/
F:	include/uapi/linux/evnotify.h
F:	tools/testing/selftests/drivers/evnotify/

END
commit 'misc: add evnotify, a device that notifies processes of events' \
'Drivers tell a process that something has happened in two ways: they
signal an eventfd, or they complete a request that the process waits
for. Add a device that does both, from timers that stand in for
hardware, as a reference for driver authors and to test event loops and
daemons without hardware.

Every request completes exactly once, or once per period: one lock per
open file decides who completes it, and its record carries the
completion, so that completing never needs memory.' \
	"$dir" include/uapi/linux/evnotify.h drivers/misc/Kconfig drivers/misc/Makefile $ioctls MAINTAINERS

# 2. The documentation.
cp "$top/module/evnotify.rst" "$ksrc/Documentation/misc-devices/evnotify.rst"
echo '   evnotify' | insert Documentation/misc-devices/index.rst '^   ibmvmc'
commit 'docs: misc-devices: add evnotify' \
'Say what became of each part of an NT driver that notifies a program,
and who wins each race.' \
	Documentation/misc-devices/evnotify.rst Documentation/misc-devices/index.rst

# 3. The selftests: the programs, not the throw-away machine.
dir=tools/testing/selftests/drivers/evnotify
mkdir -p "$ksrc/$dir"
for file in "$top"/selftests/*.c "$top"/selftests/*.h \
	    $(sed -n 's/^TEST_PROGS [:+]*= *//p' "$top/selftests/Makefile") \
	    Makefile config settings .gitignore; do
	[ "${file#/}" != "$file" ] || file=$top/selftests/$file
	cp "$file" "$ksrc/$dir/"
done
echo 'TARGETS += drivers/evnotify' | insert tools/testing/selftests/Makefile '^TARGETS [+]= drivers/ntsync'
commit 'selftests: drivers: add tests of evnotify' \
'One program per theme: the ABI and its errnos, both modes, clocks,
periods, limits, and each race of expiry, cancel, update, signal, close
and unload, by the counters that fdinfo shows.' \
	"$dir" tools/testing/selftests/Makefile
