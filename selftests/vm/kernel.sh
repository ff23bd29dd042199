#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Makes a kernel of the table "kernels" available, from the cache where it can.
#
#   kernel.sh list         names
#   kernel.sh get NAME     prints what build.sh and run.sh need, as shell assignments:
#                          release, vmlinuz, kdir (headers), arch, cc, root (build root or
#                          empty), mem, args
#   kernel.sh build NAME SOURCE FRAGMENT...
#                          makes a kernel of kind tree from a source and a configuration
#   kernel.sh source [V]   prints the directory of the unpacked kernel source (default: 7.2)
#   kernel.sh sysroot ARCH prints a directory with the libraries and headers of Debian 12 for
#                          another architecture, and with its busybox
#   kernel.sh qemu         prints the command that emulates a PC, with options
#
# An entry of the cache counts once its file "env" is there; that file is written last.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

SOURCE_VERSION=7.2

# remember COMMAND...: what it prints, which depends on apt's lists only: asking apt takes
# seconds, so each question is asked once for as long as the lists are the same
remember() {
	local dir=${APT_CONFIG%/*} question file answer
	question="$(stat -c %.Y "$dir/state/lists") $*"
	file=$dir/answers/${*//[^a-z0-9.-]/_}
	if [[ $(head -n 1 "$file" 2>/dev/null) != "$question" ]]; then
		answer=$("$@") || return
		mkdir -p "$dir/answers"
		printf '%s\n' "$question" "$answer" >"$file.$$"
		mv "$file.$$" "$file"
	fi
	tail -n +2 "$file"
}

