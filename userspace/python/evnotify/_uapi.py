# SPDX-License-Identifier: LGPL-2.1-or-later
"""The numbers and structures of <linux/evnotify.h> and <linux/evnotify_sim.h>.

The names are those of the headers, and a test compares all of it with them.
"""

import struct
from typing import Final

EVNOTIFY_ABI_VERSION: Final = 1
EVNOTIFY_MODE_PENDING: Final = 0
EVNOTIFY_MODE_EVENTFD: Final = 1
EVNOTIFY_ABSTIME: Final = 0x1
EVNOTIFY_SOURCE: Final = 0x2
EVNOTIFY_REPEAT: Final = 0x4
EVNOTIFY_EVENT_MORE: Final = 0x1
EVNOTIFY_EVENT_DATA: Final = 0x2
EVNOTIFY_CANCEL_ALL: Final = 0x1
EVNOTIFY_FEATURE_CHECKED: Final = 0x1
EVNOTIFY_FEATURE_SOURCES: Final = 0x2
EVNOTIFY_FEATURE_HAS_SOURCE: Final = 0x4
EVNOTIFY_SIM_MAX_STEPS: Final = 4096

# Padding and reserved fields are packed as 0, and skipped when unpacked. No format needs
# alignment that its fields do not have by themselves.
REQUEST: Final = struct.Struct("=QQQQIIiiI12x")
EVENT: Final = struct.Struct("=QQQQQQIIiI")
INFO: Final = struct.Struct("=IIQQQQI20x")
REGISTER: Final = struct.Struct("=QII16x")
WAIT: Final = struct.Struct(f"={REQUEST.size}s{EVENT.size}s")
CANCEL: Final = struct.Struct("=QI4xQ8x")
UPDATE: Final = struct.Struct("=QQQII32x")
SIM_NEW: Final = struct.Struct("=Ii32s24x")
SIM_STEP: Final = struct.Struct("=QQ")

# In evnotify_request and, as that is the first in it, in evnotify_wait.
REQUEST_ID_OFFSET: Final = struct.calcsize("=QQQ")
# One of 2^63 ns and more is refused.
TIME_MAX: Final = 2**63 - 1

# _IOC() of asm-generic/ioctl.h, which x86, arm, riscv and s390 have.
EVNOTIFY_IOC_MAGIC: Final = 0xED
_WRITE: Final = 1
_READ: Final = 2


def _ioc(direction: int, number: int, arg: struct.Struct) -> int:
    return direction << 30 | arg.size << 16 | EVNOTIFY_IOC_MAGIC << 8 | number


EVNOTIFY_IOC_INFO: Final = _ioc(_READ, 0x00, INFO)
EVNOTIFY_IOC_REGISTER: Final = _ioc(_READ | _WRITE, 0x01, REGISTER)
EVNOTIFY_IOC_WAIT: Final = _ioc(_READ | _WRITE, 0x02, WAIT)
EVNOTIFY_IOC_CANCEL: Final = _ioc(_READ | _WRITE, 0x03, CANCEL)
EVNOTIFY_IOC_UPDATE: Final = _ioc(_WRITE, 0x04, UPDATE)
EVNOTIFY_SIM_IOC_NEW: Final = _ioc(_READ | _WRITE, 0x0F, SIM_NEW)
