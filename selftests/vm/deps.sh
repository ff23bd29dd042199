#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Installs the Debian packages that are missing here, and says which and why.
#
#   deps.sh demo|source|install|check|all|coverage|bench
#
# Without apt it names what is missing and fails only then.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in
demo) ;;
source | install | bench) "$0" demo ;;
check) "$0" source; "$0" install ;;	# all of which bring a gcc, whose version counts below
all | coverage) "$0" check ;;
*) die "usage: deps.sh demo|source|install|check|all|coverage|bench" ;;
esac
gcc=$(gcc -dumpversion 2>/dev/null) || gcc=12

# for        found by                           package                 why
needs() { cat <<END
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
source       flex                               flex                    kernel configuration
source       bison                              bison                   kernel configuration
source       bc                                 bc                      kernel build
source       perl                               perl                    checkpatch and kernel build
source       /usr/include/libelf.h              libelf-dev              objtool of the debug kernel
install      mmdebstrap                         mmdebstrap              makes a Debian system
install      mke2fs                             e2fsprogs               puts it into an image
install      /usr/share/build-essential/list    build-essential         builds the packages
install      dh                                 debhelper               builds the packages
install      /usr/share/perl5/Debian/Debhelper/Sequence/dkms.pm dh-dkms builds the packages
install      lintian                            lintian                 judges the packages
install      jq                                 jq                      reads the command's JSON
install      mandoc                             mandoc                  lints the manual pages
install      openssl                            openssl                 makes keys
install      sbsign                             sbsigntool              signs the kernel for Secure Boot
install      sign-efi-sig-list                  efitools                changes the keys of the firmware
install      /usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd ovmf              firmware that has Secure Boot
check        python3                            python3                 kernel-doc
check        rsync                              rsync                   kselftest's install step
check        /usr/lib32/libc.a                  libc6-dev-i386          32-bit callers
check        /usr/lib/gcc/*/*/32/libgcc.a       lib32gcc-$gcc-dev         32-bit callers
check        g++                                g++                     the header in C++
check        /usr/include/liburing.h            liburing-dev            tests of io_uring
check        sparse                             sparse                  static gate
check        spatch                             coccinelle              static gate
check        /usr/lib/*/libpython3.*.so         libpython3-dev          coccinelle's scripts in Python
check        shellcheck                         shellcheck              static gate
check        spin                               spin                    checks the model of the engine
all          patch                              patch                   seeds the bugs that the fuzzer has to find
all          qemu-system-aarch64                qemu-system-arm         runs the arm64 VM
all          aarch64-linux-gnu-gcc-12           gcc-12-aarch64-linux-gnu compiles for it
all          gdb                                gdb                     looks into the debug kernel
all          git                                git                     the series for a kernel tree
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


packages=()
while read -r _ file package why; do
	is_here "$file" || { packages+=("$package"); say "missing: $package ($why)"; }
done < <(needs | grep "^$1 ")
[[ ${#packages[@]} -gt 0 ]] || exit 0

have apt-get || die "there is no apt here; install what these Debian packages hold: ${packages[*]}"
sudo=()
[[ $(id -u) = 0 ]] || sudo=(sudo)
install() {
	"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends --no-remove \
		-o Dpkg::Use-Pty=0 install "${packages[@]}" >>"$BUILD/apt.log" 2>&1
}
say "installing ${packages[*]}${sudo:+ with sudo}"
# fresh lists only where the present ones do not serve
if [[ -z $(apt-get indextargets 'Created-By: Packages') ]] || ! install; then
	say "reading fresh package lists"
	"${sudo[@]}" apt-get -qq update >>"$BUILD/apt.log" 2>&1 || die "apt-get update failed, see $BUILD/apt.log"
	install || die "apt-get install failed, see $BUILD/apt.log"
fi