# deb_version PACKAGE: the version that the archive would give us, empty if none
deb_version() { apt-cache policy "$1" 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'; }

# download DIRECTORY PACKAGE...
download() {
	local dir=$1; shift
	mkdir -p "$dir"
	say "downloading $*"
	(cd "$dir" && apt-get -qq download "$@" >&2) ||
		die "download failed; if the archive has just moved on, 'rm $CACHE/apt/updated' and try again"
}

# finish DIRECTORY ASSIGNMENT...: make the entry valid
finish() {
	local dir=$1; shift
	printf '%s\n' "$@" >"$dir/env.new"
	mv "$dir/env.new" "$dir/env"
}

# fresh DIRECTORY: an empty one in the place of whatever an interrupted run left
fresh() { rm -rf "$1"; mkdir -p "$1"; }

# --- kind debian -----------------------------------------------------------------------

# release_of REGEX: the highest release that has both headers and an image, its package and
# the version of that; from 7.0 on the bare image has a package of its own
release_of() {
	local rel pkg version
	while read -r rel; do
		for pkg in "linux-binary-$rel" "linux-binary-unsigned-$rel" "linux-image-$rel"; do
			version=$(deb_version "$pkg") || return
			[[ -z $version ]] || { echo "$rel $pkg $version"; return; }
		done
	done < <(apt-cache pkgnames linux-headers- | sed 's/^linux-headers-//' | grep -xE "$1" | sort -Vr)
	return 1
}

get_debian() {
	local rel pkg version dir
	read -r rel pkg version < <(remember release_of "$what") || die "$name: the archive has no kernel like $what"
	dir=$CACHE/kernel/${rel}_$version
	locked "kernel $rel" unpack_debian "$rel" "$pkg" "$dir"
	root=
	if [[ $toolchain = *:* ]]; then
		root=$(build_root "${toolchain%:*}" "${toolchain#*:}")
	fi
	cat "$dir/env"
	printf 'cc=%q\nroot=%q\n' "${toolchain#*:}" "$root"
}

unpack_debian() {
	local rel=$1 pkg=$2 dir=$3 deb needs vmlinuz files=('*/vmlinuz*')
	[[ ! -e $dir/env ]] || return 0
	fresh "$dir"
	mapfile -t needs < <(apt-cache depends "linux-headers-$rel" |
		grep -oE 'linux-(headers-[^ :>]*-common[^ :>]*|kbuild-[^ :>]*)' | sort -u)
	download "$dir/deb" "$pkg" "linux-headers-$rel" "${needs[@]}"
	for deb in "$dir"/deb/linux-{headers,kbuild}-*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	# only the image: the modules of a distribution kernel are most of its package
	[[ $arch != s390x ]] || files+=('*/virtio_console.ko')	# of run.sh's console
	dpkg-deb --fsys-tarfile "$dir/deb/$pkg"_*.deb | tar -C "$dir" -x --wildcards "${files[@]}"
	rm -r "$dir/deb"
	vmlinuz=$(find "$dir" -name 'vmlinuz*' -type f)
	[[ -f $vmlinuz ]] || die "$pkg holds no kernel image"
	sed -i "s#/usr/src/#$dir/usr/src/#g" "$dir/usr/src/linux-headers-$rel/Makefile"
	finish "$dir" "release=$rel" "vmlinuz=$vmlinuz" "kdir=$dir/usr/src/linux-headers-$rel"
}

# build_root SUITE COMPILER: a directory to chroot into, with just make and the compiler.
# apt resolves the packages against an empty system; unpacking them is all it takes.
build_root() {
	local version dir
	version=$(remember deb_version "$2") || return
	dir=$CACHE/root/$1-$2_$version
	locked "build root $1" unpack_root "$1" "$2" "$dir"
	echo "$dir/root"
}

unpack_root() {
	local suite=$1 compiler=$2 dir=$3 deb
	[[ ! -e $dir/env ]] || return 0
	fresh "$dir"
	mkdir -p "$dir/root/proc" "$dir/deb/partial"
	say "downloading a build root of Debian $suite with $compiler"
	apt-get -qq -y --no-install-recommends --download-only -t "$suite" -o Dir::Cache::archives="$dir/deb" \
		install base-files dash bash coreutils sed grep mawk findutils perl-base libc6-dev libelf1t64 make \
		"$compiler" "$compiler-for-host" >&2 || die "cannot download the build root of $suite"
	dpkg-deb -x "$dir"/deb/base-files_*.deb "$dir/root"	# has /lib -> usr/lib and the like
	for deb in "$dir"/deb/*.deb; do
		dpkg-deb -x "$deb" "$dir/root"
	done
	ln -s mawk "$dir/root/usr/bin/awk"
	rm -r "$dir/deb"
	finish "$dir"
}

sysroot() {
	local dir
	dir=$CACHE/root/bookworm-$1_$(remember deb_version "libc6-dev:$1")
	locked "sysroot $1" unpack_sysroot "$1" "$dir"
	echo "$dir/root"
}

unpack_sysroot() {
	local dir=$2 deb packages=(libc6-dev liburing-dev libkmod-dev libtracefs-dev libtraceevent-dev busybox-static)
	[[ ! -e $dir/env ]] || return 0
	fresh "$dir"
	mkdir -p "$dir/root" "$dir/deb/partial"
	say "downloading the libraries of Debian 12 for $1"
	apt-get -qq -y --no-install-recommends --download-only -o Dir::Cache::archives="$dir/deb" \
		install "${packages[@]/%/:$1}" >&2 || die "cannot download the libraries for $1"
	for deb in "$dir"/deb/*.deb; do
		dpkg-deb -x "$deb" "$dir/root"
	done
	# a link that begins with / means the machine that these files are for
	find "$dir/root" -lname '/*' -printf '%p %l\n' | while read -r link target; do
		ln -sfr "$dir/root$target" "$link"
	done
	rm -r "$dir/deb"
	finish "$dir"
}

# --- kind source -----------------------------------------------------------------------

source_dir() { echo "$CACHE/source/$1_$(remember deb_version "linux-source-$1")"; }

unpack_source() {
	local dir=$2
	[[ ! -e $dir/env ]] || return 0
	fresh "$dir"
	"$VM_DIR/deps.sh" source
	download "$dir/deb" "linux-source-$1"
	say "unpacking the source of Linux $1"
	dpkg-deb --fsys-tarfile "$dir"/deb/*.deb | tar -xO "./usr/src/linux-source-$1.tar.xz" |
		tar -C "$dir" --strip-components=1 -xJ
	rm -r "$dir/deb"
	finish "$dir"
}

get_source() {
	local src dir fragments f
	fragments=()
	for f in ${config//,/ }; do
		fragments+=("$VM_DIR/config/$f.config")
	done
	src=$(source_dir "$what")
	locked "source $what" unpack_source "$what" "$src"
	dir=$CACHE/kernel/$name-${src##*_}-$("$toolchain" -dumpfullversion)-$(cat "${fragments[@]}" | sha256sum | cut -c1-12)
	locked "kernel $name" build_source "$src" "$dir" "${fragments[@]}"
	cat "$dir/env"
	printf 'cc=%q\nroot=\n' "$toolchain"
}

build_source() {
	local src=$1 dir=$2; shift 2
	[[ ! -e $dir/env ]] || return 0
	fresh "$dir"
	say "building the $name kernel with $toolchain (5 to 10 minutes on 2 cores, once)"
	compile "$src" "$dir" "$@"
	# modules link against the headers, scripts and tools only
	find "$dir" \( -path "$dir/scripts" -o -path "$dir/tools" \) -prune -o \
		-type f \( -name '*.[oa]' -o -name 'vmlinux.unstripped' \) -exec rm {} +
	finish_source "$dir"
}

finish_source() {
	finish "$1" "release=$(cat "$1/include/config/kernel.release")" \
		"vmlinuz=$1/arch/x86/boot/bzImage" "kdir=$1"
}

# compile SOURCE DIRECTORY FRAGMENT...: what has changed since the last time
compile() {
	local src=$1 dir=$2 symbol option pid; shift 2
	"$VM_DIR/deps.sh" kernel
	{
		make -C "$src" O="$dir" CC="$toolchain" tinyconfig
		(cd "$dir" && "$src/scripts/kconfig/merge_config.sh" -m .config "$@")
		make -C "$dir" CC="$toolchain" olddefconfig
	} >"$dir/build.log" 2>&1 || die "configuring the kernel failed, see $dir/build.log"
	# a misspelt or unmet option would silently test less than it says; of two, the last counts
	while read -r symbol option; do
		if [[ $option = '# '* ]]; then
			! grep -q "^$symbol=" "$dir/.config"
		else
			grep -qxF "$option" "$dir/.config"
		fi || die "the $name kernel does not get '$option'"
	done < <(sed -nE 's/^(CONFIG_[A-Z0-9_]*)=.*/\1 &/p; s/^# (CONFIG_[A-Z0-9_]*) is not set/\1 &/p' "$@" |
		 awk '{ last[$1] = $0 } END { for (symbol in last) print last[symbol] }')

	nice -n 5 make -C "$dir" CC="$toolchain" -j"$(nproc)" bzImage modules >>"$dir/build.log" 2>&1 & pid=$!
	while sleep 30; kill -0 "$pid" 2>/dev/null; do
		say "the $name kernel: $(grep -cE '^ +(CC|AS|LD|AR) ' "$dir/build.log") steps of about 1950 done"
	done
	wait "$pid" || die "building the $name kernel failed, see $dir/build.log"
}

