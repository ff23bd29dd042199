#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Inside the VM of secureboot.sh: before the key is in the firmware, and after.
# shellcheck source=userspace/tests/tap.sh
. ./tap.sh

installed=/lib/modules/$(uname -r)/evnotify.ko
refused() { fails 5 "$1" evnotify -n 1 0 0; }
signature() {
	evnotify doctor --json | grep '"examined":"signature"' >"$tmp/line"
	cat "$tmp/line"
	case $(cat "$tmp/line") in *"\"state\":\"$1\""*"$2"*) true ;; *) false ;; esac
}

# enrol: appends to the list of keys; attributes 0x67 (append, authenticated by time) go first
enrol() {
	db=/sys/firmware/efi/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f
	{ printf '\147\0\0\0'; cat db.auth; } >"$tmp/db"
	chattr -i $db
	dd if="$tmp/db" of=$db bs=1M
}

mount -t securityfs security /sys/kernel/security
check "$1: the kernel is locked down" grep -q '\[integrity\]' /sys/kernel/security/lockdown
[ ! -e efivarfs.ko ] || insmod efivarfs.ko
mount -t efivarfs variables /sys/firmware/efi/efivars || echo "# no efivarfs"

if [ "$1" = before ]; then
	check "unsigned: doctor says so" signature problem "not signed"
	check "unsigned: it is Secure Boot" signature problem "Secure Boot makes"
	check "unsigned: refused, and evnotify says why" refused "signature"
	cp signed.ko "$installed"
	check "unknown key: doctor says so" signature problem "mokutil --import"
	check "unknown key: refused, and evnotify says why" refused "signature"
	check "the key gets into the firmware" enrol
else
	cp stranger.ko "$installed"
	check "a stranger's signature: doctor says so" signature problem "'a stranger', whose key is not enrolled"
	check "a stranger's signature: refused, and evnotify says why" refused "signature"
	cp signed.ko "$installed"
	check "doctor says that the key is enrolled" signature ok "whose key is enrolled"
	check "the module loads" modprobe evnotify
	check "so does evnotify-sim" modprobe evnotify-sim
	for mode in 0 1; do
		check "evnotify 0.2 $mode" evnotify -n 2 0.2 $mode
	done
	check "doctor is content" evnotify doctor
fi
tap_done
