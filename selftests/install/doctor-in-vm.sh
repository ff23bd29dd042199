#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Inside the VM of doctor.sh: one state after another, the ones that cannot be left at the end;
# or, in a kernel that was started so, "lockdown".
# shellcheck source=userspace/tests/tap.sh
. ./tap.sh

release=$(uname -r)
modules=/lib/modules/$release
installed=$modules/evnotify.ko
cp "$installed" present.ko

# diagnose COMMAND...: the findings as JSON in $out, status in $rc
diagnose() { run "$@" evnotify doctor --json; }

# found EXAMINED STATE TEXT
found() {
	line=$(echo "$out" | grep "\"examined\":\"$1\"")
	echo "$line"
	case $line in *"\"state\":\"$2\""*"$3"*) true ;; *) false ;; esac
}
finds() { check "$1: $2 is '$3'" found "$2" "$3" "$4"; }
status() { check "$1: status $2" same "$2" "$rc"; }

# mend EXAMINED: does what it says, as root
mend() {
	echo "$out" | sed -n "s/.*\"examined\":\"$1\".*\"mend\":\"\(.*\)\"}/\1/p" | sed 's/sudo //g; s/; .*//' >"$tmp/mend"
	sh "$tmp/mend"
}

# refused TEXT: the command says why it cannot load the module
refused() { fails 5 "$1" evnotify -n 1 0 0; }

if [ "${1:-}" = lockdown ]; then
	mount -t securityfs security /sys/kernel/security
	check "the kernel is locked down" grep -q '\[integrity\]' /sys/kernel/security/lockdown
	diagnose env
	status "lockdown, unsigned" 5
	finds "lockdown, unsigned" signature problem "lockdown makes"
	check "lockdown, unsigned: evnotify says so" refused "locked down and loads signed modules only"
	cp signed.ko "$installed"
	diagnose env
	finds "lockdown, signed by a stranger" signature note "lockdown is on"
	check "lockdown, signed by a stranger: evnotify says so" refused "locked down"
	tap_done
	exit
fi

mv "$modules" /hidden
diagnose env
status "nothing is there" 3
finds "nothing is there" kernel ok "$release"
finds "nothing is there" headers problem "apt install linux-headers-$release"
finds "nothing is there" installed problem "neither DKMS"
finds "nothing is there" loaded problem "sudo modprobe evnotify"
finds "nothing is there" node problem "No such file"
finds "nothing is there" container ok "not in"
diagnose in_state old
status "an old kernel" 3
finds "an old kernel" kernel problem "too old"
mkdir -p /lib/modules/9.9.9/updates/dkms
touch /lib/modules/9.9.9/updates/dkms/evnotify.ko.xz
diagnose env
finds "another kernel's module" installed problem "for kernel 9.9.9"
rm -r /lib/modules/9.9.9
mkdir -p /var/lib/dkms/evnotify/0.1.0/build
diagnose env
finds "not built" installed problem "has its source"
touch /var/lib/dkms/evnotify/0.1.0/build/make.log
diagnose env
finds "did not build" installed problem "less /var/lib/dkms/evnotify/0.1.0/build/make.log"
mv /hidden "$modules"

mkdir -p "$modules/build/include" /boot
diagnose env
status "installed" 3
finds "installed" headers ok ""
finds "installed" installed ok "0.1.0"
finds "installed" signature ok "unsigned"
echo '# CONFIG_EVENTFD is not set' >"/boot/config-$release"
diagnose env
finds "no eventfd" kernel problem "without CONFIG_EVENTFD"
printf '#\nCONFIG_EVENTFD=y\nCONFIG_HIGH_RES_TIMERS=y\n' >"/boot/config-$release"
diagnose env
finds "options are there" kernel ok ""

check "what it says about 'loaded' mends that" mend loaded
diagnose env
status "loaded" 0
check "loaded: no problem" same "" "$(echo "$out" | grep '"problem"')"
finds "loaded" loaded ok "0.1.0"
finds "loaded" node ok "can be opened"
finds "loaded" io_uring ok "can be used"
run evnotify doctor
check "as text" sh -c "evnotify doctor | grep -qx 'ok        loaded      module 0.1.0 is loaded'"