# --- kind tree -------------------------------------------------------------------------

get_tree() {
	[[ -e $BUILD/$what/env ]] || die "$name: kernel.sh build makes this kernel, which has not been run"
	cat "$BUILD/$what/env"
	printf 'cc=%q\nroot=\n' "$toolchain"
}

build_tree() {
	local src=$1 dir=$BUILD/$what; shift
	mkdir -p "$dir"
	rm -f "$dir/env"
	say "building the $name kernel with $toolchain (5 to 10 minutes on 2 cores, seconds the next time)"
	compile "$src" "$dir" "$@"
	finish_source "$dir"
}

# --- kind host -------------------------------------------------------------------------

get_host() {
	local rel=${KVER:-$(uname -r)} f
	[[ -d /lib/modules/$rel/build ]] || die "no headers for the running kernel: /lib/modules/$rel/build is missing"
	for f in "/boot/vmlinuz-$rel" "/lib/modules/$rel/vmlinuz" "/usr/lib/modules/$rel/vmlinuz"; do
		[[ ! -r $f ]] || break
	done
	[[ -r $f ]] || die "cannot read an image of the running kernel: neither /boot/vmlinuz-$rel nor /lib/modules/$rel/vmlinuz"
	printf '%s\n' "release=$rel" "vmlinuz=$f" "kdir=/lib/modules/$rel/build" "cc=gcc" "root="
}

