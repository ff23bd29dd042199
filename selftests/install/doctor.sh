#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Does "evnotify doctor" notice each state that it names? Puts a VM into each. TAP.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh
. "$(dirname "$0")/../vm/common.sh"

kernel=6.12
here=$TOP/selftests/install
out=$BUILD/doctor
modules=$out/root/lib/modules

have openssl depmod jq || die "needs openssl, depmod and jq: install the packages openssl, kmod and jq"
rm -rf "$out"
mkdir -p "$out"/{bin,old,root/lib/modules}
make -s -C "$TOP/userspace" O="$BUILD/userspace" all >&2
gcc -Wall -Wextra -Werror -D_GNU_SOURCE -static "$here/in_state.c" -o "$out/bin/in_state"
cp "$BUILD/userspace/evnotify" "$TOP/userspace/tests/tap.sh" "$(command -v depmod)" "$(command -v jq)" "$out/bin"

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

# certificate FILE NAME SERIAL; such a serial number has a zero in front
certificate() {
	openssl req -new -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$2" -set_serial "$3" \
		-keyout "$out/$1.key" -out "$out/$1.pem" 2>/dev/null
	openssl x509 -in "$out/$1.pem" -outform DER -out "$out/bin/$1.der"
}
certificate stranger "a stranger" 0xfedcba9876543210
certificate namesake "a stranger" 0xfedcba9876543211
certificate same_serial another 0xfedcba9876543210
cp "$ko" "$out/bin/signed.ko"
sign=$(find "${kdir%/usr/src/*}" -name sign-file -type f | head -1)
"$sign" sha256 "$out/stranger.key" "$out/stranger.pem" "$out/bin/signed.ko"

# what the kernel does not know goes into the environment of the first process
for state in "" lockdown; do
	"$VM_DIR/run.sh" -t 900 -l "$out/kernel$state.log" ${state:+-a "$state=integrity container=oci"} $kernel "$out/bin" "$out/root:/" \
		"$here/doctor-in-vm.sh" -- sh doctor-in-vm.sh $state
done | grep -v '^1\.\.' | awk '/ok [0-9]/ { sub(/ok [0-9]+/, "ok " ++n) } { print; fflush() } END { print "1.." n }'