diagnose su user -s /bin/sh -c '"$@"' -- sh env
status "root's alone" 4
finds "root's alone" node problem "udev rule"
chgrp evnotify /dev/evnotify
diagnose su user -s /bin/sh -c '"$@"' -- sh env
status "not in the group" 4
finds "not in the group" node problem "usermod -aG evnotify"
sed -i 's/^evnotify:.*/&user/' /etc/group
diagnose in_state groupless
finds "in the group since the login" node problem "log out"
diagnose su user -s /bin/sh -c '"$@"' -- sh env
status "in the group" 0
rm /dev/evnotify
check "no node: evnotify says so" fails 3 "did not appear" evnotify -n 1 0 0
check "no node: it leaves the module loaded that it did not load" test -d /sys/module/evnotify
diagnose env
status "no node" 3
finds "no node" node problem "mknod -m 660 /dev/evnotify"
check "what it says about 'node' mends that" mend node
diagnose env
status "the node is back" 0
for kind in podman:/run/.containerenv docker:/.dockerenv lxc:/run/systemd/container; do
	mkdir -p /run/systemd
	echo lxc >"${kind#*:}"
	diagnose env
	status "${kind%:*}" 0
	finds "${kind%:*}" container note "in a container (${kind%:*})"
	finds "${kind%:*}" container note "podman run --device"
	rm "${kind#*:}"
done
mkdir /cgroup
mount -t cgroup2 groups /cgroup
diagnose in_state deviceless
status "without devices" 4
finds "without devices" node problem "only devices that it was given"
check "without devices: evnotify says so" fails 4 "not permitted" in_state deviceless evnotify -n 1 0 0
mv "$modules" /hidden
diagnose env
status "loaded by hand" 0
finds "loaded by hand" headers note "apt install linux-headers-$release"
finds "loaded by hand" installed note "no module is installed"
mv /hidden "$modules"
diagnose in_state filtered
status "a filter" 0
finds "a filter" io_uring note "seccomp"
diagnose in_state hidden
status "a filter that denies" 0
finds "a filter that denies" io_uring note "a filter hides it"
sysctl -q -w kernel.io_uring_disabled=2
diagnose env
finds "io_uring is off" io_uring note "sysctl kernel.io_uring_disabled=0"
check "what it says about 'io_uring' mends that" mend io_uring
diagnose env
finds "io_uring is on" io_uring ok ""
rmmod evnotify
insmod older.ko
diagnose env
status "an older module" 0
finds "an older module" loaded note "modprobe -r evnotify"
finds "an older module" version note "the module of 0.0.1"
check "what it says about 'loaded' mends that too" mend loaded
diagnose env
finds "no longer" version ok "0.1.0"

rmmod evnotify
insmod foreign_abi.ko
diagnose env
status "a module of an older interface" 6
finds "a module of an older interface" version problem "speaks version 0"
check "a module of an older interface: evnotify says so" fails 6 "interface version 0" evnotify -n 1 0 0
check "a module of an older interface: evnotify info says so" fails 6 "modprobe -r" evnotify info

rmmod evnotify
# the node that was made by hand is still there
diagnose env
status "a stale node" 3
finds "a stale node" node problem "of no module"
check "what it says about 'node' mends that too" mend node
diagnose env
status "no longer stale" 0
rmmod evnotify

# What follows cannot be taken back.
echo 1 >/sys/module/module/parameters/sig_enforce
diagnose env
status "unsigned" 5
finds "unsigned" signature problem "is not signed"
finds "unsigned" signature problem "module.sig_enforce makes"
check "unsigned: evnotify says so" refused "signature"
cp signed.ko "$installed"
diagnose env
finds "signed by a stranger" signature note "signed by 'a stranger'"
check "signed by a stranger: evnotify says so" refused "signature"
sysctl -q -w kernel.modules_disabled=1
diagnose env
status "no more modules" 5
finds "no more modules" signature problem "modules_disabled"
check "no more modules: evnotify says so" refused "loads no more modules"
tap_done
