#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs the examples, of which README.md shows one.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/tap.sh"

# says TEXT COMMAND...: it succeeds, and a line of its output is TEXT, a basic regular expression
says() {
	text=$1; shift
	output=$("$@") && echo "$output" && echo "$output" | grep -qx "$text"
}

check "pending: its request completes" \
	says 'request [0-9]* expired [0-9]* ns after it was due' ./pending
check "event: it is signalled, once" says 'the event was signalled 1 time(s)' ./event
check "epoll: each request completes once" says '400 requests completed, each once, in [0-9]* wake-ups' ./epoll 400
check "change: the one that is cancelled" says 'request 1: cancelled, and its record says so' ./change
tap_done
