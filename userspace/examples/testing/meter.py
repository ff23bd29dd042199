#!/usr/bin/env python3
# SPDX-License-Identifier: MIT-0
"""Says what a meter reads, and that it is silent: a small daemon, which test_meter.py tests."""

import sys

import evnotify

SILENCE_NS = 100_000_000


def main(node: str) -> None:
    """Until the meter is pulled out."""
    reading = evnotify.Request(flags=evnotify.Flag.SOURCE, due_ns=SILENCE_NS)
    with evnotify.open(node) as meter:
        print("ready", flush=True)
        while True:
            try:
                event = meter.wait(reading)
            except evnotify.GoneError:
                break
            if event.gone:
                break
            if event.timed_out:
                print("silent", flush=True)
                continue
            if event.lost:
                print("missed", event.lost, flush=True)
            print("reads", event.data, flush=True)
    print("gone", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
