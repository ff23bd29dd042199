#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs TAP programs one after another and counts their points. A program fails
# by a point, by its status, or by ending without its plan.
set -u

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
passed=0
failed=0

for program; do
	echo "# $program"
	case $program in
	*.sh) sh "$program" >"$log" 2>&1 ;;
	*) "$program" >"$log" 2>&1 ;;
	esac
	rc=$?
	cat "$log"
	ok=$(grep -c '^ok ' "$log")
	bad=$(grep -c '^not ok ' "$log")
	if [ "$bad" = 0 ] && { [ "$rc" != 0 ] || ! grep -qx "1\.\.$ok" "$log"; }; then
		echo "not ok - $program ended with status $rc after $ok points"
		bad=1
	fi
	passed=$((passed + ok))
	failed=$((failed + bad))
done
echo "# userspace: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
