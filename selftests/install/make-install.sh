#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make install, dkms-install and what takes them back, from a tree as a release has it, without
# .git, into an empty directory; and what the top Makefile makes of its variables. TAP.
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
unset EVNOTIFY_BUILD	# as a user has it
on() { make -s -C "$tree" KVER="$release" KDIR="$kdir" DESTDIR="$root" "$@"; }
none() { [[ ! -e $root || -z $(find "$root" -mindepth 1 -print | tee /dev/stderr) ]]; }
has() {
	local file
	for file; do
		[[ -e $root/$file ]] || { echo "no $file in:"; find "$root" ! -type d; return 1; }
	done
}

lacks() { [[ -z $(find "$root" -path "*$1*" -print | tee /dev/stderr) ]]; }

# read_only COMMAND...: without a right to write to the tree, which root has unless its system forbids it
read_only() {
	chmod -R a-w "$tree"
	if [[ $(id -u) = 0 ]]; then
		# shellcheck disable=SC2016 # expands inside
		unshare -m sh -c 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"' "$tree" "$@"
	else
		"$@"
	fi
	set -- $?
	chmod -R u+w "$tree"
	return "$1"
}
elsewhere() {
	rm -rf "$tree/build"
	read_only make -s -C "$tree" EVNOTIFY_BUILD="$tmp/elsewhere" KVER="$release" KDIR="$kdir" modules userspace deb &&
		(cd "$tmp/elsewhere" && ls "module/$release"/evnotify{,-sim}.ko userspace/evnotify deb/*.deb)
}

check "make install" on install
check "it installs modules, command, library, manual, rule, group and where to have them loaded" has \
	"lib/modules/$release/updates"/evnotify{,-sim}.ko usr/local/bin/evnotify usr/local/lib/libevnotify.so.1 \
	usr/local/lib/pkgconfig/libevnotify.pc usr/local/include/evnotify/evnotify.h \
	usr/local/share/man/man1/evnotify.1 usr/local/lib/udev/rules.d/70-evnotify.rules \
	usr/local/lib/sysusers.d/evnotify.conf etc/modules-load.d/evnotify.conf
check "the samples are built" ls "$tree/build/module/$release/samples"/evnotify-{event,template,edu}.ko
check "they are not installed" lacks event.ko
echo evnotify >"$root/etc/modules-load.d/evnotify.conf"
check "and no other module" same 2 "$(find "$root" -name '*.ko*' | wc -l)"
check "make install, again" on install
check "it keeps what the administrator has decided" grep -qx evnotify "$root/etc/modules-load.d/evnotify.conf"
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

# kernel COMPILER_IS_CLANG: a directory that looks like a kernel's headers, and says what it is asked
kernel() {
	mkdir -p "$tmp/headers"
	echo "CONFIG_CC_IS_CLANG=$1" >"$tmp/headers/.config"
	# shellcheck disable=SC2016 # make's
	printf 'modules:\n\t@echo LLVM=$(LLVM)\n' >"$tmp/headers/Makefile"
	make -s -C "$tree" KDIR="$tmp/headers" modules | sort -u
}
check "a kernel that clang built gets clang" same LLVM=1 "$(kernel y)"
check "one that gcc built does not" same LLVM= "$(kernel n)"

check "a source that nobody may write to builds elsewhere" elsewhere
check "it stays as it was" test ! -e "$tree/build"
check "without another place that is said" fails 2 EVNOTIFY_BUILD=DIR read_only make -C "$tree" userspace

mv "$tree" "$tmp/ev notify"
check "a path with a space is refused by name" fails 2 "CURDIR, '$tmp/ev notify'" make -C "$tmp/ev notify" userspace
mv "$tmp/ev notify" "$tree"
check "so is DESTDIR" fails 2 "DESTDIR, '/x/de st'" make -C "$tree" install DESTDIR='/x/de st'
# shellcheck disable=SC2016 # make's, and the VM's
check 'the command of make vm keeps its $' same "selftests/vm/shell.sh 6.12 '"'echo $i $((1 + 1)) $$ ${HOME:-a b}'"'" \
	"$(make -s -n -C "$tree" vm CMD='echo $i $((1 + 1)) $$ ${HOME:-a b}')"
tap_done
