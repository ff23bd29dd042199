#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Every place that states a version states that of module/VERSION. TAP.
#
#   versions.sh [USERSPACE_BUILD [MODULE.ko]]
#
# Makefiles read that file; dkms.conf and what describes packages are read by programs that need
# the version written out. USERSPACE_BUILD is what "make -C userspace O=" was given.
top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=userspace/tests/tap.sh
. "$top/userspace/tests/tap.sh"

version=$(cat "$top/module/VERSION")
is() { check "$1" same "$version" "$2"; }

is dkms.conf "$(sed -n 's/^PACKAGE_VERSION="\(.*\)"$/\1/p' "$top/dkms.conf")"
is debian/changelog "$(sed -n '1s/.*(\(.*\)).*/\1/p' "$top/debian/changelog")"
is packages/rpm/evnotify.spec "$(sed -n 's/^Version: //p' "$top/packages/rpm/evnotify.spec")"
is packages/arch/PKGBUILD "$(sed -n 's/^pkgver=//p' "$top/packages/arch/PKGBUILD")"
is NEWS "$(sed -n 's/^\([0-9][0-9.]*\).*/\1/p' "$top/NEWS" | head -1)"

if [ $# -ge 1 ]; then
	echo '#include <stdio.h>
	const char *evn_version_string(void);
	int main(void) { return puts(evn_version_string()) < 0; }' |
		${CC:-cc} -x c - -x none "$1/libevnotify.so.1" -o "$tmp/ask"
	is libevnotify.pc "$(sed -n 's/^Version: //p' "$1/libevnotify.pc")"
	is libevnotify.so.1 "$(LD_LIBRARY_PATH=$1 "$tmp/ask")"
	is 'evnotify --version' "$("$1/evnotify" --version | sed 's/^evnotify //')"
fi
if [ $# -ge 2 ]; then
	is MODULE_VERSION "$(PATH=$PATH:/sbin modinfo -F version "$2")"
fi
tap_done
