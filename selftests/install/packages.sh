#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The packages for systems other than Debian, from what "make dist" makes: those of rpmbuild, which
# rpmlint judges, and those of makepkg. rpm and pacman install each into an empty root, where there
# has to be what the source has, of which dkms builds the module for a kernel of Debian. TAP.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh disable=SC2317 # called through check
. "$(dirname "$0")/../vm/common.sh"
set +e +o pipefail	# tap.sh looks at statuses itself
shopt -u inherit_errexit
# shellcheck source=../../userspace/tests/tap.sh
. "$TOP/userspace/tests/tap.sh"

if [[ $(id -u) != 0 ]]; then
	skip "packages for systems other than Debian" "needs root, as rpm and pacman install into a root"
	tap_done
	exit
fi
"$VM_DIR/deps.sh" packages || exit
use_kernel 6.1
version=$(cat "$TOP/module/VERSION")
site=$(/usr/bin/python3 -c 'import sysconfig; print(sysconfig.get_path("purelib", "posix_prefix"))')
chmod 755 "$tmp"

# by_nobody DIRECTORY COMMAND...: there, as makepkg will not have it done by root
by_nobody() {
	chown -R nobody "$1" &&
		(cd "$1" && HOME=$1 exec setpriv --reuid=nobody --regid=nogroup --clear-groups "${@:2}")
}

# expected: what the packages have to bring, in all
expected() {
	local udev=$TOP/userspace/udev root=$tmp/expected
	make -s -C "$TOP/userspace" O="$BUILD/userspace" PREFIX=/usr DESTDIR="$root" install &&
	install -D -m 644 -t "$root/usr/lib/udev/rules.d" "$udev"/rules.d/* &&
	install -D -m 644 -t "$root/usr/lib/sysusers.d" "$udev"/sysusers.d/* &&
	install -D -m 644 -t "$root/etc/modules-load.d" "$udev"/modules-load.d/* &&
	install -D -m 644 -t "$root$site/evnotify" "$TOP"/userspace/python/evnotify/*.{py,typed} &&
	mkdir -p "$root/usr/src/evnotify-$version" &&
	tar -C "$tmp/work" -cf - dkms.conf module | tar --no-same-owner -C "$root/usr/src/evnotify-$version" -xf -
}

# listing ROOT: what is there, with mode, owner and target of a link, but for documents and what rpm
# and pacman keep for themselves. RPM's library directory is another, and a library may be executed
# there; pages may be compressed.
listing() {
	find "$1" ! -type d ! -path "$1/var/*" ! -path '*/.build-id/*' ! -path "$1/usr/share/doc/*" \
		! -path "$1/usr/share/licenses/*" -printf '%P %m %u:%g %l\n' |
		sed 's|^usr/lib64/|usr/lib/|; s/\.so\.1 755 /.so.1 644 /; /share\/man/s/\.gz\( \|$\)/\1/g' | sort
}
has_all() { diff <(listing "$tmp/expected") <(listing "$1"); }
directories() { [[ -z $(find "$1" -type d ! -path "$1/var/*" ! -perm 755 -print | tee /dev/stderr) ]]; }
documents() {
	local file
	for file in doc/evnotify*/handbook/index.rst doc/evnotify*/examples/{epoll.c,loops/glib.c,testing/meter.py} "${@:2}"; do
		compgen -G "$1/usr/share/$file" >/dev/null || { echo "no $file in:"; find "$1/usr/share/"{doc,licenses}; return 1; }
	done
}

# program ROOT: is built with what is there for developers, and says which version it runs with
program() {
	export PKG_CONFIG_SYSROOT_DIR=$1 PKG_CONFIG_PATH=$1/usr/lib/pkgconfig:$1/usr/lib64/pkgconfig
	# shellcheck disable=SC2046 # words
	gcc -x c - -o "$tmp/program" $(pkg-config --cflags --libs libevnotify) <<-'C'
		#include <evnotify.h>
		#include <stdio.h>
		int main(void) { return puts(evn_version_string()) < 0; }
	C
	LD_LIBRARY_PATH=$1/usr/lib:$1/usr/lib64 "$tmp/program"
}
python() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$1$site /usr/bin/python3 -c 'import evnotify; print(evnotify.__file__)'
}

# in_place ROOT COMMAND...: for dkms the sources of the root are this machine's, and its kernel too
in_place() {
	mkdir -p "$1/var/lib/dkms" "$1/lib/modules/$release" /lib/modules
	ln -sfn "$kdir" "$1/lib/modules/$release/build"
	# shellcheck disable=SC2016 # expands inside
	unshare -m sh -ec '
		for dir in usr/src var/lib/dkms lib/modules; do mount --bind "$0/$dir" "/$dir"; done
		exec "$@"' "$@"
}
modules() { find "$1/lib/modules" -name 'evnotify*.ko*' -printf '%f\n' | sort | paste -sd ' '; }

