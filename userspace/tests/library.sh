#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck source-path=SCRIPTDIR/..
#
# The library as others meet it: its symbols, its header, what is installed.
# O is the build directory; CC and CXX the compilers.
set -u
: "${O:?}" "${CC:?}" "${CXX:?}"
cd "$(dirname "$0")/.." || exit 1
. tests/tap.sh

sed -n 's/^\t\(evn_[a-z_]*\);$/\1/p' lib/evnotify.map | sort >"$tmp/map"
nm -D --defined-only --with-symbol-versions "$O/libevnotify.so.1" | awk '$2 == "T" { print $3 }' |
	sed 's/@@LIBEVNOTIFY_0\.1$//' | sort >"$tmp/so"
sed -n 's/^[a-z].*[ *]\(evn_[a-z_]*\)(.*;$/\1/p' lib/evnotify.h | sort >"$tmp/header"
check "the map is not empty" test -s "$tmp/map"
check "the shared library exports what the map lists, versioned" diff "$tmp/map" "$tmp/so"
check "the header declares what the map lists" diff "$tmp/map" "$tmp/header"
check "the soname is libevnotify.so.1" \
	sh -c "readelf -d '$O/libevnotify.so.1' | grep -q 'SONAME.*\[libevnotify\.so\.1\]'"

# Installed: the tree alone must do.
root=$tmp/root
check "make install" "${MAKE:-make}" -s install O="$O" DESTDIR="$root" PREFIX=/usr
export PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_LIBDIR="$root/usr/lib/pkgconfig"
cflags=$(pkg-config --cflags libevnotify)
libs=$(pkg-config --libs libevnotify)
check "pkg-config knows the version" same "$(cat ../module/VERSION)" \
	"$(pkg-config --modversion libevnotify)"

cat >"$tmp/use.c" <<'END'
#include <evnotify.h>
#include <linux/evnotify_sim.h>
int main(void)
{
	struct evnotify_wait wait = { };
	return evn_open("/nonexistent", 0) != NULL || wait.event.status || !evn_version();
}
END
cp "$tmp/use.c" "$tmp/use.cc"
builds() {
	compiler=$1
	shift
	# shellcheck disable=SC2086
	$compiler -Wall -Wextra -Wpedantic -Werror $cflags "$@" $libs
}
check "a C99 program builds" builds "$CC" -std=c99 -Wno-pedantic -o "$tmp/use" "$tmp/use.c"
check "a C++ program builds" builds "$CXX" -std=c++11 -o "$tmp/use++" "$tmp/use.cc"
check "the C program runs on the shared library" env LD_LIBRARY_PATH="$root/usr/lib" "$tmp/use"
check "and needs it by its soname" \
	sh -c "readelf -d '$tmp/use' | grep -q 'NEEDED.*libevnotify\.so\.1'"
check "the C++ program runs on the shared library" env LD_LIBRARY_PATH="$root/usr/lib" "$tmp/use++"
check "the installed command runs" same "evnotify $(cat ../module/VERSION)" \
	"$("$root/usr/bin/evnotify" --version)"
awk '/^```/ { inside = /^```c$/; next } inside' ../README.md >"$tmp/readme.c"
check "README.md has the example pending.c, and no other program" cmp examples/pending.c "$tmp/readme.c"
# Programs that people copy: the examples, and that of evnotify(7).
mkdir "$tmp/programs"
cp examples/*.c "$tmp/programs"
sed -n '/^\.Sh EXAMPLES/,/^\.Ed/p' man/evnotify.7 | sed '1,/^\.Bd/d; /^\.Ed/d' >"$tmp/programs/evnotify.7.c"
# copied DIRECTORY: which of its programs says something else than that anybody may copy it
copied() { head -qn 1 "$1"/*.[a-z]* | grep -vx '\(//\|#\) SPDX-License-Identifier: MIT-0'; }
check "they may be copied" same "" "$(copied "$tmp/programs"; copied examples/loops)"
check "one for an event loop has at most 100 lines" \
	same "" "$(wc -l examples/loops/* | awk '$1 > 100 && $2 != "total"')"
strict() { builds "$@" -Wno-missing-field-initializers -o "$tmp/program" "$program"; }
for program in "$tmp"/programs/*.c examples/loops/blocking.c examples/loops/epoll.c; do
	# It has no unnamed unions but as an extension, which every compiler gives.
	check "${program#"$tmp"/programs/} compiles as c99" strict "$CC" -std=c99 -Wno-pedantic
	for standard in c11 gnu11 c2x; do
		check "${program#"$tmp"/programs/} compiles as $standard" strict "$CC" -std=$standard
	done
	for standard in c++20 gnu++20; do
		check "${program#"$tmp"/programs/} compiles as $standard" strict "$CXX" -x c++ -std=$standard
	done
done
check "every installed manual page and link opens" \
	same "" "$(find -L "$root/usr/share/man" -type l; find -L "$root/usr/share/man" -empty)"
check "make uninstall" "${MAKE:-make}" -s uninstall DESTDIR="$root" PREFIX=/usr
check "leaves no file" same "" "$(find "$root" ! -type d)"
tap_done
