#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "make check-install": installs the packages in throw-away Debian systems, uses them there under
# the system's own kernel in a VM, and under the next one, and removes the packages again. TAP.
#
#   check-install.sh [make-install|doctor|bookworm|trixie|sid]...      default: all
#
# The systems are cached; a run works on a copy. in-root.sh is what happens inside: apt's part in
# a chroot, since emulation is slow, and the rest in the VM. The first two are scripts of this
# directory, which need no such system, and no root.
#
# The packages are built here, once, and here is Debian 12: those that a newer Debian builds may
# depend on a dkms that Debian 12 does not have.
# shellcheck source-path=SCRIPTDIR source=../vm/common.sh disable=SC2317 # called through locked
. "$(dirname "$0")/../vm/common.sh"

here=$TOP/selftests/install
out=$BUILD/check-install
debs=$BUILD/deb
number=0 failed=0

# Kernels of a suite: the second newest is what the system starts with, the newest the upgrade.
# Those for clouds are the smallest that Debian has. Debian unstable (sid) has one kernel at a
# time, and the next release (forky) often the one before; where they have the same, the system
# starts with the kernel that is not for clouds.
kernels() {
	case $1 in
	bookworm) echo '6\.1\.[0-9]+-[0-9]+-cloud-amd64' ;;
	trixie) echo '6\.12\.[0-9.]+\+deb13-cloud-amd64' ;;
	sid) echo '[0-9.]+\+deb14-cloud-amd64' ;;
	*) die "no kernel is known for the suite '$1'; there are bookworm, trixie and sid" ;;
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

# in_root ROOT COMMAND...: on this machine, in the directory, or what became of it in the VM; its
# mounts end with it. Packages that apt downloads are kept for the next run.
in_root() {
	mkdir -p "$CACHE/archives/partial"
	# shellcheck disable=SC2016 # expands inside
	unshare -m sh -ec '
		root=$1 archives=$2; shift 2
		[ ! -e "$root.img" ] || mount -o loop "$root.img" "$root"
		mount -t proc proc "$root/proc"
		mount --bind /dev "$root/dev"
		mount --bind "$archives" "$root/var/cache/apt/archives"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"' \
		sh "$1" "$CACHE/archives" "${@:2}"
}

