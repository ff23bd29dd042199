#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make vm": a VM with the module loaded and the tools at hand; a shell, or one command.
#
#   shell.sh KERNEL [COMMAND]
#
# The debug kernel gets the checked build; gdb attaches to that VM at any time with
#   gdb -x build/gdb/attach
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

kernel=$1; shift
for_this_machine "$kernel"
build=() options=() load='insmod evnotify.ko'
"$VM_DIR/deps.sh" demo
use_kernel "$kernel"
if [[ $kernel = debug ]]; then
	gdb=$BUILD/gdb
	rm -rf "$gdb"
	mkdir -p "$gdb"
	build=(DEBUG=1 KCFLAGS=-g)
	options=(-q "-chardev socket,path=$gdb/socket,server=on,wait=off,id=gdb -gdb chardev:gdb" -l "$gdb/kernel.log")
	# shellcheck disable=SC2016 # expands in the VM, whose log tells gdb where the module lies
	load+=' && echo "evnotify-vm: text $(cat /sys/module/evnotify/sections/.text)" >/dev/kmsg'
fi
module=$("$VM_DIR/build.sh" "$kernel" "${build[@]}")
make -s -C "$TOP/userspace" O="$BUILD/userspace" all >&2
if [[ $kernel = debug ]]; then
	cat >"$gdb/attach" <<-END
		set pagination off
		file $kdir/vmlinux
		target remote $gdb/socket
		shell sed -nE 's#.*evnotify-vm: text (0x[0-9a-f]+).*#add-symbol-file $module \1#p' $gdb/kernel.log >$gdb/module
		source $gdb/module
	END
fi
files=("$module" "$BUILD/userspace/evnotify" "$BUILD/userspace/examples")
if [[ $# = 0 ]]; then
	exec "$VM_DIR/run.sh" -i "${options[@]}" "$kernel" "${files[@]}" -- "$load && ls"
fi
exec "$VM_DIR/run.sh" "${options[@]}" "$kernel" "${files[@]}" -- "$load && { $*; }"
