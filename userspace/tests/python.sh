#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The Python package without a device. O is the build directory, CC the compiler. Prints TAP.
: "${O:?}" "${CC:?}"
cd "$(dirname "$0")/.." || exit
export PYTHONPATH=python PYTHONDONTWRITEBYTECODE=1
# Debian's own Python, which has pytest and mypy, whatever else PATH has
exec /usr/bin/python3 -W error -m pytest -p no:cacheprovider -sq --doctest-modules \
	tests/python/test_unit.py python/evnotify/_sim.py::evnotify._sim.parse_steps
