# SPDX-License-Identifier: GPL-2.0-only
"""The Python package on a device: what each call does, and how it fails. As root."""

import asyncio
import contextlib
import errno
import gc
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

import evnotify
from evnotify import Clock, Flag, Mode, Request, Sim, Step

SOON_NS = 1_000_000
NEVER_NS = 3600 * 10**9
EACH = Request(flags=Flag.SOURCE | Flag.REPEAT)
NEXT = Request(flags=Flag.SOURCE)
PARAMETERS = "/sys/module/evnotify/parameters/"


@contextlib.contextmanager
def fails(number: int, kind: type[OSError] = OSError, names: str = "") -> Iterator[None]:
    """What is within fails with this errno, as an exception of this class, and names the file."""
    with pytest.raises(kind, match=names) as caught:
        yield
    assert errno.errorcode[caught.value.errno or 0] == errno.errorcode[number]


@contextlib.contextmanager
def parameter(name: str, value: int) -> Iterator[None]:
    with open(PARAMETERS + name) as file:
        before = file.read()
    with open(PARAMETERS + name, "w") as file:
        file.write(str(value))
    try:
        yield
    finally:
        with open(PARAMETERS + name, "w") as file:
            file.write(before)


@contextlib.contextmanager
def user(mode: int = 0o666) -> Iterator[None]:
    """Without privileges, but with what the node lets anybody do."""
    os.chmod("/dev/evnotify", mode)
    os.seteuid(1000)
    try:
        yield
    finally:
        os.seteuid(0)
        os.chmod("/dev/evnotify", 0o660)


