#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make dist; and from what it makes, without git: make install, dkms-install and what takes them
# back, into an empty directory, the packages, and what the top Makefile makes of its variables. TAP.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh disable=SC2317 # called through check
. "$(dirname "$0")/../vm/common.sh"
set +e +o pipefail	# tap.sh looks at statuses itself
shopt -u inherit_errexit
# shellcheck source=../../userspace/tests/tap.sh
. "$TOP/userspace/tests/tap.sh"

use_kernel 6.1
version=$(cat "$TOP/module/VERSION")
tree=$tmp/evnotify-$version root=$tmp/root
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

export GIT_CONFIG_GLOBAL=/dev/null
dist() { make -s -C "$tmp/work" dist && mv "$tmp/work/build/evnotify-$version.tar.gz" "$1"; }
dist_again() { (umask 077; TZ=Asia/Tokyo LC_ALL=C dist "$tmp/2.tar.gz") && cmp "$tmp/1.tar.gz" "$tmp/2.tar.gz"; }
check "the tree becomes a commit" "$TOP/selftests/install/commit.sh" "$tmp/work"
check "make dist" dist "$tmp/1.tar.gz"
find "$tmp/work" -type f -exec touch {} +
check "it makes the same bytes again, in another time zone, with another umask" dist_again
echo >"$tmp/work/new"
check "what is in no commit is named, and stops it" fails 2 'commit them first' make -C "$tmp/work" dist
mkdir "$tmp/bin"
printf '#!/bin/sh\necho "git was called: $*" >&2\nexit 1\n' >"$tmp/bin/git"
chmod +x "$tmp/bin/git"
PATH=$tmp/bin:$PATH	# from here on there is none
check "it unpacks" tar -C "$tmp" -xf "$tmp/1.tar.gz"

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
check "it installs a source for dkms" has "usr/src/evnotify-$version"/{dkms.conf,module/Kbuild}
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
