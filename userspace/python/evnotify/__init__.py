# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernel to user notification: /dev/evnotify, the nodes of sources, and devices to test with.

An instance is one open file of the device. A program arms requests on it, which complete at their due
time, or when the source of the file raises an event. Every time is in nanoseconds, on the clock of its
request. See evnotify(7) for the model, evnotify(4) for every field and error, and evnotify-testing(7) for
tests.

>>> import evnotify
>>> with evnotify.open() as device:
...     ids = device.register(evnotify.Request(due_ns=1_000_000, user_data=7))
...     for event in device:
...         print(event.user_data, event.status)
...         break
7 0
"""

from ._descriptor import AlreadyError, GoneError
from ._instance import Clock, Event, EventFlag, Feature, Flag, Info, Instance, Mode, Request, open
from ._sim import Sim, Step, parse_steps

__version__ = "0.1.0"

__all__ = [
    "AlreadyError",
    "Clock",
    "Event",
    "EventFlag",
    "Feature",
    "Flag",
    "GoneError",
    "Info",
    "Instance",
    "Mode",
    "Request",
    "Sim",
    "Step",
    "open",
    "parse_steps",
]
