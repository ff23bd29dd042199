# SPDX-License-Identifier: LGPL-2.1-or-later
"""Instances of /dev/evnotify and of the nodes of sources."""

import array
import contextlib
import errno
import os
import select
import struct
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag

from . import _uapi
from ._descriptor import Descriptor, GoneError, ioctl, named, open_node

DEVICE = "/dev/evnotify"
# So many records come without a pause before other tasks of an event loop have their turn.
_TURN = 64


class Mode(IntEnum):
    """How the process hears of a completion."""

    PENDING = _uapi.EVNOTIFY_MODE_PENDING
    """An event record, which :meth:`Instance.read` and :meth:`Instance.wait` return."""
    EVENTFD = _uapi.EVNOTIFY_MODE_EVENTFD
    """An eventfd is signalled, see :func:`os.eventfd`."""


class Clock(IntEnum):
    """The clock of a request: of its due time, and of the times in its record."""

    MONOTONIC = time.CLOCK_MONOTONIC
    BOOTTIME = time.CLOCK_BOOTTIME
    REALTIME = time.CLOCK_REALTIME
    TAI = time.CLOCK_TAI


class Flag(IntFlag):
    """Flags of a request; of an update, ABSTIME alone."""

    ABSTIME = _uapi.EVNOTIFY_ABSTIME
    """due_ns is a time on the clock. Without, it counts from now."""
    SOURCE = _uapi.EVNOTIFY_SOURCE
    """Wait for the next event of the source; due_ns is a timeout, and 0 means none."""
    REPEAT = _uapi.EVNOTIFY_REPEAT
    """With SOURCE: for count events, or each until it is cancelled."""


class EventFlag(IntFlag):
    """Flags of an event record."""

    MORE = _uapi.EVNOTIFY_EVENT_MORE
    DATA = _uapi.EVNOTIFY_EVENT_DATA


