#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# dkms runs this before its own build, which then finds everything done. Status 77 makes dkms
# (3.1 and later) pass over the kernel. Any other failure would be one of the kernel's package,
# and no upgrade of a kernel shall stop because of this module.
#
#   dkms-try.sh KERNEL_BUILD_DIRECTORY [apart]     apart: in a copy, of which nothing is left
if [ $# -gt 1 ]; then
	copy=$(mktemp -d) || exit
	trap 'rm -r "$copy"' EXIT
	cp -R "${0%/*}" "$copy/module"
	cd "$copy" || exit
fi
llvm=
! grep -qs '^CONFIG_CC_IS_CLANG=y' "$1/.config" || llvm=LLVM=1
# shellcheck disable=SC2086 # nothing, if empty
make -C "$1" M="$PWD/module" $llvm modules && exit
echo 'evnotify: this kernel goes without the module, for it does not build; a newer release may' >&2
exit 77