@contextlib.contextmanager
def descriptors(limit: int) -> Iterator[None]:
    """The process may have so many."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, before[1])))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def handler(function: Callable[[], None], every_s: float) -> Iterator[None]:
    """A signal handler runs every so often."""
    before = signal.signal(signal.SIGALRM, lambda *_: function())
    signal.setitimer(signal.ITIMER_REAL, every_s, every_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def counter(instance: evnotify.Instance, name: str) -> int:
    """A line of fdinfo."""
    with open(f"/proc/self/fdinfo/{instance.fileno()}") as file:
        return int(next(line.split()[1] for line in file if line.startswith(name + ":")))


def now_ns(clock: Clock) -> int:
    return time.clock_gettime_ns(clock)


def arms(device: evnotify.Instance) -> list[Callable[..., object]]:
    """Each call that arms."""
    return [device.register, device.write, device.wait]


# Instances.


def test_open_names_what_failed_and_what_to_do() -> None:
    with fails(errno.ENOENT, FileNotFoundError, "/dev/no"):
        evnotify.open("/dev/no")
    with pytest.raises(FileNotFoundError) as caught:
        evnotify.open("/dev/no")
    assert "evnotify doctor" in caught.value.__notes__[0]
    with fails(errno.ENOTTY, names="/dev/null"):
        evnotify.open("/dev/null")
    with user(0o600), fails(errno.EACCES, PermissionError, "/dev/evnotify"):
        evnotify.open()


def test_open_is_close_on_exec_and_blocks_unless_asked() -> None:
    for nonblocking in (False, True):
        with evnotify.open(nonblocking=nonblocking) as device:
            assert not os.get_inheritable(device.fileno())
            assert os.get_blocking(device.fileno()) is not nonblocking


def test_open_fails_where_the_process_has_no_descriptor_left() -> None:
    calls: list[Callable[[], object]] = [evnotify.open, Sim]
    for call in calls:
        with descriptors(3), fails(errno.EMFILE):
            call()


def test_open_fails_where_the_user_has_no_place_left() -> None:
    with parameter("max_user_instances", 1), user(), evnotify.open(), fails(errno.EMFILE):
        evnotify.open()


def test_from_fd() -> None:
    fd = os.dup((device := evnotify.open()).fileno())
    device.close()
    with evnotify.Instance.from_fd(fd) as device:
        assert device.fileno() == fd
    with fails(errno.EBADF):
        evnotify.Instance.from_fd(fd)
    reader, writer = os.pipe()
    with fails(errno.ENOTTY):
        evnotify.Instance.from_fd(reader)
    os.close(reader)
    os.close(writer)


def test_close_detach_and_the_end_of_with() -> None:
    with evnotify.open() as device:
        fd = device.detach()
        assert device.closed
    assert os.fstat(fd)
    with evnotify.Instance.from_fd(fd) as device:
        device.close()
        device.close()
        calls: list[Callable[[], object]] = [device.fileno, device.detach, device.info, device.read, device.cancel_all]
        for call in calls:
            with pytest.raises(ValueError):
                call()
    with pytest.raises(OSError):
        os.fstat(fd)


def test_what_was_forgotten_is_closed_with_a_warning() -> None:
    fd = (device := evnotify.open()).fileno()
    with pytest.warns(ResourceWarning, match=f"Instance fd={fd}"):
        del device
        gc.collect()
    with pytest.raises(OSError):
        os.fstat(fd)


def test_info(device: evnotify.Instance) -> None:
    info = device.info()
    assert info.abi_version == 1
    assert ".".join(map(str, info.module_version)) == evnotify.__version__
    assert info.modes == set(Mode)
    assert info.clocks == set(Clock)
    assert info.features & evnotify.Feature.SOURCES
    assert not info.features & evnotify.Feature.HAS_SOURCE
    for value, name in (info.max_requests, "max_requests"), (info.min_period_ns, "min_period_ns"):
        with open(PARAMETERS + name) as file:
            assert value == int(file.read())


# Requests.


@pytest.mark.parametrize("clock", Clock)
def test_a_request_is_told_of_as_it_was_armed(device: evnotify.Instance, clock: Clock) -> None:
    before_ns = now_ns(clock)
    [ident] = device.register(Request(due_ns=SOON_NS, clock=clock, user_data=2**64 - 1))
    [event] = device.read()
    assert event.id == ident
    assert event.user_data == 2**64 - 1
    assert event.data is None
    assert event.due_ns is not None
    assert before_ns + SOON_NS <= event.due_ns <= event.expired_ns <= event.completed_ns <= now_ns(clock)
    assert (event.seq, event.count, event.lost, event.status, event.flags) == (1, 1, 0, 0, 0)
    assert not (event.more or event.cancelled or event.timed_out or event.gone)


def test_a_time_on_the_clock(device: evnotify.Instance) -> None:
    due_ns = now_ns(Clock.REALTIME) + SOON_NS
    device.register(Request(due_ns=due_ns, clock=Clock.REALTIME, flags=Flag.ABSTIME))
    assert device.read()[0].due_ns == due_ns


def test_a_period_with_a_count(device: evnotify.Instance) -> None:
    device.register(Request(due_ns=SOON_NS, period_ns=SOON_NS, count=5))
    events: list[evnotify.Event] = []
    while not events or events[-1].more:
        events += device.read()
    assert sum(event.count for event in events) == 5
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


def test_an_eventfd(device: evnotify.Instance) -> None:
    fd: int = vars(os)["eventfd"](0)  # which mypy of Debian 12 does not know
    device.register(Request(due_ns=SOON_NS, mode=Mode.EVENTFD, eventfd=fd))
    assert os.read(fd, 8) == (1).to_bytes(8, sys.byteorder)
    os.close(fd)
    with fails(errno.EBADF):
        device.register(Request(mode=Mode.EVENTFD, eventfd=fd))


def test_a_batch_ends_before_a_bad_request(device: evnotify.Instance) -> None:
    good, bad = Request(due_ns=NEVER_NS), Request(due_ns=2**63)
    assert len(set(device.register(good, good, bad, good))) == 2
    assert device.write(good, bad) == 1
    for arm in arms(device)[:2]:
        with fails(errno.EINVAL):
            arm(bad, good)
        with fails(errno.EINVAL):
            arm()
    assert device.cancel_all() == 3


@pytest.mark.parametrize("bad", [Request(due_ns=-1), Request(user_data=2**64), Request(count=2**32)])
def test_a_number_that_does_not_fit_its_field(device: evnotify.Instance, bad: Request) -> None:
    for arm in arms(device):
        with pytest.raises(ValueError, match="does not fit"):
            arm(bad)
    with pytest.raises(ValueError, match="does not fit"):
        device.update(1, due_ns=-1)
    with pytest.raises(ValueError, match="does not fit"):
        device.cancel(-1)


def test_a_full_instance() -> None:
    request = Request(due_ns=NEVER_NS)
    with parameter("max_requests", 2), evnotify.open() as device:
        assert len(device.register(request, request, request)) == 2
        for arm in arms(device):
            with fails(errno.ENOSPC):
                arm(request)


def test_a_user_who_has_all_that_he_may() -> None:
    with parameter("max_user_requests", 1), user(), evnotify.open() as device:
        requests = [Request(due_ns=NEVER_NS)] * 9
        assert len(device.register(*requests)) == 8
        for arm in arms(device):
            with fails(errno.EDQUOT):
                arm(requests[0])


# WAIT.


def test_wait_blocks_though_the_file_does_not() -> None:
    with evnotify.open(nonblocking=True) as device:
        event = device.wait(Request(due_ns=SOON_NS, user_data=3))
        assert (event.user_data, event.status, event.count) == (3, 0, 1)
        with fails(errno.EAGAIN, BlockingIOError):
            device.read()


def test_wait_goes_on_after_a_signal_handler(device: evnotify.Instance) -> None:
    signals = 0

    def count() -> None:
        nonlocal signals
        signals += 1

    with handler(count, 0.02):
        before_ns = now_ns(Clock.MONOTONIC)
        event = device.wait(Request(due_ns=300_000_000))
    assert signals > 1
    assert event.due_ns is not None
    # That of the first call: each further one would have put it off.
    assert event.due_ns - before_ns < 300_000_000 + 20_000_000 * (signals - 1)
    assert counter(device, "armed") == 1


def test_wait_leaves_nothing_if_a_signal_handler_raises(device: evnotify.Instance) -> None:
    def give_up() -> None:
        raise KeyboardInterrupt

    with handler(give_up, 0.05), pytest.raises(KeyboardInterrupt):
        device.wait(Request(due_ns=NEVER_NS))
    assert counter(device, "armed") == counter(device, "cancelled") == 1
    assert counter(device, "unread") == 0


def test_another_thread_ends_a_wait(device: evnotify.Instance) -> None:
    def cancel() -> None:
        while not device.cancel_all():
            pass

    thread = threading.Thread(target=cancel)
    thread.start()
    event = device.wait(Request(due_ns=NEVER_NS))
    thread.join()
    assert event.cancelled
    assert (event.count, event.expired_ns) == (0, 0)


def test_wait_refuses_what_completes_more_than_once(device: evnotify.Instance) -> None:
    with fails(errno.EINVAL):
        device.wait(Request(period_ns=10**9))
    assert counter(device, "armed") == 0


# CANCEL, UPDATE.


def test_too_late_is_not_try_again(device: evnotify.Instance) -> None:
    os.set_blocking(device.fileno(), False)
    [ident] = device.register(Request(due_ns=NEVER_NS))
    device.cancel(ident)
    with fails(errno.EALREADY, evnotify.AlreadyError):
        device.cancel(ident)
    with fails(errno.EALREADY, evnotify.AlreadyError):
        device.update(ident, due_ns=1)
    assert [event.cancelled for event in device.read()] == [True]
    with fails(errno.EAGAIN, BlockingIOError):
        device.read()
    assert not issubclass(evnotify.AlreadyError, BlockingIOError)


def test_an_id_that_was_never_given(device: evnotify.Instance) -> None:
    with fails(errno.ENOENT, FileNotFoundError):
        device.cancel(12345)
    with fails(errno.ENOENT, FileNotFoundError):
        device.update(12345, due_ns=1)


def test_update(device: evnotify.Instance) -> None:
    [ident] = device.register(Request(due_ns=NEVER_NS, clock=Clock.REALTIME))
    due_ns = now_ns(Clock.REALTIME)
    device.update(ident, due_ns=due_ns, period_ns=SOON_NS, count=3, flags=Flag.ABSTIME)
    events: list[evnotify.Event] = []
    while not events or events[-1].more:
        events += device.read()
    assert sum(event.count for event in events) == 3
    assert events[-1].due_ns == due_ns + 2 * SOON_NS
    with fails(errno.EINVAL):
        device.update(ident, due_ns=2**63)


# read().


def test_read_takes_at_most_n_oldest_first(device: evnotify.Instance) -> None:
    device.register(*(Request(user_data=n) for n in range(5)))
    device.cancel_all()
    assert [event.user_data for event in device.read(2) + device.read()] == [0, 1, 2, 3, 4]
    with fails(errno.EINVAL):
        device.read(0)


def test_a_loop_over_an_instance(device: evnotify.Instance) -> None:
    device.write(*(Request(user_data=n) for n in range(200)))
    device.cancel_all()
    for want, event in zip(range(100), device):
        assert event.user_data == want
    assert counter(device, "unread") in (99, 100)


# Sources.


def test_events_of_a_source(evnotify_sim: Sim) -> None:
    device = evnotify_sim.instance
    assert device.info().features & evnotify.Feature.HAS_SOURCE
    device.register(EACH)
    before_ns = now_ns(Clock.MONOTONIC)
    evnotify_sim.play([Step(SOON_NS, 2**64 - 1), Step(SOON_NS, 0)])
    for n, data in (1, 2**64 - 1), (2, 0):
        [event] = device.read()
        assert (event.data, event.due_ns, event.more, event.count, event.lost) == (data, None, True, 1, 0)
        assert before_ns + n * SOON_NS <= event.expired_ns <= event.completed_ns


def test_a_timeout(evnotify_sim: Sim) -> None:
    event = evnotify_sim.instance.wait(Request(flags=Flag.SOURCE, due_ns=SOON_NS))
    assert event.timed_out
    assert event.data is None
    assert event.due_ns


def test_what_a_slow_reader_loses(evnotify_sim: Sim) -> None:
    evnotify_sim.raise_events(*range(300))
    event = evnotify_sim.instance.wait(NEXT)
    assert (event.count, event.lost, event.data) == (45, 44, 44)


def test_the_device_is_pulled_out(evnotify_sim: Sim) -> None:
    device = evnotify_sim.instance
    device.register(NEXT, NEXT)
    evnotify_sim.raise_events(1)
    evnotify_sim.unplug()
    [told, gone] = [event for _ in range(2) for event in device.read(1)]
    assert told.data == 1
    assert gone.gone
    assert list(device) == []
    with fails(errno.ENODEV, evnotify.GoneError):
        device.read()
    for arm in arms(device):
        with fails(errno.ENODEV, evnotify.GoneError):
            arm(NEXT)
    with pytest.raises(ValueError):
        evnotify_sim.raise_events(1)


def test_a_source_needs_a_file_that_has_one(device: evnotify.Instance, evnotify_sim: Sim) -> None:
    with fails(errno.EINVAL):
        device.register(NEXT)
    [ident] = evnotify_sim.instance.register(NEXT)
    with fails(errno.EINVAL):
        evnotify_sim.instance.update(ident, due_ns=1)


def test_64_files_of_a_source(evnotify_sim: Sim) -> None:
    node = evnotify_sim.node()
    with contextlib.ExitStack() as files:
        for _ in range(63):
            files.enter_context(evnotify.open(node))
        with fails(errno.EUSERS):
            evnotify.open(node)
    with evnotify.open(node) as device:
        evnotify_sim.raise_events(8)
        assert device.wait(NEXT).data == 8


# Sims.


def test_sim_names_what_failed() -> None:
    with fails(errno.ENOENT, FileNotFoundError, "/dev/no-sim"):
        Sim("/dev/no-sim")
    with fails(errno.ENOTTY, names="/dev/null"):
        Sim("/dev/null")


def test_1024_sims() -> None:
    with descriptors(2048), contextlib.ExitStack() as files:
        for _ in range(1024):
            files.callback(os.close, os.open("/dev/evnotify-sim", os.O_WRONLY))
        with fails(errno.ENOSPC, names="/dev/evnotify-sim"):
            Sim()


def test_sim_is_gone_with_its_node(evnotify_sim: Sim) -> None:
    node = evnotify_sim.node()
    evnotify_sim.unplug()
    with fails(errno.ENOENT, FileNotFoundError):
        evnotify.open(node)
    with fails(errno.ENOENT, FileNotFoundError):
        evnotify_sim.node(timeout_s=0)


def test_more_steps_than_a_call_has(evnotify_sim: Sim) -> None:
    evnotify_sim.play(Step(data=n) for n in range(5000))
    event = evnotify_sim.instance.wait(NEXT)
    assert event.lost + 256 == 5000
    assert event.data == event.lost


def test_a_step_that_is_refused(evnotify_sim: Sim) -> None:
    with fails(errno.EINVAL):
        evnotify_sim.play([Step(2**51, 0)])
    with pytest.raises(ValueError, match="does not fit"):
        evnotify_sim.play([Step(-1, 0), Step(-1, 0)])
    evnotify_sim.play([])


def test_play_goes_on_after_a_signal_handler(evnotify_sim: Sim) -> None:
    evnotify_sim.instance.register(EACH)
    before_ns = now_ns(Clock.MONOTONIC)
    with handler(lambda: None, 0.03):
        evnotify_sim.play(Step(20_000_000, n) for n in range(20))
    for n in range(20):
        [event] = evnotify_sim.instance.read()
        assert event.data == n
        assert event.expired_ns >= before_ns + (n + 1) * 20_000_000


# asyncio.


def test_async_events_come_in_order_until_the_device_goes(evnotify_sim: Sim) -> None:
    async def main() -> list[int | None]:
        async def raise_them() -> None:
            for n in range(100):
                evnotify_sim.raise_events(n)
                await asyncio.sleep(0)
            evnotify_sim.unplug()

        evnotify_sim.instance.register(EACH)
        task = asyncio.create_task(raise_them())
        seen = [event.data async for event in evnotify_sim.instance]
        await task
        return seen

    # The last of them says that the source is gone.
    assert asyncio.run(main()) == [*range(100), None]


def test_async_end_of_a_loop_loses_nothing(device: evnotify.Instance) -> None:
    async def main() -> None:
        descriptors = os.listdir("/proc/self/fd")
        device.register(*(Request(user_data=n) for n in range(3)))
        device.cancel_all()
        seen = []
        for _ in range(3):
            async for event in device:
                seen.append(event.user_data)
                break
        assert seen == [0, 1, 2]
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(anext(aiter(device)), 0.01)
        gc.collect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert os.listdir("/proc/self/fd") == descriptors

    asyncio.run(main())
    assert os.get_blocking(device.fileno())


def test_async_timers_of_a_file_whose_source_is_gone_cost_nothing(evnotify_sim: Sim) -> None:
    async def main() -> None:
        device = evnotify_sim.instance
        device.register(NEXT, Request(due_ns=500_000_000, user_data=1))
        evnotify_sim.unplug()
        events = []
        spent = time.process_time()
        async for event in device:
            events.append(event.user_data)
            if event.gone:
                spent = time.process_time()
        assert events == [0, 1]
        # poll says POLLHUP all that time; a loop that asked again and again would have used it up.
        assert time.process_time() - spent < 0.25

    asyncio.run(main())


def test_async_other_tasks_have_their_turn(device: evnotify.Instance) -> None:
    async def main() -> None:
        device.write(*[Request(due_ns=NEVER_NS)] * 1000)
        device.cancel_all()
        other = asyncio.create_task(asyncio.sleep(0))
        seen = 0
        async for _ in device:
            seen += 1
            if other.done() or seen == 1000:
                break
        assert seen < 1000

    asyncio.run(main())