# --- the emulator ----------------------------------------------------------------------

# QEMU before 8.1 may go on running an instruction that another CPU has replaced while it was being
# translated. Linux replaces instructions, by way of an int3, wherever it switches a tracepoint or
# another static key; a CPU that stays with the int3 dies of it: "Oops: int3". QEMU's commit
# deba78709ae8 ("accel/tcg: Always lock pages before translation") mended that. Debian 12 has 7.2,
# and a newer one among its backports, of which a copy in the cache will do.
qemu() {
	local version dir here
	here=$(qemu-system-x86_64 --version | sed -nE '1s/.*version ([0-9.]+).*/\1/p')
	if ! printf '%s\n' 8.1 "$here" | sort -CV && have apt-get; then
		apt_private
		version=$(remember backport qemu-system-x86)
		dir=$CACHE/qemu/$version
		[[ -z $version ]] || locked qemu unpack_qemu "$version" "$dir"
		if [[ -n $version ]] && "$dir/usr/bin/qemu-system-x86_64" --version >/dev/null 2>&1; then
			echo "$dir/usr/bin/qemu-system-x86_64 -L $dir/usr/share/qemu -L $dir/usr/share/seabios"
			return
		fi
		say "QEMU $here is older than 8.1, and no other runs here: a VM may die with 'Oops: int3'"
	fi
	echo qemu-system-x86_64
}

# backport PACKAGE: its version in the backports of Debian 12, empty if none
backport() { apt-cache madison "$1" | awk -F' *[|] *' '$3 ~ / bookworm-backports[/]/ { print $2; exit }'; }

unpack_qemu() {
	local version=$1 dir=$2 deb
	[[ ! -e $dir/env ]] || return 0
	fresh "$dir"
	download "$dir/deb" "qemu-system-x86=$version" "qemu-system-data=$version" seabios/bookworm-backports
	for deb in "$dir"/deb/*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	rm -r "$dir/deb"
	finish "$dir"
}

# look_up NAME: sets name and the columns of the table
look_up() {
	name=$1
	read -r kind what toolchain config mem args < <(row kernels "$name") ||
		die "no kernel '$name' in $VM_DIR/kernels; there are: $(table kernels | awk '{ printf "%s ", $1 }')"
}

case ${1:-} in
list)
	table kernels | awk '{ print $1 }' ;;
get)
	[[ $# = 2 ]] || die "usage: kernel.sh get NAME"
	look_up "$2"
	arch=$(arch_of "$name")
	case $kind-$arch in
	host-*) ;;
	*-amd64) apt_private ;;
	*) apt_foreign "$arch" ;;
	esac
	"get_$kind"
	printf 'arch=%q\nmem=%q\nargs=%q\n' "$arch" "$mem" "$args" ;;
build)
	[[ $# -ge 4 ]] || die "usage: kernel.sh build NAME SOURCE FRAGMENT..."
	look_up "$2"
	build_tree "${@:3}" ;;
source)
	apt_private
	version=${2:-$SOURCE_VERSION}
	dir=$(source_dir "$version")
	locked "source $version" unpack_source "$version" "$dir"
	echo "$dir" ;;
sysroot)
	[[ $# = 2 ]] || die "usage: kernel.sh sysroot ARCH"
	apt_foreign "$2"
	sysroot "$2" ;;
qemu)
	qemu ;;
*)
	die "usage: kernel.sh list | get NAME | build NAME SOURCE FRAGMENT... | source [VERSION] | sysroot ARCH | qemu" ;;
esac
