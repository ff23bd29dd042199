#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Lays Debian's Python and pytest, as they are installed here, into a directory, for a VM.
#
#   python.sh DIRECTORY
#
# Compiled modules alone, in place of their source: compared with that by its time, which does not
# get into every VM, they would be compiled again and again.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

[[ $# = 1 ]] || die "usage: python.sh DIRECTORY"
root=$(realpath -m "$1")
python=/usr/bin/python3	# Debian's own, whatever else PATH has
packages=()
for name in _pytest pytest py pluggy iniconfig packaging attr attrs; do
	mapfile -t -O ${#packages[@]} packages < <(compgen -G "/usr/lib/python3/dist-packages/$name"; compgen -G "/usr/lib/python3/dist-packages/$name-*-info")
done
read -r stdlib tag < <($python -c 'import sys, sysconfig; print(sysconfig.get_path("stdlib"), sys.implementation.cache_tag)')

mkdir -p "$root/usr/bin"
cp -L $python "$root/usr/bin/python3"
find "$stdlib" "${packages[@]}" \( -name test -o -name idlelib -o -name tkinter -o -name turtledemo -o \
	-name lib2to3 -o -name ensurepip -o -name pydoc_data -o -name distutils \) -prune -o \
	-name "*.$tag.pyc" -print | while read -r file; do
	dir=$root${file%/__pycache__/*} name=${file##*/}
	[[ -d $dir ]] || mkdir -p "$dir"
	cp "$file" "$dir/${name%."$tag".pyc}.pyc"
done
# those that need no more than the C library
mkdir -p "$root$stdlib/lib-dynload"
for file in "$stdlib"/lib-dynload/*.so; do
	ldd "$file" | grep -qvE 'linux-vdso|ld-linux|/libc\.so|/libm\.so|statically' || cp -t "$root$stdlib/lib-dynload" "$file"
done
# pytest looks for what is known of itself
for dir in "${packages[@]}"; do
	[[ $dir != *-info ]] || cp -RL --parents -t "$root" "$dir"
done
