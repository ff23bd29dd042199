# SPDX-License-Identifier: MIT-0
"""asyncio: an instance gives its events one by one, and other tasks run between them.

python3 asyncio_loop.py /dev/evnotify-sim0
"""

import asyncio
import sys

import evnotify
from evnotify import Event, Flag, Request

MS = 1_000_000


def told(event: Event) -> str:
    """What a record tells."""
    if event.data is not None:
        return f"event {event.data}"
    if event.cancelled:
        return "cancelled"
    return "the source is gone" if event.gone else "done"


async def main(node: str) -> None:
    """Arms, and prints each event; the loop ends when the source is gone."""
    with evnotify.open(node) as device:
        ids = device.register(
            Request(user_data=1, due_ns=30 * MS),
            Request(user_data=2, due_ns=10 * MS),
            Request(user_data=3, due_ns=20 * MS),
            Request(user_data=4, due_ns=3_600_000 * MS),
            Request(user_data=5, flags=Flag.SOURCE | Flag.REPEAT),
        )
        async for event in device:
            print(f"request {event.user_data}: {told(event)}", flush=True)
            if event.user_data == 1:  # nobody wants request 4 any more
                device.cancel(ids[3])


if len(sys.argv) != 2:
    sys.exit("usage: asyncio_loop.py NODE")
asyncio.run(main(sys.argv[1]))
