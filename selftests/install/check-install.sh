#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make check-install": installs the packages in throw-away Debian systems, which run their own
# kernel in a VM, upgrades the kernel there, and removes the packages again. TAP.
#
#   check-install.sh [bookworm|trixie|make-install|doctor|secureboot]...      default: all
#
# The systems are cached; a run works on a copy. in-root.sh is what happens inside. The last three
# are scripts of this directory, which need no such system.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh disable=SC2317 # called through locked
. "$(dirname "$0")/../vm/common.sh"

here=$TOP/selftests/install
out=$BUILD/check-install
debs=$BUILD/deb
number=0 failed=0

# Kernels of a suite: the second newest is what the system starts with, the newest the upgrade.
# Those for clouds are the smallest that Debian has.
kernels() {
	case $1 in
	bookworm) echo '6\.1\.[0-9]+-[0-9]+-cloud-amd64' ;;
	trixie) echo '6\.12\.[0-9.]+\+deb13-cloud-amd64' ;;
	*) die "no kernel is known for the suite '$1'; there are bookworm and trixie" ;;
	esac
}

# --- the system ------------------------------------------------------------------------

# releases REGEX: the newest two of which the archive has image and headers, newest first
releases() {
	local release
	apt-cache pkgnames linux-image- | sed 's/^linux-image-//' | grep -xE "$1" | sort -Vr |
		while read -r release; do
			[[ -z $(apt-cache madison "linux-image-$release" 2>/dev/null) ||
			   -z $(apt-cache madison "linux-headers-$release" 2>/dev/null) ]] || echo "$release"
		done | sed 2q
}

# in_root ROOT COMMAND...: on this machine, in the directory; its mounts end with it
in_root() {
	# shellcheck disable=SC2016 # expands inside
	unshare -m sh -ec '
		root=$1; shift
		mount -t proc proc "$root/proc"
		mount --bind /dev "$root/dev"
		exec chroot "$root" env PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
			DEBIAN_FRONTEND=noninteractive "$@"' sh "$@"
}

# system SUITE DIRECTORY RELEASE: what a small installation has, and the kernel's headers
system() {
	local suite=$1 dir=$2 release=$3 sources
	[[ ! -e $dir/env ]] || return 0
	say "$suite: making a system with kernel $release (once, a minute)"
	rm -rf "$dir"
	mkdir -p "$dir"
	sources=$(grep -E " $suite(-security)? " "$CACHE/apt/sources.list")
	apt-config dump | grep -E '^Acquire::(http|https|ftp)::' >"$dir/apt.conf" || true
	if ! env -u APT_CONFIG nice -n 5 mmdebstrap --mode=root --variant=minbase \
		--aptopt="$dir/apt.conf" --aptopt='APT::Install-Recommends "false"' --skip=cleanup/apt \
		--include="systemd-sysv,udev,kmod,initramfs-tools,linux-image-$release,linux-headers-$release" \
		"$suite" "$dir/root" - <<<"$sources" >"$dir/log" 2>&1; then
		tail -5 "$dir/log" >&2
		die "$suite: no system, see $dir/log"
	fi
	echo "/dev/vda / ext4 defaults 0 1" >"$dir/root/etc/fstab"
	echo "$suite" >"$dir/root/etc/hostname"
	touch "$dir/env"
}

# --- the machine -----------------------------------------------------------------------

# point STATUS WHAT: a line of TAP from here
point() {
	number=$((number + 1))
	if [[ $1 = 0 ]]; then
		echo "ok $number $2"
	else
		failed=1
		echo "not ok $number $2"
	fi
}

# pass_on SUITE: points from inside, numbered and named for the suite
pass_on() {
	local line what
	while read -r line; do
		line=${line%$'\r'}
		what=$(sed -E 's/^(not )?ok //; s/^[0-9]+ (- )?//' <<<"$line")
		case $line in
		'ok '*) point 0 "$1: $what" ;;
		'not ok '*) point 1 "$1: $what" ;;
		'#'*) echo "$line" ;;
		esac
	done
}

