# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an open file is to Python, and how its errors are told apart."""

import errno
import fcntl
import os
import warnings
from types import TracebackType
from typing import Self


class AlreadyError(OSError):
    """``EALREADY``: too late to cancel or update a request.

    It has been cancelled, or its last expiration came first: its record or signal has come or
    will come. Python alone would raise BlockingIOError, as it does for EAGAIN.
    """


class GoneError(OSError):
    """``ENODEV``: the source is gone, as a device that was pulled out, and nothing is left."""


_CLASSES = {errno.EALREADY: AlreadyError, errno.ENODEV: GoneError}
_HINTS = {
    errno.ENOENT: "the device is there when its module is loaded; 'evnotify doctor' says what is wrong",
    errno.EACCES: "who may open it is up to the group of the node; 'evnotify doctor' says what is wrong",
}


def named(error: OSError) -> OSError:
    """The same error, of the class that tells it apart."""
    other = _CLASSES.get(error.errno or 0)
    return other(*error.args) if other else error


def open_node(path: "str | os.PathLike[str]", flags: int) -> int:
    """open(2); the error has the path in it, and what to do."""
    try:
        return os.open(path, flags | os.O_CLOEXEC)
    except OSError as error:
        hint = _HINTS.get(error.errno or 0)
        other = _CLASSES.get(error.errno or 0)
        if other:
            raise other(error.errno, error.strerror, error.filename) from None
        if hint:
            error.add_note(hint)
        raise


def ioctl(fd: int, request: int, arg: bytearray) -> None:
    """ioctl(2) of a structure of at most 1024 bytes.

    Python works on a copy then, without holding its lock, and copies back also if the call fails.
    """
    try:
        fcntl.ioctl(fd, request, arg)
    except OSError as error:
        raise named(error) from None


class Descriptor:
    """An open file, which is closed at the end of a ``with`` statement."""

    _fd: int

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        """The descriptor, for select, asyncio, subprocess and the like. It stays this object's.

        :raises ValueError: it is closed
        """
        if self._fd < 0:
            raise ValueError("it is closed")
        return self._fd

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._fd < 0

    def detach(self) -> int:
        """Give the descriptor up to who owns it next, who has to close it.

        :raises ValueError: it is closed
        """
        fd = self.fileno()
        self._fd = -1
        return fd

    def close(self) -> None:
        """Close the descriptor; again has no effect."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            warnings.warn(f"{self!r} was not closed", ResourceWarning, source=self)
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"fd={self._fd}"
        return f"<evnotify.{type(self).__name__} {state}>"
