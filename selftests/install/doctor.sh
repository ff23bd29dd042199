#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Does "evnotify doctor" notice each state that it names? Puts a VM into each. TAP.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

kernel=6.12
here=$TOP/selftests/install
out=$BUILD/doctor
modules=$out/root/lib/modules

have openssl depmod || PATH=$PATH:/sbin
have openssl depmod || die "needs openssl and depmod: install the packages openssl and kmod"
rm -rf "$out"
mkdir -p "$out"/{bin,old,root/lib/modules}
make -s -C "$TOP/userspace" O="$BUILD/userspace" all >&2
gcc -Wall -Wextra -Werror -D_GNU_SOURCE -static "$here/in_state.c" -o "$out/bin/in_state"
cp "$BUILD/userspace/evnotify" "$TOP/userspace/tests/tap.sh" "$out/bin"

# older releases of the module, one with the present interface and one without, one that a
# stranger signed, and the present one
cp -R "$TOP/module/." "$out/old"
echo 0.0.1 >"$out/old/VERSION"
cp "$("$VM_DIR/build.sh" $kernel SRC="$out/old")" "$out/bin/older.ko"
sed -i 's/\(EVNOTIFY_ABI_VERSION\).*/\1 0/' "$out/old/include/uapi/linux/evnotify.h"
cp "$("$VM_DIR/build.sh" $kernel SRC="$out/old")" "$out/bin/foreign_abi.ko"
ko=$("$VM_DIR/build.sh" $kernel)
use_kernel $kernel
mkdir -p "$modules/$release"
cp "$ko" "$modules/$release"
depmod -b "$out/root" "$release" 2>/dev/null
openssl req -new -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=a stranger' \
	-keyout "$out/key" -out "$out/certificate" 2>/dev/null
cp "$ko" "$out/bin/signed.ko"
sign=$(find "${kdir%/usr/src/*}" -name sign-file -type f | head -1)
"$sign" sha256 "$out/key" "$out/certificate" "$out/bin/signed.ko"

for state in "" lockdown; do
	"$VM_DIR/run.sh" -l "$out/kernel$state.log" ${state:+-a "$state=integrity"} $kernel "$out/bin" "$out/root:/" \
		"$here/doctor-in-vm.sh" -- sh doctor-in-vm.sh $state
done | grep -v '^1\.\.' | awk '/ok [0-9]/ { sub(/ok [0-9]+/, "ok " ++n) } { print; fflush() } END { print "1.." n }'