# boot SUITE RELEASE STEP: to the end of that step; the kernel is the one in the image
boot() {
	local suite=$1 release=$2 step=$3 file accel cpu=max ended
	for file in vmlinuz initrd.img; do
		debugfs -R "dump /boot/$file-$release $out/$suite.$file" "$out/$suite.img" 2>/dev/null
		[[ -s $out/$suite.$file ]] || { point 1 "$suite: $step: the image has /boot/$file-$release"; return 1; }
	done
	accel=$(cat "$CACHE/accel-$(cat /proc/sys/kernel/random/boot_id)" 2>/dev/null || echo tcg,thread=multi)
	[[ $accel != kvm ]] || cpu=host
	say "$suite: $step on $release"
	timeout --foreground 3000 qemu-system-x86_64 -M q35 -accel "$accel" -cpu $cpu -smp 2 -m 1024 \
		-nodefaults -no-user-config -display none -monitor none -no-reboot \
		-kernel "$out/$suite.vmlinuz" -initrd "$out/$suite.initrd.img" \
		-append "root=/dev/vda rw console=ttyS0 panic=-1 evnotify_step=$step" \
		-drive "file=$out/$suite.img,format=raw,if=virtio,cache=unsafe" \
		-serial "file:$out/$suite.$step.console" -serial "file:$out/$suite.$step.tap" </dev/null || true
	pass_on "$suite" <"$out/$suite.$step.tap"
	ended=0
	grep -q '^end of step' "$out/$suite.$step.tap" || ended=1
	point $ended "$suite: $step: reaches its end"
	return $ended
}

packages() {
	[[ ! -e $out/deb.log ]] || return 0
	say "building the packages"
	make -C "$TOP" deb DEB_DIR="$debs" >"$out/deb.log" 2>&1 ||
		{ tail -5 "$out/deb.log" >&2; die "the packages do not build, see $out/deb.log"; }
}

check_suite() {
	local suite=$1 regex release=() dir work
	packages
	regex=$(kernels "$suite")
	mapfile -t release < <(releases "$regex")
	[[ ${#release[@]} = 2 ]] || die "$suite: the archive has fewer than two kernels like $regex"
	dir=$CACHE/root/install-$suite-${release[1]}
	locked "system $suite" system "$suite" "$dir" "${release[1]}"
	work=$out/$suite.root
	cp -a "$dir/root" "$work"
	mkdir -p "$work/root/packages"
	cp "$here/in-root.sh" "$debs"/*.deb "$TOP"/debian/tests/{program,device} "$work/root/packages"
	cp -R "$TOP/module" "$TOP/dkms.conf" "$TOP/Makefile" "$work/root/packages"
	cp "$here/evnotify-step.service" "$work/etc/systemd/system"
	in_root "$work" systemctl -q enable evnotify-step.service
	# emulation is slow: no compression, and only what this machine needs to start
	printf 'MODULES=dep\nCOMPRESS=cat\n' >"$work/etc/initramfs-tools/conf.d/throw-away"
	# what apt will want in there, where there is no network
	echo "${release[0]}" >"$work/root/packages/upgrade"
	cp -L /etc/resolv.conf "$work/etc/resolv.conf"
	# shellcheck disable=SC2016 # expands inside
	in_root "$work" sh -c 'cd /root/packages && rm -f ./*dbgsym*.deb &&
		apt-get -qq -y --no-install-recommends --download-only install ./*.deb openssl gcc libc6-dev pkgconf \
		linux-image-$(cat upgrade) linux-headers-$(cat upgrade)' >"$out/$suite.download" 2>&1 || {
		tail -5 "$out/$suite.download" >&2
		die "$suite: what the packages depend on is not in Debian, see $out/$suite.download"
	}
	rm -f "$out/$suite.img"
	truncate -s 4G "$out/$suite.img"
	mke2fs -q -t ext4 -E lazy_itable_init=1 -d "$work" "$out/$suite.img"
	rm -rf "$work"
	if boot "$suite" "${release[1]}" install; then
		boot "$suite" "${release[0]}" upgraded || true
	fi
	rm -f "$out/$suite".{img,vmlinuz,initrd.img}
}

check_script() {
	local name=$1 status=0
	say "$name"
	"$here/$name.sh" >"$out/$name.tap" || status=$?
	pass_on "$name" <"$out/$name.tap"
	grep -q '^1\.\.' "$out/$name.tap" || point 1 "$name: reaches its end (status $status)"
}

parts=("$@")
[[ $# -gt 0 ]] || parts=(make-install doctor secureboot bookworm trixie)
have mmdebstrap mke2fs debugfs qemu-system-x86_64 dpkg-buildpackage ||
	die "needs mmdebstrap, mke2fs, debugfs, qemu-system-x86_64 and dpkg-buildpackage:" \
		"install mmdebstrap e2fsprogs qemu-system-x86 dpkg-dev"
[[ $(id -u) = 0 ]] || die "makes root file systems, so it needs root: sudo make check-install"
rm -rf "$out"
mkdir -p "$out"
apt_private
echo TAP version 13
for part in "${parts[@]}"; do
	case $part in
	make-install | doctor | secureboot) check_script "$part" ;;
	*) check_suite "$part" ;;
	esac
done
echo "1..$number"
exit $failed
