#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Secure Boot: firmware that verifies the kernel, which verifies the module. It is refused
# unsigned, and with the key that DKMS made, until that key is in the firmware. TAP.
#
# The key gets into the firmware's list "db" by a signed update, since shim's "Enroll MOK" wants
# somebody at the keyboard. Debian's kernels treat keys from there and those of shim alike.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

kernel=6.12
here=$TOP/selftests/install
out=$BUILD/secureboot
modules=$out/root/lib/modules

PATH=$PATH:/sbin
if ! have openssl depmod sbsign cert-to-efi-sig-list || [[ ! -e /usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd ]]; then
	die "install the packages openssl, kmod, ovmf, sbsigntool and efitools"
fi
apt_private
use_kernel $kernel
rm -rf "$out"
mkdir -p "$out/bin" "$modules/$release" "$out/root/var/lib/dkms"
make -s -C "$TOP/userspace" O="$BUILD/userspace" all >&2
cp "$BUILD/userspace/evnotify" "$TOP/userspace/tests/tap.sh" "$(command -v chattr)" "$out/bin"
cp "$("$VM_DIR/build.sh" $kernel)" "$out/bin"

# the modules that give access to the firmware's variables are not in the image itself
efivarfs=$CACHE/kernel/efivarfs-$release.ko
if [[ ! -e $efivarfs ]]; then
	say "downloading linux-image-$release"
	(cd "$out" && apt-get -qq download "linux-image-$release")
	dpkg-deb --fsys-tarfile "$out"/linux-image-*.deb | tar -C "$out" -x --wildcards '*/efivarfs.ko*'
	find "$out/lib" "$out/usr" -name '*.xz' -exec xz -d {} + 2>/dev/null || true
	find "$out/lib" "$out/usr" -name efivarfs.ko -exec cp {} "$efivarfs" \; 2>/dev/null || true
fi
cp "$efivarfs" "$out/bin/efivarfs.ko"

# the firmware's own key is public; it signs the kernel and what shall be trusted
openssl rsa -in /usr/share/ovmf/PkKek-1-snakeoil.key -passin pass:snakeoil -out "$out/firmware.key" 2>/dev/null
sbsign --key "$out/firmware.key" --cert /usr/share/ovmf/PkKek-1-snakeoil.pem \
	--output "$out/vmlinuz" "$vmlinuz" >&2
openssl req -new -x509 -nodes -days 36500 -subj '/CN=DKMS module signing key' -newkey rsa:2048 \
	-keyout "$out/mok.key" -outform DER -out "$out/root/var/lib/dkms/mok.pub" 2>/dev/null
openssl x509 -inform DER -in "$out/root/var/lib/dkms/mok.pub" -out "$out/mok.pem"
cert-to-efi-sig-list "$out/mok.pem" "$out/mok.esl"
sign-efi-sig-list -a -k "$out/firmware.key" -c /usr/share/ovmf/PkKek-1-snakeoil.pem \
	db "$out/mok.esl" "$out/bin/db.auth" >&2
cp "$out/bin/evnotify.ko" "$out/bin/signed.ko"
"$(find "${kdir%/usr/src/*}" -name sign-file -type f | head -1)" sha256 \
	"$out/mok.key" "$out/root/var/lib/dkms/mok.pub" "$out/bin/signed.ko"
cp "$out/bin/evnotify.ko" "$modules/$release"
depmod -b "$out/root" "$release" 2>/dev/null
cp /usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd "$out/variables"

machine="-machine smm=on -kernel $out/vmlinuz -global driver=cfi.pflash01,property=secure,value=on"
machine+=" -drive if=pflash,format=raw,unit=0,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd,readonly=on"
machine+=" -drive if=pflash,format=raw,unit=1,file=$out/variables"
for step in before after; do
	say "Secure Boot: $step the key is in the firmware"
	# the firmware speaks on the same line
	"$VM_DIR/run.sh" -t 600 -l "$out/$step.log" -q "$machine" $kernel "$out/bin" "$out/root:/" \
		"$here/secureboot-in-vm.sh" -- sh secureboot-in-vm.sh $step | tr -d '\r' | grep -aE '^(ok|not ok|#)'
done | awk '/ok [0-9]/ { sub(/ok [0-9]+/, "ok " ++n) } { print; fflush() } END { print "1.." n }'
