# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# TAP for the scripts in this directory: source it, make test points, end with
# tap_done. Scratch files go to $tmp.

tap_points=0
tap_failures=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# check WHAT COMMAND...: one test point, which the command passes with status 0.
check() {
	what=$1
	shift
	tap_points=$((tap_points + 1))
	if "$@" >"$tmp/check" 2>&1; then
		echo "ok $tap_points - $what"
	else
		tap_failures=$((tap_failures + 1))
		echo "not ok $tap_points - $what"
		sed 's/^/# /' "$tmp/check"
	fi
}

# skip WHAT WHY: a test point that cannot be had here.
skip() {
	tap_points=$((tap_points + 1))
	echo "ok $tap_points - $1 # SKIP $2"
}

# same EXPECTED SEEN: for check; shows both if they differ.
same() {
	[ "$1" = "$2" ] || { printf 'expected: %s\nseen:     %s\n' "$1" "$2"; return 1; }
}

# run COMMAND...: keeps its output and error in $out and $err, its status in $rc.
run() {
	rc=0
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null || rc=$?
	out=$(cat "$tmp/out")
	err=$(cat "$tmp/err")
}

# fails STATUS TEXT COMMAND...: the command ends with STATUS and TEXT on stderr.
fails() {
	status=$1
	text=$2
	shift 2
	run "$@"
	printf 'status: %s\nstdout: %s\nstderr: %s\n' "$rc" "$out" "$err"
	[ "$rc" = "$status" ] && case $err in *"$text"*) true ;; *) false ;; esac
}

tap_done() {
	echo "1..$tap_points"
	[ "$tap_failures" = 0 ]
}
