#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs as root inside a throw-away system of check-install.sh: the step that is named, or that
# the kernel's command line names. Prints TAP without numbers.
cd /root/packages || exit
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 HOME=/root
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
log=/var/log/apt-steps
points=0

# check WHAT COMMAND...
check() {
	what=$1; shift
	points=$((points + 1))
	if "$@" >/tmp/check 2>&1; then
		echo "ok $what"
	else
		echo "not ok $what"
		tail -20 /tmp/check | sed 's/^/# /'
	fi
	cat /tmp/check >>$log
}
same() { [ "$1" = "$2" ] || { echo "expected '$1', seen '$2'"; false; }; }
is() { check "$1" same "$2" "$3"; }
fails() { status=$1; shift; "$@"; same "$status" "$?"; }
apt() { apt-get -y --no-install-recommends "$@"; }
as() { user=$1; shift; runuser -u "$user" -- "$@" </dev/null; }

# installed_for RELEASE...: by dkms, and that in this version only
installed_for() {
	for release; do
		same "evnotify/$version" "$(dkms status evnotify -k "$release" | sed -n 's/,.*: installed.*//p')" || return
	done
}
# provider RELEASE: a driver of somebody else's, in a DKMS package of its own, as own-driver.rst says
provider() {
	dir=/usr/src/provider-1
	mkdir -p $dir && cp "/usr/src/evnotify-$version/module/samples/template.c" $dir/provider.c || return
	cat >$dir/Kbuild <<-'END'
		obj-m := provider.o
		evnotify := /var/lib/dkms/evnotify/kernel-$(KERNELRELEASE)-$(shell uname -m)
		ccflags-y := -I$(evnotify)/../../source/module/include
		KBUILD_EXTRA_SYMBOLS := $(evnotify)/module/Module.symvers
	END
	cat >$dir/dkms.conf <<-'END'
		PACKAGE_NAME="provider"
		PACKAGE_VERSION="1"
		MAKE[0]="make -C $kernel_source_dir M=$dkms_tree/$PACKAGE_NAME/$PACKAGE_VERSION/build modules"
		CLEAN="true"
		BUILT_MODULE_NAME[0]="provider"
		DEST_MODULE_LOCATION[0]="/updates/dkms"
		BUILD_DEPENDS[0]="evnotify"
	END
	dkms install provider/1 -k "$1" && modinfo -k "$1" -F depends provider | grep -x evnotify
}
complains_of_nothing() { make uninstall KVER="$old" >/tmp/uninstall 2>&1 && ! grep -iE 'error|ignored' /tmp/uninstall; }
silent() { ! grep -i deprecat $log; }
for_the_seat() { udevadm info /dev/evnotify | grep -w uaccess; }
no_traces() {
	find / -xdev \( -path /proc -o -path /sys -o -path /var/log -o -path /var/cache -o -path /root \) -prune -o \
		\( -name '*evnotify*' -o -name 'evn_*' \) ! -path '*/evnotify-step.service' -print | grep . && return 1
	! getent group evnotify && ! dkms status | grep .
}

use() {
	check "$1: the module loads" modprobe evnotify
	udevadm settle
	is "$1: the group has the node" 'root:evnotify 660' "$(stat -c '%U:%G %a' /dev/evnotify)"
	check "$1: so has who sits at the machine" for_the_seat
	check "$1: a member of the group has pending requests" as member evnotify -n 2 0.2 0
	check "$1: a member of the group has events" as member evnotify -n 2 0.2 1
	check "$1: nobody else has" fails 4 as stranger evnotify -n 1 0.2 0
	check "$1: a member of the group waits in Python" as member python3 -c \
		'import evnotify; evnotify.open().wait(evnotify.Request(due_ns=1000))'
	is "$1: module and command are of one version" "$(evnotify --version)" \
		"evnotify $(cat /sys/module/evnotify/version)"
}

# headers RELEASE OPTION: installs a package that looks to dkms like a kernel's headers
headers() {
	dir=/root/headers-$1
	mkdir -p "$dir/DEBIAN" "$dir/usr/src/linux-headers-$1/include" "$dir/lib/modules/$1"
	ln -s "/usr/src/linux-headers-$1" "$dir/lib/modules/$1/build"
	echo "$2" >"$dir/usr/src/linux-headers-$1/.config"
	printf '%s\n' "Package: linux-headers-$1" 'Version: 1' 'Architecture: all' \
		'Maintainer: nobody <nobody@example.org>' 'Description: headers of no kernel' >"$dir/DEBIAN/control"
	printf '%s\n' '#!/bin/sh' 'set -e' \
		"run-parts --report --exit-on-error --arg=$1 --arg=/boot/vmlinuz-$1 /etc/kernel/header_postinst.d" \
		>"$dir/DEBIAN/postinst"
	chmod 755 "$dir/DEBIAN/postinst"
	dpkg-deb -b "$dir" "/root/$1.deb" && apt install "/root/$1.deb" && [ -z "$(dpkg --audit)" ] &&
		! installed_for "$1"
}

# nothing_runs RELEASE: the same where dkms has its tree on a file system without exec, and the script
# has no x bit
nothing_runs() {
	mount --bind /var/lib/dkms /var/lib/dkms && mount -o remount,bind,noexec /var/lib/dkms &&
		chmod a-x "/usr/src/evnotify-$version/module/dkms-try.sh" && headers "$1" CONFIG_EVENTFD=y
	status=$?
	umount /var/lib/dkms
	chmod a+x "/usr/src/evnotify-$version/module/dkms-try.sh"
	return $status
}

