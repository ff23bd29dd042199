#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034,SC2154 # dkms reads the one and sets the other
# Lets dkms pass over a kernel that the module does not build for: no upgrade of a kernel shall
# stop because of this module.
#
#   dkms-try.sh KERNEL_BUILD_DIRECTORY
#
# dkms runs this as PRE_BUILD, in its copy of the source. Its own build then finds everything done;
# status 77 makes dkms pass over the kernel. dkms.conf sources it as well, for the dkms of old.

# try KERNEL_BUILD_DIRECTORY: build, in the copy of the source
try() {
	local llvm=()
	! grep -qs '^CONFIG_CC_IS_CLANG=y' "$1/.config" || llvm=(LLVM=1)
	make -C "$1" M="$PWD/module" "${llvm[@]}" modules && return
	# So runs dkms-autopkgtest, which would take 77 for a kernel that need not be supported. No package
	# is built for meanwhile.
	[ ! -e /etc/dkms/no-autoinstall ] || return 1
	echo 'evnotify: this kernel goes without the module, for it does not build; a newer release may' >&2
	return 77
}

# dkms before 3.1.5 does not heed the status of PRE_BUILD, so that a kernel which the module does not
# build for fails apt. For such a dkms the trial is made while it reads dkms.conf, and excludes the
# kernel. To 3.0.10 even an excluded kernel is a failed autoinstall; but it passes over a module
# without AUTOINSTALL. When it asks for that, $module is not set yet, and its local kernelver, that of
# an earlier build, hides the kernel to install for; is_module_built runs next to it.
try_early() {
	local conf=$1 tree=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION headers=$kernel_source_dir
	local target excluded='' option log
	target=$(unset kernelver; echo "$kernelver")
	[[ $target = "$kernelver" ]] || headers=$install_tree/$target/build
	[[ $target =~ $BUILD_EXCLUSIVE_KERNEL ]] || excluded=yes
	for option in $BUILD_EXCLUSIVE_CONFIG; do
		[[ ! -e $headers/.config ]] || grep -q "^$option=[ym]" "$headers/.config" || excluded=yes
	done
	if [[ ! $excluded && -e $headers/include && ! -d $tree/$target && ! ($action = autoinstall && $module) ]]; then
		log=$tree/build/make.log
		rm -rf "$tree/build"
		mkdir -p "$tree/build"
		cp -R "$conf/." "$tree/build"
		echo "DKMS make.log for $PACKAGE_NAME/$PACKAGE_VERSION for kernel $target ($(uname -m))" >"$log"
		(cd "$tree/build" && try "$headers") </dev/null >>"$log" 2>&1
		case $? in
		0) rm "$log" ;;
		77) excluded=yes; tail -n 1 "$log" >&2 ;;
		esac
	fi
	[[ ! $excluded ]] || BUILD_EXCLUSIVE_KERNEL='^$' AUTOINSTALL=''
	PRE_BUILD=''
}

if [[ ${BASH_SOURCE[0]} = "$0" ]]; then
	try "$1"
elif [[ $action =~ ^(build|install|autoinstall)$ && ${FUNCNAME[*]} != *is_module_built* &&
	$(declare -f run_build_script) != *exit* ]]; then
	try_early "${BASH_SOURCE[1]%/*}"
fi
