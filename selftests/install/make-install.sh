#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make install, dkms-install and what takes them back, from a tree as a release has it, without
# .git, into an empty directory. TAP.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh disable=SC2317 # called through check
. "$(dirname "$0")/../vm/common.sh"
set +e +o pipefail	# tap.sh looks at statuses itself
shopt -u inherit_errexit
# shellcheck source=../../userspace/tests/tap.sh
. "$TOP/userspace/tests/tap.sh"

use_kernel 6.1
tree=$tmp/evnotify root=$tmp/root
mkdir "$tree"
tar -C "$TOP" -cf - --exclude=./.git --exclude=./build --exclude=./userspace/build . | tar -C "$tree" -xf -
on() { make -s -C "$tree" KVER="$release" KDIR="$kdir" DESTDIR="$root" "$@"; }
none() { [[ ! -e $root || -z $(find "$root" -mindepth 1 -print | tee /dev/stderr) ]]; }
has() {
	local file
	for file; do
		[[ -e $root/$file ]] || { echo "no $file in:"; find "$root" ! -type d; return 1; }
	done
}

check "make install" on install
check "it installs module, command, library, manual, rule and group" has \
	"lib/modules/$release/updates/evnotify.ko" usr/local/bin/evnotify usr/local/lib/libevnotify.so.1 \
	usr/local/lib/pkgconfig/libevnotify.pc usr/local/include/evnotify/evnotify.h \
	usr/local/share/man/man1/evnotify.1 usr/local/lib/udev/rules.d/70-evnotify.rules \
	usr/local/lib/sysusers.d/evnotify.conf
check "make uninstall" on uninstall
check "it leaves nothing" none
check "make install PREFIX=/usr" on install PREFIX=/usr
check "it installs below /usr only" test ! -e "$root/usr/local"
check "make uninstall PREFIX=/usr" on uninstall PREFIX=/usr
check "it leaves nothing" none
check "make dkms-install" on dkms-install
check "it installs a source for dkms" has "usr/src/evnotify-$(cat "$TOP/module/VERSION")"/{dkms.conf,module/Kbuild}
check "make dkms-uninstall" on dkms-uninstall
check "it leaves nothing" none
tap_done