# check_root NAME ROOT COMMAND COMMAND: what has been installed there, from which dkms builds the
# modules by the one command and removes them by the other, for the shell
check_root() {
	check "$1: there is all that the source has, with its mode" has_all "$2"
	check "$1: everybody may look into the directories" directories "$2"
	check "$1: the command runs" same "evnotify $version" "$("$2/usr/bin/evnotify" --version 2>&1)"
	check "$1: a program is built with the library" same "$version" "$(program "$2" 2>&1)"
	check "$1: Python finds its package" same "$2$site/evnotify/__init__.py" "$(python "$2" 2>&1)"
	check "$1: dkms builds the modules" in_place "$2" sh -c "$3"
	check "$1: both" same "evnotify-sim.ko evnotify.ko" "$(modules "$2")"
	check "$1: dkms removes them" in_place "$2" sh -c "$4"
	check "$1: both" same "" "$(modules "$2")"
	rm -rf "${2:?}/lib" "$2/var/lib/dkms"
}
nothing_left() { [[ -z $(listing "$1" | tee /dev/stderr) ]]; }

check "the tree becomes a commit" "$TOP/selftests/install/commit.sh" "$tmp/work"
check "make dist" make -s -C "$tmp/work" dist
tarball=$tmp/work/build/evnotify-$version.tar.gz
check "what the packages have to bring" expected

# RPM. The macro is of Fedora's python3-devel.
#
# What is not heeded of rpmlint's: who publishes the packages adds a URL and a changelog, and signs
# them; groups, packagers, build roots and ldconfig are of the past; this rpmlint knows no names of
# SPDX, wants bzip2 and a table that no loader reads any more; what Debian's rpmbuild leaves undone,
# Fedora's does: it strips, compresses pages, and adds the dependency on Python. The manual is in
# the first package, and the library beside the command; dkms has sources to compile.
cat >"$tmp/rpmlintrc" <<'FILTERS'
addFilter("no-url-tag|no-changelogname-tag|invalid-url Source0: evnotify-|no-signature")
addFilter("no-group-tag|no-packager-tag|no-buildroot-tag|library-without-ldconfig-post")
addFilter("invalid-license|manpage-not-compressed bz2|missing-hash-section")
addFilter("unstripped-binary-or-object|static-library-without-debuginfo")
addFilter("no-manual-page-for-binary|no-dependency-on python-base")
addFilter("no-documentation|no-major-in-name evnotify-devel|requires-on-release evnotify")
addFilter("(executable|non-versioned-file)-in-library-package")
addFilter("devel-file-in-non-devel-package /usr/src/evnotify-")
FILTERS
rpm=$tmp/rpm root=$tmp/rpm.root
mkdir "$rpm" "$root"
cp "$tarball" "$rpm"
check "rpm: rpmbuild" by_nobody "$rpm" rpmbuild -tb --nodeps --define "_topdir $rpm" \
	--define "python3_sitelib $site" "$rpm/${tarball##*/}"
mapfile -t rpms < <(find "$rpm/RPMS" -name '*.rpm')
lint() { rpmlint -r "$tmp/rpmlintrc" "${rpms[@]}" "$TOP/packages/rpm/evnotify.spec" | tee "$tmp/lint"; grep -q ' 0 errors, 0 warnings' "$tmp/lint"; }
check "rpm: rpmlint has nothing to say" lint
in_rpm() { rpm --root "$root" --define '_dbpath /var/lib/rpm' "$@"; }
check "rpm: rpm -i" in_rpm -i --nodeps --noscripts "${rpms[@]}"
check "rpm: manual, examples, licences" documents "$root" licenses/evnotify-"$version"/COPYING{,.LGPL}
check "rpm: programs find the library by its name" in_rpm -q --whatprovides 'libevnotify.so.1()(64bit)'
check_root rpm "$root" "$(in_rpm -q --qf '%{POSTTRANS}' evnotify-dkms)" "$(in_rpm -q --qf '%{PREUN}' evnotify-dkms)"
check "rpm: rpm -e" in_rpm -e --noscripts evnotify{,-dkms,-devel} python3-evnotify
check "rpm: it leaves nothing" nothing_left "$root"

# Arch, where the package dkms has a hook that runs it
arch=$tmp/arch root=$tmp/arch.root
mkdir -p "$arch" "$root/var/lib/pacman"
cp "$tarball" "$TOP/packages/arch/PKGBUILD" "$arch"
check "arch: makepkg" by_nobody "$arch" makepkg --nodeps
printf '[options]\nSigLevel = Never\n' >"$tmp/pacman.conf"
in_pacman() {
	pacman --root "$root" --dbpath "$root/var/lib/pacman" --config "$tmp/pacman.conf" --hookdir "$root/var" \
		--logfile "$root/var/log/pacman.log" --noconfirm --noprogressbar "$@"
}
check "arch: pacman -U" in_pacman -U -dd "$arch"/*.pkg.tar*
check "arch: manual, examples, licences" documents "$root" licenses/evnotify/COPYING
check_root arch "$root" "dkms install evnotify/$version -k $release" "dkms remove evnotify/$version --all"
check "arch: pacman -R" in_pacman -Rdd evnotify{,-dkms} python-evnotify
check "arch: it leaves nothing" nothing_left "$root"
tap_done
