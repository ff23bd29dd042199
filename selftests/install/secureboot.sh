#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Secure Boot: firmware that verifies the kernel, which verifies the module. It is refused
# unsigned, and with the signature of DKMS, until the key that DKMS made is in the firmware. TAP.
#
#   secureboot.sh ROOT RELEASE      a system, its kernel, for which DKMS built and signed the module
#
# The key gets into the firmware's list "db" by a signed update, since shim's "Enroll MOK" wants
# somebody at the keyboard. Debian's kernels treat keys from there and those of shim alike.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

[[ $# = 2 ]] || die "usage: secureboot.sh ROOT RELEASE"
system=$1 release=$2
here=$TOP/selftests/install
out=$BUILD/secureboot
certificate=$out/root/var/lib/dkms/mok.pub
modules=$out/root/lib/modules/$release
vmlinuz=$system/boot/vmlinuz-$release
[[ -e $vmlinuz ]] || vmlinuz=$system/usr/lib/modules/$release/vmlinuz

# unpacked MODULE: of the system
unpacked() {
	local file
	file=$(find "$system/usr/lib/modules/$release" -name "$1.ko*")
	[[ -n $file ]] || die "$system has no module $1 for $release"
	case $file in
	*.xz) xz -dc "$file" ;;
	*.zst) zstd -dc "$file" ;;
	*) cat "$file" ;;
	esac
}

"$VM_DIR/deps.sh" install
rm -rf "$out"
mkdir -p "$out/bin" "$modules" "${certificate%/*}"
make -s -C "$TOP/userspace" O="$BUILD/userspace" all >&2
cp "$BUILD/userspace/evnotify" "$TOP/userspace/tests/tap.sh" "$(command -v chattr)" "$out/bin"
unpacked evnotify >"$out/bin/signed.ko"
strip --strip-debug -o "$modules/evnotify.ko" "$out/bin/signed.ko"	# which loses the signature
cp "$modules/evnotify.ko" "$out/bin/stranger.ko"
openssl req -new -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=a stranger' \
	-keyout "$out/stranger.key" -out "$out/stranger.pem" 2>/dev/null
( use_kernel 6.1	# whose program runs here
  sign=$(find "${kdir%/usr/src/*}" -name sign-file -type f | head -1)
  "$sign" sha256 "$out/stranger.key" "$out/stranger.pem" "$out/bin/stranger.ko" )
unpacked evnotify-sim >"$modules/evnotify-sim.ko"
depmod -b "$out/root" "$release" 2>/dev/null
grep -q '^CONFIG_EFIVAR_FS=y' "$system/boot/config-$release" || unpacked efivarfs >"$out/bin/efivarfs.ko"

# the firmware's own key is public; it signs the kernel and what shall be trusted
openssl rsa -in /usr/share/ovmf/PkKek-1-snakeoil.key -passin pass:snakeoil -out "$out/firmware.key" 2>/dev/null
sbsign --key "$out/firmware.key" --cert /usr/share/ovmf/PkKek-1-snakeoil.pem \
	--output "$out/vmlinuz" "$vmlinuz" >&2
cp "$system/var/lib/dkms/mok.pub" "$certificate"
openssl x509 -inform DER -in "$certificate" -out "$out/mok.pem"
cert-to-efi-sig-list "$out/mok.pem" "$out/mok.esl"
sign-efi-sig-list -a -k "$out/firmware.key" -c /usr/share/ovmf/PkKek-1-snakeoil.pem \
	db "$out/mok.esl" "$out/bin/db.auth" >&2
cp /usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd "$out/variables"

machine="-machine smm=on -kernel $out/vmlinuz -global driver=cfi.pflash01,property=secure,value=on"
machine+=" -drive if=pflash,format=raw,unit=0,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd,readonly=on"
machine+=" -drive if=pflash,format=raw,unit=1,file=$out/variables"
for step in before after; do
	say "Secure Boot: $step the key is in the firmware"
	# the firmware speaks on the same line; the kernel is the system's, not that of the table; and
	# system management mode is emulated so slowly that beside others a CPU seems to be stuck
	"$VM_DIR/run.sh" -t 900 -a 'nowatchdog rcupdate.rcu_cpu_stall_suppress=1' -l "$out/$step.log" -q "$machine" 6.1 "$out/bin" "$out/root:/" \
		"$here/secureboot-in-vm.sh" -- sh secureboot-in-vm.sh $step | tr -d '\r' | grep -aoE '(not )?ok [0-9]+ - .*|^#.*'
done | awk '/ok [0-9]/ { sub(/ok [0-9]+/, "ok " ++n) } { print; fflush() } END { print "1.." n }'
