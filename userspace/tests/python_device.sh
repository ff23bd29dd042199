#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The Python package on a device: its tests, the examples in its documentation, and the daemon that
# evnotify-testing(7) shows. All of it is in this directory. Prints TAP.
cd "$(dirname "$0")" || exit
export PATH="$PATH:/usr/bin" PYTHONPATH=.
exec python3 -W error -m pytest -p no:cacheprovider -sq --doctest-modules evnotify test_device.py test_meter.py
