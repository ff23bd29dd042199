#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# dkms runs this, in its copy of the source, before its own build, which then finds everything
# done. Status 77 makes dkms pass over the kernel: from 3.1.5 on; for those before, dkms.conf runs
# it. Any other failure would be one of the kernel's package, and no upgrade of a kernel shall stop
# because of this module.
#
#   dkms-try.sh KERNEL_BUILD_DIRECTORY
llvm=
! grep -qs '^CONFIG_CC_IS_CLANG=y' "$1/.config" || llvm=LLVM=1
# shellcheck disable=SC2086 # nothing, if empty
make -C "$1" M="$PWD/module" $llvm modules && exit
# So runs dkms-autopkgtest, which would take 77 for a kernel that need not be supported. No package
# is built for meanwhile.
[ ! -e /etc/dkms/no-autoinstall ] || exit 1
echo 'evnotify: this kernel goes without the module, for it does not build; a newer release may' >&2
exit 77
