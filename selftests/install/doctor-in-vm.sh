#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Inside the VM of doctor.sh: one state after another, the ones that cannot be left at the end;
# or, in a kernel that was started so, "lockdown".
# shellcheck source=userspace/tests/tap.sh
. ./tap.sh

release=$(uname -r)
modules=/lib/modules/$release
installed=$modules/evnotify.ko
version=$(evnotify --version | sed 's/.* //')

# diagnose COMMAND...: the findings as JSON in $out, status in $rc
diagnose() {
	run "$@" evnotify doctor --json
	printf '%s\n' "$out" >>"$tmp/all"
}

# found EXAMINED STATE TEXT
found() {
	line=$(printf '%s\n' "$out" | grep "\"examined\":\"$1\"")
	echo "$line"
	case $line in *"\"state\":\"$2\""*"$3"*) true ;; *) false ;; esac
}
finds() { check "$1: $2 is '$3'" found "$2" "$3" "$4"; }
status() { check "$1: status $2" same "$2" "$rc"; }

# advice EXAMINED: what mends it
advice() { printf '%s\n' "$out" | sed -n "s/.*\"examined\":\"$1\".*\"mend\":\"\(.*\)\",\"hint\":.*/\1/p"; }
# mend EXAMINED: does what it says, as root
mend() {
	advice "$1" | sed 's/sudo //g' | grep . >"$tmp/mend" && sh "$tmp/mend"
}
same_advice() { check "$1: $2 is mended by what mends $3" same "$(advice "$3")" "$(advice "$2")"; }

