#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs the two programs that README.md shows. They were compiled from there.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"

check "the pending request of README.md completes" \
	sh -c './readme_1 | grep -q "^request [0-9]* expired [0-9]* ns after it was due$"'
check "the event of README.md is signalled" \
	sh -c './readme_2 | grep -q "^the event was signalled 1 time(s)$"'
tap_done
