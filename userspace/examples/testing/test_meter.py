# SPDX-License-Identifier: MIT-0
"""Tests meter.py, which could be a program in any language. Run it with pytest; it needs /dev/evnotify-sim."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from evnotify import Sim, parse_steps

pytest_plugins = "evnotify.pytest_plugin"

Daemon: TypeAlias = "subprocess.Popen[str]"
METER = str(Path(__file__).with_name("meter.py"))
KEPT = 256  # events that a source keeps


@pytest.fixture
def meter(evnotify_sim: Sim) -> Iterator[Daemon]:
    """The daemon, at a device of the test's own; it says when it has opened that."""
    command = [sys.executable, METER, evnotify_sim.node()]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, pipesize=4096
    ) as daemon:
        assert said(daemon) == "ready"
        yield daemon
        daemon.kill()


def said(daemon: Daemon, *, silence: bool = False) -> str:
    """What it says next. How long that takes is no matter: the machine may be busy."""
    assert daemon.stdout
    while (line := daemon.stdout.readline()) == "silent\n" and not silence:
        pass
    return line.rstrip("\n")


def readings(daemon: Daemon, last: int) -> tuple[list[int], int]:
    """What it reads up to this, and how many it says that it has missed."""
    values: list[int] = []
    missed = 0
    while last not in values:
        verb, number = said(daemon).split()
        if verb == "missed":
            missed += int(number)
        else:
            values.append(int(number))
    return values, missed


def test_it_says_what_the_meter_reads(evnotify_sim: Sim, meter: Daemon) -> None:
    evnotify_sim.raise_events(17, 2**64 - 1)
    assert [said(meter), said(meter)] == ["reads 17", f"reads {2**64 - 1}"]


def test_what_was_recorded_is_played_again(evnotify_sim: Sim, meter: Daemon) -> None:
    evnotify_sim.play(parse_steps("+0 0x1\n+2ms 0x2\n# 1 lost\n+1.5ms 0x4\n"))
    assert readings(meter, 4) == ([1, 2, 4], 0)


def test_a_reading_comes_late(evnotify_sim: Sim, meter: Daemon) -> None:
    evnotify_sim.raise_events(1)
    assert said(meter) == "reads 1"
    assert said(meter, silence=True) == "silent"
    evnotify_sim.raise_events(2)
    assert said(meter) == "reads 2"


def test_it_misses_some_while_it_is_stopped(evnotify_sim: Sim, meter: Daemon) -> None:
    meter.send_signal(signal.SIGSTOP)
    os.waitpid(meter.pid, os.WUNTRACED)
    evnotify_sim.raise_events(*range(KEPT + 50))
    meter.send_signal(signal.SIGCONT)
    values, missed = readings(meter, KEPT + 49)
    assert len(values) + missed == KEPT + 50
    assert missed > 0
    assert values == sorted(values)


def test_nobody_reads_what_it_says(evnotify_sim: Sim, meter: Daemon) -> None:
    # Its pipe is full after some hundred lines, and it reads no more.
    evnotify_sim.raise_events(*range(2000))
    values, missed = readings(meter, 1999)
    assert len(values) + missed == 2000
    assert missed > 0


def test_the_meter_is_pulled_out(evnotify_sim: Sim, meter: Daemon) -> None:
    evnotify_sim.raise_events(7)
    evnotify_sim.unplug()
    assert [said(meter), said(meter), said(meter)] == ["reads 7", "gone", ""]
    assert meter.wait() == 0
