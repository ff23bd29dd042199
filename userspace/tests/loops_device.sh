#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs the example of each loop, which all do the same: sources/ has their source, loops/ the
# programs.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"

cat >"$tmp/expected" <<'END'
request 2: done
request 3: done
request 1: done
request 4: cancelled
request 5: event 42
request 5: event 43
request 5: the source is gone
END

# does_it COMMAND...: the device goes, and the command ends by itself
does_it() {
	status=0
	./pull_out 'request 4: cancelled' "$@" >"$tmp/printed" || status=$?
	diff "$tmp/expected" "$tmp/printed" && [ "$status" = 0 ]
}

for source in sources/*; do
	name=${source##*/}
	case $name in
	*.py) check "$name" does_it python3 "$source" ;;
	*) check "$name" does_it "loops/${name%.*}" ;;
	esac
done
tap_done
