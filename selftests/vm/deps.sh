#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Installs the Debian packages that are missing here, and says which and why.
#
#   deps.sh FOR...      what is to be done: one of for_what
#
# Without apt it names what is missing and fails only then. It fails as well where the disk has no
# room for what will be fetched and built.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# what is installed is the machine's matter, not that of apt_private
[[ ${APT_CONFIG:-} != "$CACHE"/* ]] || unset APT_CONFIG

# for_what WORD...: with what these need in turn; and, in megabytes, the room that cache and build
# directory take in the end
for_what() {
	local word
	for word; do
		case $word in
		demo) echo demo 400 200 ;;
		source) for_what demo; echo source 2500 200 ;;
		kernel) for_what source; echo kernel 3500 200 ;;
		check) for_what source; echo check 2700 600 ;;
		install) for_what demo; echo install 2000 3000 ;;
		loops) for_what demo; echo loops 400 300 ;;
		packages) for_what demo; echo packages 400 300 ;;
		ci) for_what check kernel install loops; echo ci 5000 4000 ;;
		all) for_what ci packages; echo all 9500 8000 ;;
		coverage) for_what check kernel; echo coverage 3500 1000 ;;
		bench) for_what source; echo bench 2700 300 ;;
		*) die "usage: deps.sh demo|source|kernel|check|install|loops|packages|ci|all|coverage|bench..." ;;
		esac
	done
}

# for        found by                           package                 why
needs() { cat <<'END'
demo         qemu-system-x86_64                 qemu-system-x86         runs the throw-away VM
demo         busybox                            busybox-static          commands inside the VM
demo         gcc                                gcc                     compiles library and command
demo         gcc-12                             gcc-12                  compiled Debian's kernels, so compiles the module
demo         make                               make                    drives the build
demo         /usr/include/stdlib.h              libc6-dev               C library headers
demo         /usr/include/libkmod.h             libkmod-dev             the command loads the module with it
demo         /usr/include/tracefs/tracefs.h     libtracefs-dev          its trace subcommand
demo         /usr/include/traceevent/event-parse.h libtraceevent-dev    its trace subcommand
demo         pkg-config                         pkg-config              finds libraries
demo         depmod                             kmod                    makes the module known in the VM
demo         flock                              util-linux              one download at a time
demo         /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring verifies downloaded kernels
source       xz                                 xz-utils                unpacks the kernel source
kernel       flex                               flex                    kernel configuration
kernel       bison                              bison                   kernel configuration
kernel       bc                                 bc                      kernel build
kernel       perl                               perl                    kernel build
kernel       /usr/include/libelf.h              libelf-dev              objtool of the debug kernel
install      mmdebstrap                         mmdebstrap              makes a Debian system
install      mke2fs                             e2fsprogs               puts it into an image
install      /usr/share/build-essential/list    build-essential         builds the packages
install      dh                                 debhelper               builds the packages
install      dh_python3                         dh-python               builds the packages
install      /usr/share/perl5/Debian/Debhelper/Sequence/dkms.pm dh-dkms builds the packages
install      lintian                            lintian                 judges the packages
install      git                                git                     make dist, and the series for a kernel tree
install      openssl                            openssl                 makes keys
install      sbsign                             sbsigntool              signs the kernel for Secure Boot
install      sign-efi-sig-list                  efitools                changes the keys of the firmware
install      /usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd ovmf              firmware that has Secure Boot
check        perl                               perl                    checkpatch
check        jq                                 jq                      reads the command's JSON
check        mandoc                             mandoc                  lints the manual pages
check        /usr/bin/python3                   python3                 kernel-doc, and the Python package
check        /usr/lib/python3/dist-packages/pytest python3-pytest       tests of that
check        /usr/lib/python3/dist-packages/mypy python3-mypy           its types
check        /usr/lib/python3/dist-packages/setuptools python3-setuptools what pip installs of it
check        /usr/lib/python3/dist-packages/wheel python3-wheel         what pip installs of it
check        rsync                              rsync                   kselftest's install step
check        /usr/lib32/libc.a                  libc6-dev-i386          32-bit callers
check        /usr/lib/gcc/*/*/32/libgcc.a       lib32gcc-GCC-dev        32-bit callers, GCC is its version
check        g++                                g++                     the header in C++
check        /usr/include/liburing.h            liburing-dev            tests of io_uring
check        sparse                             sparse                  static gate
check        spatch                             coccinelle              static gate
check        /usr/lib/*/libpython3.*.so         libpython3-dev          coccinelle's scripts in Python
check        shellcheck                         shellcheck              static gate
check        sphinx-build                       python3-sphinx          builds the handbook
check        dot                                graphviz                draws its pictures
check        spin                               spin                    checks the models of the engine and of sources
loops        g++                                g++                     compiles the one with Boost.Asio
loops        /usr/include/boost/asio.hpp        libboost-dev            examples of event loops
loops        /usr/include/liburing.h            liburing-dev            examples of event loops
loops        /usr/include/uv.h                  libuv1-dev              examples of event loops
loops        /usr/include/glib-2.0/glib-unix.h  libglib2.0-dev          examples of event loops
loops        /usr/include/systemd/sd-event.h    libsystemd-dev          examples of event loops
loops        go                                 golang-go               examples of event loops
loops        python3                            python3                 examples of event loops
packages     git                                git                     make dist
packages     rpmbuild                           rpm                     builds and installs packages for Fedora
packages     rpmlint                            rpmlint                 judges them
packages     makepkg                            makepkg                 builds those for Arch
packages     bsdtar                             libarchive-tools        packs them
packages     fakeroot                           fakeroot                packs them
packages     pacman                             pacman-package-manager  installs them
packages     dkms                               dkms                    builds the module that they have
packages     python3                            python3                 loads the Python package
all          patch                              patch                   seeds the bugs that the fuzzer has to find
all          qemu-system-aarch64                qemu-system-arm         runs the arm64 VM
all          aarch64-linux-gnu-gcc-12           gcc-12-aarch64-linux-gnu compiles for it
all          qemu-system-s390x                  qemu-system-misc        runs the s390x VM
all          s390x-linux-gnu-gcc-12             gcc-12-s390x-linux-gnu  compiles for it
all          gdb                                gdb                     looks into the debug kernel
all          rst2html                           python3-docutils        reads the page for a kernel tree
coverage     lcov                               lcov                    lines and branches as HTML
bench        /usr/include/liburing.h            liburing-dev            what io_uring is measured with
bench        gnuplot                            gnuplot-nox             draws the chart
END
}

# is_here COMMAND-or-PATTERN
is_here() {
	case $1 in
	/*) compgen -G "$1" >/dev/null ;;
	*) have "$1" ;;
	esac
}

# room DIRECTORY MEGABYTES VARIABLE: has its disk as much, what is there already included?
room() {
	local has free
	has=$(du -sm "$1" 2>/dev/null | cut -f1)
	free=$(df --output=avail -m "$1" | tail -1)
	[[ $((has + free)) -ge $2 ]] || die "$1 needs $(($2 - has)) MB, and its disk has $((free)) MB left;" \
		"make room, or name a directory on another: $3=DIR"
}

sets=$(for_what "$@") packages=()
while read -r package why; do
	packages+=("$package"); say "missing: $package ($why)"
done < <(needs | while read -r set file package why; do
	! grep -q "^$set " <<<"$sets" || is_here "$file" || echo "$package $why"
done | awk '!seen[$1]++')
read -r cache build < <(awk '{ if ($2 > c) c = $2; if ($3 > b) b = $3 } END { print c, b }' <<<"$sets")
room "$CACHE" "$cache" EVNOTIFY_CACHE
room "$BUILD" "$build" EVNOTIFY_BUILD
[[ ${#packages[@]} -gt 0 ]] || exit 0

have apt-get || die "there is no apt here; install what these Debian packages hold: ${packages[*]}"
sudo=()
if [[ $(id -u) != 0 ]]; then
	have sudo || die "packages are missing, and there is no sudo; as root: apt-get install ${packages[*]}"
	sudo=(sudo)
fi
failed() {
	tail -5 "$BUILD/apt.log" >&2
	die "$1 failed, see above and $BUILD/apt.log; once the network and apt's sources are in order, try again"
}
update() {
	say "reading fresh package lists"
	"${sudo[@]}" apt-get -qq update >>"$BUILD/apt.log" 2>&1 || failed 'apt-get update'
}
install() {
	local gcc
	gcc=$(apt-cache depends gcc 2>/dev/null | sed -nE 's/.*Depends: gcc-([0-9]+)$/\1/p')
	say "installing ${packages[*]/GCC/$gcc}${sudo:+ with sudo}"
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends --no-remove \
		-o Dpkg::Use-Pty=0 install "${packages[@]/GCC/$gcc}" >>"$BUILD/apt.log" 2>&1
}
# fresh lists only where the present ones do not serve
[[ -n $(apt-get indextargets 'Created-By: Packages') ]] || update
install || { update; install || failed 'apt-get install'; }