class Feature(IntFlag):
    """What a module, or a file, has."""

    CHECKED = _uapi.EVNOTIFY_FEATURE_CHECKED
    """The module asserts its invariants at each step."""
    SOURCES = _uapi.EVNOTIFY_FEATURE_SOURCES
    """It knows sources."""
    HAS_SOURCE = _uapi.EVNOTIFY_FEATURE_HAS_SOURCE
    """This file has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to arm; see evnotify(4) for each field.

    :ivar due_ns: nanoseconds from now; a time on the clock with Flag.ABSTIME; with Flag.SOURCE a
        timeout, and 0 means none
    :ivar period_ns: nanoseconds between expirations, at least min_period_ns of :class:`Info`; 0: the
        request expires once
    :ivar count: expirations after which a periodic request has completed, or events after which one
        with Flag.REPEAT has; 0: when it is cancelled
    :ivar eventfd: the descriptor to signal in Mode.EVENTFD; 0 otherwise
    :ivar user_data: returned in the event record
    """

    due_ns: int = 0
    period_ns: int = 0
    count: int = 0
    mode: Mode = Mode.PENDING
    flags: Flag = Flag(0)
    clock: Clock = Clock.MONOTONIC
    eventfd: int = 0
    user_data: int = 0

    def _pack(self) -> bytes:
        return _pack(
            _uapi.REQUEST, self, self.user_data, self.due_ns, self.period_ns, 0,
            self.mode, self.flags, self.clock, self.eventfd, self.count,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The completion of a request of Mode.PENDING; see evnotify(4) for each field.

    :ivar id: of the request, as :meth:`Instance.register` returned it
    :ivar user_data: from the request
    :ivar due_ns: when it was due, on the clock of the request; None of an event of a source
    :ivar data: what the event of the source carried; None of a timer
    :ivar expired_ns: when it expired, or its event was raised, on the clock of the request; never
        before due_ns; 0 if it did not
    :ivar completed_ns: when the completion became visible to the process
    :ivar seq: number of the record in its instance, from 1, without gaps
    :ivar count: expirations or events that the record stands for
    :ivar lost: of these, events of which nothing but their number is known
    :ivar status: 0, or -ECANCELED, -ETIME, -ENODEV: see the properties
    :ivar flags: EventFlag
    """

    id: int
    user_data: int
    due_ns: int | None
    data: int | None
    expired_ns: int
    completed_ns: int
    seq: int
    count: int
    lost: int
    status: int
    flags: EventFlag

    @property
    def more(self) -> bool:
        """The request is still armed and will complete again."""
        return EventFlag.MORE in self.flags

    @property
    def cancelled(self) -> bool:
        """The request was cancelled."""
        return self.status == -errno.ECANCELED

    @property
    def timed_out(self) -> bool:
        """The timeout came before an event of the source."""
        return self.status == -errno.ETIME

    @property
    def gone(self) -> bool:
        """The source went while the request waited for it."""
        return self.status == -errno.ENODEV

    @classmethod
    def _unpack(cls, record: "bytes | memoryview") -> "Event":
        (user_data, ident, due_or_data, expired_ns, completed_ns, seq, count, lost, status,
         flags) = _uapi.EVENT.unpack(record)  # fmt: skip
        is_data = bool(flags & EventFlag.DATA)
        return cls(
            id=ident,
            user_data=user_data,
            due_ns=None if is_data else due_or_data,
            data=due_or_data if is_data else None,
            expired_ns=expired_ns,
            completed_ns=completed_ns,
            seq=seq,
            count=count,
            lost=lost,
            status=status,
            flags=EventFlag(flags),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """What the module is and allows.

    :ivar abi_version: of the module
    :ivar module_version: as (major, minor, patch)
    :ivar features: Feature
    :ivar modes: those that it knows, as numbers
    :ivar clocks: those that it knows, as numbers
    :ivar min_period_ns: the shortest period
    :ivar max_requests: that this instance can hold, unread completions included
    """

    abi_version: int
    module_version: tuple[int, int, int]
    features: Feature
    modes: frozenset[int]
    clocks: frozenset[int]
    min_period_ns: int
    max_requests: int


def _pack(layout: struct.Struct, what: object, *fields: int) -> bytes:
    try:
        return layout.pack(*fields)
    except struct.error as error:
        raise ValueError(f"{what}: a number does not fit its field: {error}") from None


def _bits(mask: int) -> frozenset[int]:
    return frozenset(bit for bit in range(64) if mask >> bit & 1)


class Instance(Descriptor):
    """An open file of the device: the requests that are armed on it, and their records.

    :func:`evnotify.open` makes one. It is closed by :meth:`close` or at the end of a ``with``
    statement; what is armed then ends, unless another process has the descriptor as well.

    Every call may be made by several threads at once, but for :meth:`close` and :meth:`detach`.
    Beyond what is listed, a call passes on what its system call says, as an :exc:`OSError`.
    """

    @classmethod
    def from_fd(cls, fd: int) -> "Instance":
        """Use a descriptor that came over a socket or an exec. On success it belongs to the instance.

        :raises OSError: EBADF: it is not open; ENOTTY: it is not of evnotify
        """
        try:
            ioctl(fd, _uapi.EVNOTIFY_IOC_INFO, bytearray(_uapi.INFO.size))
        except OSError as error:
            # Drivers name a foreign ioctl in several ways; callers need one.
            number = error.errno if error.errno == errno.EBADF else errno.ENOTTY
            raise OSError(number, os.strerror(number or 0)) from None
        return cls(fd)

    def info(self) -> Info:
        """What the module is and allows.

        >>> with evnotify.open() as device:
        ...     device.info().abi_version
        1
        """
        arg = bytearray(_uapi.INFO.size)
        ioctl(self.fileno(), _uapi.EVNOTIFY_IOC_INFO, arg)
        abi, version, features, modes, clocks, min_period_ns, max_requests = _uapi.INFO.unpack(arg)
        return Info(
            abi_version=abi,
            module_version=(version >> 16, version >> 8 & 0xFF, version & 0xFF),
            features=Feature(features),
            modes=_bits(modes),
            clocks=_bits(clocks),
            min_period_ns=min_period_ns,
            max_requests=max_requests,
        )

    def register(self, *requests: Request) -> list[int]:
        """Arm requests and return at once; the ids of those that were armed.

        They are taken from the first on. A bad one ends the call before it, so there may be fewer ids
        than requests; the call that begins with it raises.

        >>> with evnotify.open() as device:
        ...     ids = device.register(evnotify.Request(due_ns=2_000_000), evnotify.Request(due_ns=1_000))
        ...     [device.read(1)[0].id == ids[n] for n in (1, 0)]
        [True, True]

        :raises OSError: EINVAL: a field, or there are no requests; EBADF: no such eventfd; ENOSPC: the
            instance holds max_requests; EDQUOT: all instances of the user hold max_user_requests; ENOMEM
        :raises GoneError: the source is gone, and all its events have been taken
        :raises ValueError: a number does not fit its field
        """
        records = array.array("B", b"".join(request._pack() for request in requests))
        address, _ = records.buffer_info()
        arg = bytearray(_uapi.REGISTER.pack(address, len(requests), 0))
        ioctl(self.fileno(), _uapi.EVNOTIFY_IOC_REGISTER, arg)
        _, _, taken = _uapi.REGISTER.unpack(arg)
        return [
            _request_id(records, n * _uapi.REQUEST.size)
            for n in range(taken)
        ]  # fmt: skip

    def write(self, *requests: Request) -> int:
        """Arm requests whose ids are not needed; how many were armed. Raises what register() does."""
        try:
            size = os.write(self.fileno(), b"".join(request._pack() for request in requests))
        except OSError as error:
            raise named(error) from None
        return size // _uapi.REQUEST.size

    def wait(self, request: Request) -> Event:
        """Arm one request and block until it completes, whether or not the file is nonblocking.

        A signal handler may run meanwhile, and the wait goes on; if it raises, the request is cancelled.
        Other threads of this process run meanwhile. They do not know the id of the request:
        :meth:`cancel_all` ends it.

        >>> with evnotify.open() as device:
        ...     event = device.wait(evnotify.Request(due_ns=1_000_000))
        >>> event.status, event.expired_ns >= event.due_ns
        (0, True)

        :param request: of Mode.PENDING, without a period and Flag.REPEAT
        :raises OSError: EINVAL, ENOSPC, EDQUOT, ENOMEM: as :meth:`register`
        :raises GoneError: the source is gone, and all its events have been taken
        """
        arg = bytearray(_uapi.WAIT.pack(request._pack(), bytes(_uapi.EVENT.size)))
        fd = self.fileno()
        try:
            while True:
                # With the id in it, the same call takes the request up again.
                with contextlib.suppress(InterruptedError):
                    ioctl(fd, _uapi.EVNOTIFY_IOC_WAIT, arg)
                    break
        except BaseException:
            left = _request_id(arg, 0)
            if left:
                with contextlib.suppress(OSError):
                    self.cancel(left)
            raise
        return Event._unpack(memoryview(arg)[_uapi.REQUEST.size :])

    def cancel(self, ident: int) -> None:
        """Cancel a request: it ends with a record that says so, or without a further signal.

        >>> with evnotify.open() as device:
        ...     [ident] = device.register(evnotify.Request(due_ns=60_000_000_000))
        ...     device.cancel(ident)
        ...     device.read(1)[0].cancelled
        True

        :raises AlreadyError: EALREADY: too late, it has been cancelled, or has expired for the last time
        :raises FileNotFoundError: ENOENT: the instance never gave out this id
        """
        ioctl(self.fileno(), _uapi.EVNOTIFY_IOC_CANCEL, bytearray(_pack(_uapi.CANCEL, ident, ident, 0, 0)))

    def cancel_all(self) -> int:
        """Cancel what is armed now; how many that were.

        When it returns, what had expired before is readable or signalled, and nothing of it follows.
        """
        arg = bytearray(_uapi.CANCEL.pack(0, _uapi.EVNOTIFY_CANCEL_ALL, 0))
        ioctl(self.fileno(), _uapi.EVNOTIFY_IOC_CANCEL, arg)
        _, _, cancelled = _uapi.CANCEL.unpack(arg)
        return int(cancelled)

    def update(
        self, ident: int, *, due_ns: int, period_ns: int = 0, count: int = 0, flags: Flag = Flag(0)
    ) -> None:
        """Give a timer that is armed new times; the fields are those of :class:`Request`.

        >>> with evnotify.open() as device:
        ...     [ident] = device.register(evnotify.Request(due_ns=60_000_000_000))
        ...     device.update(ident, due_ns=1_000_000)
        ...     device.read(1)[0].status
        0

        :raises AlreadyError: EALREADY: too late, it has been cancelled, or has expired for the last time
        :raises FileNotFoundError: ENOENT: the instance never gave out this id
        :raises OSError: EINVAL: a field, a period for a request of :meth:`wait`, or it has Flag.SOURCE
        """
        arg = _pack(_uapi.UPDATE, ident, ident, due_ns, period_ns, flags, count)
        ioctl(self.fileno(), _uapi.EVNOTIFY_IOC_UPDATE, bytearray(arg))

    def read(self, n: int = 64) -> list[Event]:
        """Take at most n event records, oldest completion first, as soon as there is one.

        :raises BlockingIOError: EAGAIN: there is none, and the file is nonblocking
        :raises GoneError: ENODEV: the source is gone, and nothing is readable or pending
        :raises OSError: EINVAL: n is 0
        """
        try:
            records = os.read(self.fileno(), n * _uapi.EVENT.size)
        except OSError as error:
            raise named(error) from None
        return [
            Event._unpack(records[at : at + _uapi.EVENT.size])
            for at in range(0, len(records), _uapi.EVENT.size)
        ]

    def __iter__(self) -> Iterator[Event]:
        """Each event as it comes, until the source is gone. Blocks between them."""
        while True:
            try:
                [event] = self.read(1)
            except GoneError:
                return
            yield event

    def _read_now(self) -> Event:
        """The next record, of a file that may block: BlockingIOError if there is none."""
        record = bytearray(_uapi.EVENT.size)
        try:
            os.preadv(self.fileno(), [record], -1, os.RWF_NOWAIT)
        except OSError as error:
            raise named(error) from None
        return Event._unpack(bytes(record))

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Each event as it comes, until the source is gone; other tasks run between them.

        A record is taken when it is returned: what ends the loop, a break, a cancellation, a timeout,
        loses none. The file need not be nonblocking, and stays as it is.

        >>> async def first(device: evnotify.Instance) -> evnotify.Event:
        ...     async for event in device:
        ...         return event
        >>> with evnotify.open() as device:
        ...     _ = device.register(evnotify.Request(due_ns=1_000_000, user_data=5))
        ...     asyncio.run(first(device)).user_data
        5
        """
        # Only here, since most of the time that importing this package would take is that of asyncio.
        import asyncio

        wake = asyncio.Event()
        loop = asyncio.get_running_loop()
        # When the source is gone, poll says so for ever, and the file may have timers still: so only what
        # is new counts. That is what a second epoll is for.
        with select.epoll() as edges:

            def woken() -> None:
                edges.poll(0)
                wake.set()

            edges.register(self.fileno(), select.EPOLLIN | select.EPOLLET)
            loop.add_reader(edges.fileno(), woken)
            try:
                turn = 0
                while True:
                    try:
                        event = self._read_now()
                    except BlockingIOError:
                        turn = 0
                        await wake.wait()
                        wake.clear()
                    except GoneError:
                        return
                    else:
                        yield event
                        turn = (turn + 1) % _TURN
                        if not turn:
                            await asyncio.sleep(0)
            finally:
                loop.remove_reader(edges.fileno())


def _request_id(buffer: "bytearray | array.array[int]", at: int) -> int:
    """The id in the request that begins there."""
    (ident,) = struct.unpack_from("=Q", buffer, at + _uapi.REQUEST_ID_OFFSET)
    return int(ident)


def open(path: "str | os.PathLike[str]" = DEVICE, *, nonblocking: bool = False) -> Instance:
    """Open a new instance. Its descriptor is close-on-exec.

    :param path: the device node, which may be that of a source, as /dev/evnotify-edu0
    :param nonblocking: read() raises BlockingIOError in place of blocking
    :raises FileNotFoundError: the module is not loaded, or the source not there
    :raises PermissionError: who calls may not
    :raises GoneError: ENODEV: the source is gone
    :raises OSError: ENOTTY: it is not a device of evnotify; EUSERS: 64 files have the source open;
        EMFILE: the user or the process has too many files open; ENOMEM
    """
    fd = open_node(path, os.O_RDWR | (os.O_NONBLOCK if nonblocking else 0))
    try:
        return Instance.from_fd(fd)
    except OSError as error:
        os.close(fd)
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None