# system SUITE DIRECTORY RELEASE: what a small installation has, and the kernel's headers
system() {
	local suite=$1 dir=$2 release=$3 sources
	[[ ! -e $dir/env ]] || return 0
	say "$suite: making a system with kernel $release (once, a minute)"
	rm -rf "$dir"
	mkdir -p "$dir"
	sources=$(grep -E " ($suite(-security)?|forky) " "${APT_CONFIG%/*}/sources.list" | sed 's/arch=[^ ]* //')
	apt-config dump | grep -E '^Acquire::(http|https|ftp|Check-Valid-Until)\b' >"$dir/apt.conf" || true
	if ! env -u APT_CONFIG nice -n 5 mmdebstrap --mode=root --variant=minbase \
		--aptopt="$dir/apt.conf" --aptopt='APT::Install-Recommends "false"' --skip=cleanup/apt \
		--dpkgopt=force-unsafe-io \
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

# ended SUITE STEP: a step that stops half way has failed, and so has one of which a line is lost
ended() {
	local status=0 points
	points=$(grep -cE '^(not )?ok ' "$out/$1.$2.tap") || true
	grep -q "^end of step $2, $points points" "$out/$1.$2.tap" || status=1
	point $status "$1: $2: reaches its end"
	return $status
}

# check_script NAME [ARGUMENT]...: a script of this directory
check_script() {
	local name=$1 status=0; shift
	say "$name $*"
	"$here/$name.sh" "$@" >"$out/$name.tap" || status=$?
	pass_on "$name" <"$out/$name.tap"
	grep -q '^ok' "$out/$name.tap" || status=1
	grep -q '^not ok' "$out/$name.tap" || point $status "$name: ends well"
}

# step SUITE ROOT STEP: in the chroot
step() {
	say "$1: $3"
	locked archives in_root "$2" sh /root/packages/in-root.sh "$3" >"$out/$1.$3.tap" 2>&1 || true
	pass_on "$1" <"$out/$1.$3.tap"
	ended "$1" "$3"
}

# boot SUITE ROOT RELEASE STEP: to the end of that step. Emulated, a kernel dies now and then
# before it gets that far; a second time would be no accident.
boot() {
	local suite=$1 root=$2 release=$3 step=$4 vmlinuz try tap status
	vmlinuz=$root/boot/vmlinuz-$release tap=$out/$suite.$step.tap
	[[ -e $vmlinuz ]] || vmlinuz=$root/usr/lib/modules/$release/vmlinuz
	for try in "" ", again"; do
		say "$suite: $step on $release$try"
		status=0
		# kernel and first programs are the system's, not those of the table; evnotify-step.service
		# does what else run.sh expects
		"$VM_DIR/run.sh" -t 1200 -m 1024 -l "$out/$suite.$step.console" -a "root=/dev/vda rw evnotify_step=$step" \
			-q "-kernel $vmlinuz -initrd $root/boot/initrd.img-$release -drive file=$root.img,format=raw,if=virtio,cache=unsafe" \
			6.1 -- : >"$tap" || status=$?
		[[ ! -s $tap ]] || break
	done
	pass_on "$suite" <"$tap"
	point $status "$suite: $step: the kernel has nothing to complain of"
	ended "$suite" "$step"
}

packages() {
	local status=0 earlier=$out/earlier/evnotify version
	[[ ! -e $out/deb.log ]] || return 0
	say "building the packages"
	make -C "$TOP" deb DEB_DIR="$debs" >"$out/deb.log" 2>&1 ||
		{ tail -5 "$out/deb.log" >&2; die "the packages do not build, see $out/deb.log"; }
	lintian --allow-root --pedantic --fail-on error,warning,pedantic "$debs"/*.changes >"$out/lintian" 2>&1 || status=$?
	point $status "lintian is content with the packages"
	sed 's/^/# /' "$out/lintian"
	# a version to upgrade from
	version=$(cat "$TOP/module/VERSION")
	mkdir "$out/earlier"
	cp -R "$debs/evnotify-$version" "$earlier"
	sed -i "0,/$version/s//0.0.1/" "$earlier"/{module/VERSION,dkms.conf,debian/changelog}
	(cd "$earlier" && dpkg-buildpackage --no-sign --build=all) >"$out/deb-earlier.log" 2>&1 ||
		{ tail -5 "$out/deb-earlier.log" >&2; die "the earlier package does not build, see $out/deb-earlier.log"; }
}

check_suite() {
	local suite=$1 regex release=() dir work
	if [[ $(id -u) != 0 ]]; then
		point 0 "$suite # SKIP needs root, as it makes a root file system: sudo make check-install"
		return
	fi
	regex=$(kernels "$suite")
	case $suite in
	sid) apt_unstable ;;
	*) apt_private ;;
	esac
	packages
	mapfile -t release < <(releases "$regex")
	[[ $suite != sid || ${#release[@]} != 1 ]] || release+=("${release[0]/cloud-/}")
	[[ ${#release[@]} = 2 ]] || die "$suite: the archive has fewer than two kernels like $regex"
	dir=$CACHE/root/install-$suite-${release[1]}
	locked "system $suite" system "$suite" "$dir" "${release[1]}"
	work=$out/$suite.root
	cp -a "$dir/root" "$work"
	cp -L /etc/resolv.conf "$work/etc/resolv.conf"
	mkdir -p "$work/root/packages"
	cp -R "$here/in-root.sh" "$debs"/*.{deb,dsc,tar.xz} "$out/earlier" "$TOP"/debian/tests/{program,device} \
		"$TOP"/{module,userspace,dkms.conf,Makefile} "$work/root/packages"
	rm -rf "$work"/root/packages/{userspace/build,earlier/evnotify}
	printf '%s\n' "${release[@]}" >"$work/root/packages/releases"	# the new one first
	cp "$here/evnotify-step.service" "$work/etc/systemd/system"
	in_root "$work" systemctl -q enable evnotify-step.service
	step "$suite" "$work" install || return 0
	check_script secureboot "$work" "${release[0]}"
	truncate -s 4G "$work.img"
	mke2fs -q -t ext4 -E lazy_itable_init=1 -d "$work" "$work.img"
	boot "$suite" "$work" "${release[1]}" use || true
	boot "$suite" "$work" "${release[0]}" upgraded || true
	step "$suite" "$work" source || true
	# Debian 12's is what has judged them here
	[[ $suite = bookworm ]] || step "$suite" "$work" lint || true
	rm -rf "$work" "$work.img"
}

parts=("$@")
[[ $# -gt 0 ]] || parts=(make-install doctor bookworm trixie sid)
"$VM_DIR/deps.sh" install
rm -rf "$out"
mkdir -p "$out"
echo TAP version 13
for part in "${parts[@]}"; do
	case $part in
	make-install | doctor) check_script "$part" ;;
	*) check_suite "$part" ;;
	esac
done
echo "1..$number"
exit $failed
