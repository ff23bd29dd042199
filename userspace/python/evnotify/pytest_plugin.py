# SPDX-License-Identifier: LGPL-2.1-or-later
"""Devices for tests with pytest: in the file conftest.py, ``pytest_plugins = "evnotify.pytest_plugin"``.

A test has a device of its own, raises what hardware would, and pulls it out::

    def test_lamp(evnotify_sim):
        with subprocess.Popen(["lampd", evnotify_sim.node()], stdout=subprocess.PIPE, text=True) as lampd:
            assert lampd.stdout.readline() == "ready\\n"
            evnotify_sim.raise_events(1)
            assert lampd.stdout.readline() == "on\\n"
"""

from collections.abc import Iterator

import pytest

from ._sim import Sim


@pytest.fixture
def evnotify_sim() -> Iterator[Sim]:
    """A source of the test's own; it goes at the end, if the test has not pulled it out before."""
    with Sim() as sim:
        yield sim
