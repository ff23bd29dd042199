# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sources that raise what a test wants, in place of a device: /dev/evnotify-sim."""

import os
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass

from . import _uapi
from ._descriptor import Descriptor, ioctl, named, open_node
from ._instance import Instance, _pack

SIM_DEVICE = "/dev/evnotify-sim"
_UNITS_NS = {"ns": 1, "us": 10**3, "ms": 10**6, "": 10**9, "s": 10**9, "m": 60 * 10**9,
             "h": 3600 * 10**9, "d": 86400 * 10**9}  # fmt: skip
_STEP = re.compile(
    r"\+(?P<whole>[0-9]*)(\.(?P<part>[0-9]*))?(?P<unit>[a-z]*)[ \t]+(?P<data>0[xX][0-9a-fA-F]+|0|[1-9][0-9]*)"
)


@dataclass(frozen=True, slots=True)
class Step:
    """An event to raise.

    :ivar delay_ns: nanoseconds after the step before; of the first one, from the start of the call; at
        most 2^51 - 1, which is 26 days
    :ivar data: what it carries: 64 bits
    """

    delay_ns: int = 0
    data: int = 0


def parse_steps(text: str) -> list[Step]:
    """The steps in a file of ``evnotify record`` or ``evnotify sim --print``.

    >>> parse_steps("+5ms 0x2a  # a comment")
    [Step(delay_ns=5000000, data=42)]

    :raises ValueError: a line is none of these; it is named
    """
    steps = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        match = _STEP.fullmatch(line)
        unit_ns = match and _UNITS_NS.get(match["unit"])
        digits = match and match["whole"] + (match["part"] or "")
        if not match or not unit_ns or not digits:
            raise ValueError(f"line {number}: '{line}' is no step (like +5ms 0x2a)")
        delay_ns, rest = divmod(int(digits) * unit_ns, 10 ** len(match["part"] or ""))
        if rest:
            raise ValueError(f"line {number}: '{line}' is finer than a nanosecond")
        steps.append(Step(delay_ns, int(match["data"], 0)))
    return steps


class Sim(Descriptor):
    """A source of one's own, which raises what it is told to, from a hard interrupt.

    The module evnotify-sim has to be loaded. When it is closed the source goes, as a device that is
    pulled out; so it does when the process ends, however it does.

    >>> with evnotify.Sim() as sim:
    ...     sim.raise_events(17)
    ...     sim.instance.wait(evnotify.Request(flags=evnotify.Flag.SOURCE)).data
    17

    :ivar name: of its node, in /dev: evnotify-sim0
    :ivar instance: an open file of the source, which gets all that it raises
    :param device: that makes the source
    :raises FileNotFoundError: the module is not loaded
    :raises PermissionError: who calls may not
    :raises OSError: ENOSPC: there are 1024 sims, or 4096 sources; EMFILE: the user or the process has too
        many files open; EBUSY; EINTR; ENOTTY: it is not the device of evnotify-sim; ENOMEM
    """

    name: str
    instance: Instance

    def __init__(self, device: "str | os.PathLike[str]" = SIM_DEVICE) -> None:
        super().__init__(open_node(device, os.O_WRONLY))
        arg = bytearray(_uapi.SIM_NEW.pack(os.O_CLOEXEC, 0, b""))
        try:
            ioctl(self._fd, _uapi.EVNOTIFY_SIM_IOC_NEW, arg)
        except OSError as error:
            self.close()
            raise OSError(error.errno, error.strerror, os.fspath(device)) from None
        _, fd, name = _uapi.SIM_NEW.unpack(arg)
        self.name = name.rstrip(b"\0").decode()
        self.instance = Instance(fd)

    def close(self) -> None:
        """Pull the device out, and close the instance; :meth:`unplug` leaves that."""
        super().close()
        if hasattr(self, "instance"):
            self.instance.close()

    def unplug(self) -> None:
        """Pull the device out: who waits gets what was raised before, then is told that it is gone."""
        super().close()

    def node(self, timeout_s: float = 10) -> str:
        """The path of the node, as soon as who calls may open it.

        The node is root's when it is made, and udev gives it away a moment later.

        :param timeout_s: how many seconds to wait for that
        :raises OSError: it may not be opened still; the error of open(2)
        """
        path = f"/dev/{self.name}"
        give_up = time.monotonic() + timeout_s
        while not os.access(path, os.R_OK | os.W_OK):
            if time.monotonic() > give_up:
                os.close(open_node(path, os.O_RDWR))
            time.sleep(0.001)
        return path

    def raise_events(self, *data: int) -> None:
        """Raise an event for each of these numbers of 64 bits, at once; returns when they are raised."""
        self.play(Step(0, number) for number in data)

    def play(self, steps: Iterable[Step]) -> None:
        """Raise events, each so long after the one before; returns when the last is raised.

        None comes early. What is late does not delay what follows. While signal handlers run more often
        than its delay lasts, a step may be put off.

        :raises OSError: EINVAL: a delay is above 2^51 - 1 ns; ENOMEM
        :raises ValueError: a number does not fit its field, or the sim is closed
        """
        fd = self.fileno()
        left = list(steps)
        records = b"".join(_pack(_uapi.SIM_STEP, step, step.delay_ns, step.data) for step in left)
        due_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        while left:
            try:
                size = os.write(fd, records[: _uapi.EVNOTIFY_SIM_MAX_STEPS * _uapi.SIM_STEP.size])
            except OSError as error:
                raise named(error) from None
            raised = size // _uapi.SIM_STEP.size
            due_ns += sum(step.delay_ns for step in left[:raised])
            del left[:raised]
            if left:
                # The next call begins when its first step is due, so that the time between two does not add up.
                late_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - due_ns
                first = _uapi.SIM_STEP.pack(max(left[0].delay_ns - late_ns, 0), left[0].data)
                records = first + records[size + len(first) :]
