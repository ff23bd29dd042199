#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds the modules for one kernel of the table and prints the path of evnotify.ko. The samples,
# and the driver of the tests, are next to it, in samples/.
#
#   build.sh KERNEL [DEBUG=1] [SRC=directory] [VARIABLE=value for make]...
#
# DEBUG=1 is the checked build (CONFIG_EVNOTIFY_DEBUG). Every warning of W=1, and of sparse
# with C=2, is an error.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

debug=0 src=$TOP/module
flags=(CONFIG_DEBUG_INFO_BTF_MODULES=)	# or pahole would be needed
[[ $# -ge 1 ]] || die "usage: build.sh KERNEL [DEBUG=1] [SRC=directory] [VARIABLE=value]..."
kernel=$1; shift
for word; do
	case $word in
	DEBUG=*) debug=${word#*=} ;;
	SRC=*) src=${word#*=} ;;
	*=*) flags+=("$word") ;;
	*) die "unknown argument '$word'" ;;
	esac
done

use_kernel "$kernel"
case $arch in
i386) flags+=(ARCH=i386) ;;
arm64) flags+=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu-) ;;
s390x) flags+=(ARCH=s390 CROSS_COMPILE=s390x-linux-gnu-) ;;
esac

# in_root ROOT COMMAND...: run inside a build root that sees the cache and build/ under
# their own names. Its mounts end with it. objtool reads /proc.
in_root() {
	local ns=-m
	[[ $(id -u) = 0 ]] || ns=-rmpf	# a user namespace stands in for root
	# shellcheck disable=SC2016 # expands inside
	unshare $ns sh -ec '
		root=$1 cache=$2 build=$3; shift 3
		mkdir -p "$root/proc" "$root/$cache" "$root/$build"
		mount -t proc proc "$root/proc"
		mount --bind "$cache" "$root/$cache"
		mount --bind "$build" "$root/$build"
		exec chroot "$root" env PATH=/usr/bin:/usr/sbin "$@"
	' sh "$1" "$CACHE" "$BUILD" "${@:2}"
}

dir=$BUILD/module/$kernel
if [[ $debug = 1 ]]; then
	dir=$dir-checked
	flags+=(CONFIG_EVNOTIFY_DEBUG=y)
fi
rm -rf "$dir"
mkdir -p "$dir"
cp -R "$src/." "$dir"
drivers=()
if [[ -d $dir/samples ]]; then
	cp -R "$TOP/selftests/testdriver" "$dir"
	drivers=("$dir/samples" "$dir/testdriver")
fi
say "building the module for $release"
build() { ${root:+in_root "$root"} make -C "$kdir" M="$1" CC="$cc" W=1 "${flags[@]}" modules >>"$dir/build.log" 2>&1; }
status=0
for part in "$dir" "${drivers[@]}"; do
	build "$part" || { status=$?; break; }
done
if [[ $status != 0 ]] ||
   grep -qE ':[0-9]+: (warning|error):|WARNING: modpost' "$dir/build.log"; then
	grep -vE '^make|^  (CC|LD|MODPOST)' "$dir/build.log" >&2 || true
	die "building the module for $kernel failed, see $dir/build.log"
fi
[[ ${#drivers[@]} = 0 ]] || cp "$dir/testdriver/"*.ko "$dir/samples"
echo "$dir/evnotify.ko"
