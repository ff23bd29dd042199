#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The Python package on a device: its tests, and the examples in its documentation. Package and tests
# are in this directory. Prints TAP.
cd "$(dirname "$0")" || exit
export PYTHONPATH=. PYTHONDONTWRITEBYTECODE=1
exec python3 -W error -m pytest -p no:cacheprovider -sq --doctest-modules --import-mode=importlib \
	evnotify test_device.py
