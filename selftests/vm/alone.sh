#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs single selftest programs, or single tests of them, in a VM of their own, with the checked
# build of the modules: those that set the clock, unload the module or suspend want that. TAP.
#
#   alone.sh [OPTION OF run.sh]... KERNEL PROGRAM[:TEST]...
#
# Variables of the environment whose names begin with EVNOTIFY_ reach the programs.
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

options=()
while [[ ${1:-} = -* ]]; do
	options+=("$1" "$2"); shift 2
done
[[ $# -ge 2 ]] || die "usage: alone.sh [OPTION OF run.sh]... KERNEL PROGRAM[:TEST]..."
kernel=$1; shift
for_this_machine "$kernel"
programs=("${@%%:*}")
programs=("${programs[@]/#/$BUILD/selftests/}")

"$VM_DIR/deps.sh" demo
ksft=$("$VM_DIR/kernel.sh" source)/tools/testing/selftests
mkdir -p "$BUILD/selftests"
make -s --no-print-directory -C "$TOP/selftests" KSFT="$ksft" OUTPUT="$BUILD/selftests" \
	CPPFLAGS="-isystem /usr/include/$(gcc -print-multiarch)" USERCFLAGS=-Werror "${programs[@]}" >&2
module=$("$VM_DIR/build.sh" "$kernel" DEBUG=1)
"$VM_DIR/run.sh" -t 900 "${options[@]}" "$kernel" "${module%/*}"/*.ko \
	"${module%/*}/samples:evnotify/drivers" "${programs[@]}" -- "
	$(export -p | grep -E '^declare -x EVNOTIFY_[A-Z_]+=' | grep -vE '_(BUILD|CACHE|START)=' | sed 's/declare -x/export/')
	export EVNOTIFY_STRICT=1 EVNOTIFY_KO=/evnotify/evnotify.ko EVNOTIFY_SAMPLES=/evnotify/drivers; status=0
	for program in $*; do
		insmod evnotify.ko && insmod evnotify-sim.ko || exit
		case \$program in
		*:*) ./\${program%%:*} -t \${program#*:} ;;
		*) ./\$program ;;
		esac || status=1
		rmmod evnotify-sim evnotify || status=1
	done
	exit \$status"
