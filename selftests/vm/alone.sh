#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs selftest programs that want a machine of their own (they set the clock, unload the
# module, suspend) in one, with the checked build of the module. TAP.
#
#   alone.sh [OPTION OF run.sh]... KERNEL PROGRAM...
#
# Variables of the environment whose names begin with EVNOTIFY_ reach the programs.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

options=()
while [[ ${1:-} = -* ]]; do
	options+=("$1" "$2"); shift 2
done
[[ $# -ge 2 ]] || die "usage: alone.sh [OPTION OF run.sh]... KERNEL PROGRAM..."
kernel=$1; shift
for_this_machine "$kernel"

"$VM_DIR/deps.sh" demo
ksft=$("$VM_DIR/kernel.sh" source)/tools/testing/selftests
mkdir -p "$BUILD/selftests"
make -s --no-print-directory -C "$TOP/selftests" KSFT="$ksft" OUTPUT="$BUILD/selftests" \
	CPPFLAGS="-isystem /usr/include/$(gcc -print-multiarch)" USERCFLAGS=-Werror "${@/#/$BUILD/selftests/}" >&2
module=$("$VM_DIR/build.sh" "$kernel" DEBUG=1)
"$VM_DIR/run.sh" -t 900 "${options[@]}" "$kernel" "$module" "${@/#/$BUILD/selftests/}" -- "
	$(export -p | grep -E '^declare -x EVNOTIFY_[A-Z_]+=' | grep -vE '_(BUILD|CACHE|START)=' | sed 's/declare -x/export/')
	export EVNOTIFY_STRICT=1 EVNOTIFY_KO=/evnotify/evnotify.ko; status=0
	for program in $*; do
		insmod evnotify.ko || exit
		./\$program || status=1
		rmmod evnotify || status=1
	done
	exit \$status"