# all_done: all that was said is JSON, and every problem of every state came with a command, or with
# a hint where it takes more than one. At once, as jq takes its time to start.
all_done() {
	bad=$(jq -c 'select(.state == "problem" and
		(.mend // "" | test("^(sudo|sudoedit|less|newgrp|evnotify|namei) [^ ]") | not) and
		(.mend or (.hint | not)))' "$tmp/all" 2>&1)
	check "each problem comes with a command that mends it, or a hint" same "" "$bad"
	jq -r '.mend // empty' "$tmp/all" | sort -u >"$tmp/mends"
	check "there are some" test -s "$tmp/mends"
	check "each is a command, and nothing else" same "" "$(grep -n -e '\.\.\.' -e '; ' "$tmp/mends"; sh -n "$tmp/mends" 2>&1)"
	tap_done
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
	check "lockdown, and no right to load modules: evnotify says that" \
		fails 4 "CAP_SYS_MODULE" su user -s /bin/sh -c 'evnotify -n 1 0 0'
	cp signed.ko "$installed"
	diagnose env
	finds "the environment of the first process" container note "in a container (oci)"
	finds "lockdown, signed by a stranger" signature note "lockdown is on"
	check "lockdown, signed by a stranger: evnotify says so" refused "locked down"
	echo confidentiality >/sys/kernel/security/lockdown
	check "lockdown without traces: evnotify says so" fails 5 "locked down (confidentiality)" evnotify trace
	all_done
	exit
fi

mv "$modules" /hidden
diagnose env
finds "a kernel of no package" headers problem "no Debian package has this kernel"
finds "a kernel of no package" headers problem "apt install linux-image-generic"
mkdir -p "/usr/share/doc/linux-image-$release"
diagnose env
status "nothing is there" 3
finds "nothing is there" kernel ok "$release"
finds "nothing is there" headers problem "apt install linux-headers-$release"
finds "nothing is there" installed problem "neither DKMS"
finds "nothing is there" loaded problem "not loaded"
finds "nothing is there" node problem "No such file"
same_advice "nothing is there" loaded headers
same_advice "nothing is there" node headers
finds "nothing is there" container ok "not in"
diagnose in_state old
status "an old kernel" 3
finds "an old kernel" kernel problem "too old"
finds "an old kernel" kernel problem "apt install linux-image-generic linux-headers-generic"
mkdir -p "$modules/build/include"
mkdir -p /lib/modules/9.9.9/updates
touch /lib/modules/9.9.9/updates/evnotify.ko.xz
diagnose env
finds "another kernel's module" installed problem "for kernel 9.9.9"
same_advice "another kernel's module" loaded installed
same_advice "another kernel's module" node installed
rm -r /lib/modules/9.9.9
log=/var/lib/dkms/evnotify/$version/build/make.log
mkdir -p "${log%/*}"
diagnose env
finds "not built" installed problem "has its source"
echo "DKMS make.log for evnotify-$version for kernel $release-other (x86_64)" >"$log"
diagnose env
finds "another kernel's log" installed problem "dkms autoinstall -k $release"
for end in " (x86_64)" ""; do
	echo "DKMS make.log for evnotify-$version for kernel $release$end" >"$log"
	diagnose env
	finds "did not build" installed problem "less $log"
done
rm -r "$modules"
mv /hidden "$modules"

mkdir -p "$modules/build/include" /boot
diagnose env
status "installed" 3
finds "installed" headers ok ""
finds "installed" installed ok "$version"
finds "installed" signature ok "unsigned"
echo '# CONFIG_EVENTFD is not set' >"/boot/config-$release"
diagnose env
finds "no eventfd" kernel problem "without CONFIG_EVENTFD"
printf '#\nCONFIG_EVENTFD=y\n# CONFIG_HIGH_RES_TIMERS is not set\n' >"/boot/config-$release"
diagnose env
finds "options are there" kernel ok ""

# opts_in: evnotify is among the modules of every boot, once that advice is followed
opts_in() {
	diagnose env
	printf '%s\n' "$out" | sed -n 's/.*"hint":"at every boot: \(.*\)"}/\1/p' | sed 's/sudo //' >"$tmp/mend"
	sh "$tmp/mend" && grep -x evnotify /etc/modules-load.d/evnotify.conf
}
mkdir -p /etc/modules-load.d
check "what it says about every boot does that" opts_in
printf '# a comment\n#evnotify\n#evnotify-sim\n' >/etc/modules-load.d/evnotify.conf
check "it does so with the file of the package" opts_in
check "it leaves the rest of that" same '# a comment,evnotify,#evnotify-sim,' "$(tr '\n' , </etc/modules-load.d/evnotify.conf)"
diagnose env
finds "opted in" loaded problem "it is loaded at every boot"
finds "opted in" loaded problem "systemctl status systemd-modules-load"
check "what it says about 'loaded' mends that" mend loaded
diagnose env
status "loaded" 0
check "loaded: no problem" same "" "$(printf '%s\n' "$out" | grep '"problem"')"
finds "loaded" loaded ok "$version"
finds "loaded" node ok "can be opened"
finds "loaded" io_uring ok "can be used"
run evnotify doctor
check "as text" sh -c "evnotify doctor | grep -qx 'ok        loaded      module $version is loaded'"

diagnose su user -s /bin/sh -c '"$@"' -- sh env
status "root's alone" 4
finds "root's alone" node problem "udev rule"
finds "root's alone" node problem "make install"
mkdir -p /etc/udev/rules.d
touch /etc/udev/rules.d/70-evnotify.rules
diagnose su user -s /bin/sh -c '"$@"' -- sh env
finds "a rule that came later" node problem "udevadm trigger"
touch /run/.containerenv
diagnose su user -s /bin/sh -c '"$@"' -- sh env
finds "root's alone, in a container" node problem "podman run --device"
rm /run/.containerenv
chgrp 65534 /dev/evnotify
diagnose su user -s /bin/sh -c '"$@"' -- sh env
finds "of a group that is not known here" node problem "podman run --device"
chgrp evnotify /dev/evnotify
diagnose su user -s /bin/sh -c '"$@"' -- sh env
status "not in the group" 4
finds "not in the group" node problem "usermod -aG evnotify"
sed -i 's/^evnotify:.*/&user/' /etc/group
diagnose in_state groupless
finds "in the group since the login" node problem "log out"
diagnose su user -s /bin/sh -c '"$@"' -- sh env
status "in the group" 0

# As many files as a user may have open, or a process, or all.
node() { stat -c '%A %U:%G %t:%T' /dev/evnotify; }
before=$(node)
echo 2 >/sys/module/evnotify/parameters/max_user_instances
# shellcheck disable=SC2016 # expands inside
diagnose su user -s /bin/sh -c 'exec 7<>/dev/evnotify 8<>/dev/evnotify; "$@"' -- sh env
echo 128 >/sys/module/evnotify/parameters/max_user_instances
status "as many as a user may" 1
finds "as many as a user may" node problem "as a user may: 2 (max_user_instances)"
finds "as many as a user may" node problem "fuser -v /dev/evnotify"
check "as many as a user may: the node is left alone" \
	same "$before 0" "$(node) $(advice node | grep -c -e rm -e mknod)"
diagnose sh -c 'ulimit -n 6; exec "$@"' sh env
status "as many as a process may" 1
finds "as many as a process may" files problem "of the 6 files"
finds "as many as a process may" files problem "prlimit --pid"
check "as many as a process may: that is all that it says" same 1 "$(printf '%s\n' "$out" | grep -c .)"
diagnose in_state full
status "as many as the system may" 1
finds "as many as the system may" files problem "fs.file-max"
check "what it says about that mends it" mend files

rm /dev/evnotify
check "no node: evnotify says so" fails 3 "did not appear" evnotify -n 1 0 0
check "no node: it leaves the module loaded that it did not load" test -d /sys/module/evnotify
diagnose env
status "no node" 3
finds "no node" node problem "mknod -m 660 /dev/evnotify"
check "what it says about 'node' mends that" mend node
check "and the node has its group" same "$before" "$(node)"
diagnose env
status "the node is back" 0
for stranger in "mknod /dev/evnotify c 1 3" "touch /dev/evnotify" "mkdir /dev/evnotify"; do
	rm /dev/evnotify
	$stranger
	check "$stranger: evnotify says so" fails 3 "not the device of evnotify" evnotify info
	diagnose env
	status "$stranger" 3
	finds "$stranger" node problem "/dev/evnotify is not the device of evnotify"
	check "what it says about that mends it" mend node
	diagnose env
	status "the right node is back" 0
done
diagnose env
run evnotify doctor --json --device /dev/null
finds "/dev/null" node problem "character 1:3"
check "/dev/null: it is left alone" same "evnotify doctor" "$(advice node)"
rm /dev/evnotify
mknod /dev/evnotify c 10 250
diagnose env
status "another's node" 3
finds "another's node" node problem "belongs to no module"
check "what it says about that mends it" mend node
diagnose env
status "the right node is back" 0
mkdir -p /run/systemd /run/host
for kind in podman:/run/.containerenv docker:/.dockerenv lxc:/run/systemd/container \
	    systemd-nspawn:/run/host/container-manager; do
	echo "${kind%:*}" >"${kind#*:}"
	diagnose env
	status "${kind%:*}" 0
	finds "${kind%:*}" container note "in a container (${kind%:*})"
	finds "${kind%:*}" container note "podman run --device"
	rm "${kind#*:}"
done
diagnose env KUBERNETES_SERVICE_HOST=10.0.0.1
finds "kubernetes" container note "in a container (kubernetes)"
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
mv /dev/evnotify /dev/aside
check "loaded by hand, without its node: evnotify says so" fails 3 "did not appear" evnotify -n 1 0 0
mv /dev/aside /dev/evnotify
mv /hidden "$modules"
diagnose in_state filtered
status "a filter" 0
finds "a filter" io_uring note "seccomp"
diagnose in_state hidden
status "a filter that denies" 0
finds "a filter that denies" io_uring note "a filter hides it"
mount -t tmpfs none /proc/sys/kernel
diagnose in_state hidden
umount /proc/sys/kernel
finds "a filter that denies, before Linux 6.6" io_uring note "a filter hides it"
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
finds "no longer" version ok "$version"

rmmod evnotify
insmod foreign_abi.ko
diagnose env
status "a module of an older interface" 6
finds "a module of an older interface" version problem "speaks version 0"
check "a module of an older interface: evnotify says so" fails 6 "interface version 0" evnotify -n 1 0 0
check "a module of an older interface: evnotify info says so" fails 6 "interface version 0" evnotify info
diagnose env
check "what it says about 'version' mends that" mend version
diagnose env
status "no older interface" 0

rmmod evnotify
# the node that was made by hand is still there
diagnose env
status "a stale node" 3
finds "a stale node" node problem "belongs to no module"
check "what it says about 'node' mends that too" mend node
diagnose env
status "no longer stale" 0
rmmod evnotify
long=/dev/e$(printf 'é%.0s' $(seq 200))
diagnose env
run evnotify doctor --json --device "$long"
check "a name that is too long is cut between characters" \
	same "$(printf '%.254s' "$long")" "$(printf '%s\n' "$out" | jq -r 'select(.examined == "node").what')"

# What follows cannot be taken back.
echo 1 >/sys/module/module/parameters/sig_enforce
diagnose env
status "unsigned" 5
finds "unsigned" signature problem "is not signed"
finds "unsigned" signature problem "module.sig_enforce makes"
finds "unsigned" signature problem "sudoedit /etc/default/grub"
same_advice "unsigned" loaded signature
check "unsigned: evnotify says so" refused "signature"
cp signed.ko "$installed"
diagnose env
finds "signed by a stranger" signature note "signed by 'a stranger'"
check "signed by a stranger: evnotify says so" refused "signature"

# A firmware that has keys. This one is played; that of secureboot.sh is not.
mount -t tmpfs firmware /sys/firmware
keys=/sys/firmware/efi/efivars
mok=$keys/MokListRT-605dab50-e046-4300-abb6-3dd810dd8b23
mkdir -p $keys
for list in $mok $keys/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f; do
	cat namesake.der same_serial.der namesake.der >"$list"
	diagnose env
	status "a stranger among other keys" 5
	finds "a stranger among other keys" signature problem "whose key is not enrolled"
	cat namesake.der same_serial.der stranger.der >"$list"
	diagnose env
	finds "a stranger among the keys" signature ok "signed by 'a stranger', whose key is enrolled"
	rm "$list"
done
cp namesake.der $mok
diagnose env
finds "a stranger, not by DKMS" signature problem "rm $installed && sudo make dkms-install"
same_advice "a stranger, not by DKMS" node signature
mkdir -p "$modules/updates/dkms"
mv "$installed" "$modules/updates/dkms"
check "the module moves" ./depmod
diagnose env
finds "a stranger, by DKMS" signature problem "dkms install evnotify/$version -k $release"
cp stranger.der /var/lib/dkms/mok.pub
diagnose env
finds "DKMS's own key" signature problem "apt install mokutil && sudo mokutil --import /var/lib/dkms/mok.pub"

sysctl -q -w kernel.modules_disabled=1
diagnose env
status "no more modules" 5
finds "no more modules" signature problem "modules_disabled"
check "no more modules: evnotify says so" refused "loads no more modules"
all_done