# autopkgtest_fails RELEASE: dkms-autopkgtest takes status 77 for a kernel that nobody promised
autopkgtest_fails() {
	touch /etc/dkms/no-autoinstall
	dkms build "evnotify/$version" -k "$1"
	status=$?
	rm /etc/dkms/no-autoinstall
	[ $status != 0 ] && [ $status != 77 ]
}

# In the chroot. Its users are for the next steps.
step_install() {
	check "apt reads the lists" apt update
	check "openssl is there, for dkms to sign with" apt install openssl
	mkdir -p /etc/dkms/framework.conf.d
	echo 'try_sign_modules="true"' >/etc/dkms/framework.conf.d/chroot.conf	# dkms 3.4 does not here
	check "apt installs an earlier version" apt install ./earlier/*.deb
	check "apt installs the packages, with what Debian has" apt install ./*.deb
	check "dkms has built the module" installed_for "$old"
	for module in evnotify evnotify-sim; do
		is "dkms has signed $module" 'DKMS module signing key' "$(modinfo -k "$old" -F signer $module)"
	done
	check "apt gets what the package's tests need" apt install gcc libc6-dev pkgconf
	mkdir /tmp/autopkgtest
	check "autopkgtest: program" env AUTOPKGTEST_TMP=/tmp/autopkgtest sh ./program
	check "a new kernel installs" apt install "linux-image-$new" "linux-headers-$new"
	check "dkms has built the module for it" installed_for "$new"
	check "a kernel below 6.1 does not stop apt" headers 6.0.9-9-amd64 CONFIG_EVENTFD=y
	check "a kernel without eventfd does not stop apt" headers 7.8.8-amd64 '# CONFIG_EVENTFD is not set'
	check "a kernel that it does not build for does not stop apt" headers 7.9.9-amd64 CONFIG_EVENTFD=y
	check "the compiler's messages are kept" \
		grep 'make.log for .* for kernel 7.9.9-amd64' "/var/lib/dkms/evnotify/$version/build/make.log"
	check "autopkgtest takes it for a failure" autopkgtest_fails 7.9.9-amd64
	check "nor does it where dkms may execute nothing" nothing_runs 7.9.10-amd64
	check "apt installs the packages anew, next to that kernel" apt install --reinstall ./*.deb
	check "dkms has built the module" installed_for "$new"
	useradd --gid evnotify owner
	check "apt purges the packages, though the group is somebody's own" apt purge evnotify evnotify-dkms
	check "that somebody keeps it" getent group evnotify
	userdel owner
	check "apt installs the packages, next to that kernel" apt install ./*.deb
	check "dkms has built the module for both kernels" installed_for "$old" "$new"
	check "a driver of somebody else's builds against it" provider "$old"
	useradd --create-home --groups evnotify member
	useradd --create-home stranger
}

# In the VM.
step_use() {
	is "it runs $old" "$old" "$(uname -r)"
	use "as installed"
	check "doctor is content" evnotify doctor
	check "somebody else's driver loads" modprobe provider
	check "its node is there" test -c /dev/evnotify-template0
	check "dkms removes it" dkms remove provider/1 --all
	rm -r /usr/src/provider-1
	rmmod provider evnotify
	check "autopkgtest: device" sh ./device
	sed -i 's/^#evnotify$/evnotify/' /etc/modules-load.d/evnotify.conf
}

step_upgraded() {
	is "it runs $new" "$new" "$(uname -r)"
	check "the module is there from boot on, as asked for" test -e /dev/evnotify
	use "with the new kernel"
	check "doctor is content" evnotify doctor
	check "evnotify-sim loads" modprobe evnotify-sim
	check "apt purges the packages" apt purge evnotify evnotify-dkms libevnotify1 libevnotify-dev python3-evnotify
	check "the modules are unloaded" test ! -e /sys/module/evnotify
	check "they leave nothing" no_traces
}

# In the chroot, with what the VM left.
step_source() {
	check "make dkms-install" make dkms-install KVER="$old"
	check "dkms has built the module from there" installed_for "$old"
	check "make dkms-uninstall" make dkms-uninstall
	check "it leaves nothing" no_traces
	check "apt gets what the sources need" apt install libkmod-dev libtracefs-dev libtraceevent-dev
	check "make install" make install KVER="$old"
	for module in evnotify evnotify-sim; do
		is "$module is known" "$version" "$(modinfo -k "$old" -F version $module)"
	done
	check "the command runs" evnotify --version
	check "the loader knows the library" grep -q /usr/local/lib/libevnotify.so.1 /etc/ld.so.cache
	check "the group is there" getent group evnotify
	check "make uninstall" make uninstall KVER="$old"
	check "it leaves nothing" no_traces
	check "where there is nothing, it complains of nothing" complains_of_nothing
	check "no directory for its module, either" test ! -e "/lib/modules/$old/updates"
	check "the loader has forgotten the library" fails 1 grep -q libevnotify /etc/ld.so.cache
	check "dkms never complained of something deprecated" silent
}

# What the policies of Debian 12 and of today do not agree on is either an override that one of
# them does not use, or pedantic: the priority and the root that need not be named any more, and
# the level of debhelper.
content() {
	lintian --allow-root --display-info --fail-on error,warning ./*.dsc ./*.deb >/tmp/lintian
	status=$?
	cat /tmp/lintian
	[ $status = 0 ] && ! grep '^I: ' /tmp/lintian | grep -v ' unused-override '
}
step_lint() {
	check "apt gets lintian" apt install lintian
	check "lintian is content with the packages" content
}

version=$(cat module/VERSION)
new=$(sed -n 1p releases)
old=$(sed -n 2p releases)
step=${1:-$(sed -n 's/.*evnotify_step=\([a-z]*\).*/\1/p' /proc/cmdline)}
"step_$step"
echo "end of step $step, $points points"
sync
