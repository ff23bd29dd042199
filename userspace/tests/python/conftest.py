# SPDX-License-Identifier: GPL-2.0-only
"""Prints TAP, with "pytest -sq". A test that is skipped has failed."""

import asyncio
from collections.abc import Iterator

import pytest

import evnotify

pytest_plugins = "evnotify.pytest_plugin"

points = 0


def pytest_collection(session: pytest.Session) -> None:
    # What it prints is no TAP. With -q that begins here; its options have to be there.
    session.config.pluginmanager.unregister(name="terminalreporter")


def point(is_ok: bool, name: str, text: str = "") -> None:
    global points
    points += 1
    print(f"{'' if is_ok else 'not '}ok {points} - {name}")
    for line in text.splitlines():
        print(f"# {line}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if not report.passed:
        point(False, report.nodeid, report.longreprtext)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or not report.passed:
        point(report.passed, report.nodeid.rpartition("/")[2], report.longreprtext)


def pytest_sessionfinish() -> None:
    print(f"1..{points}")


@pytest.fixture(autouse=True)
def names_of_doctests(doctest_namespace: dict[str, object]) -> None:
    doctest_namespace.update(evnotify=evnotify, asyncio=asyncio)


@pytest.fixture
def device() -> Iterator[evnotify.Instance]:
    """An instance of the test's own."""
    with evnotify.open() as instance:
        yield instance
