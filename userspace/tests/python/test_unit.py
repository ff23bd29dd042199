# SPDX-License-Identifier: GPL-2.0-only
"""The Python package without a device: its numbers, types and files. O is the build directory, CC the compiler."""

import os
import re
import struct
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import evnotify
from evnotify import Step, _uapi, parse_steps

USER = Path(__file__).parents[2]
PACKAGE = USER / "python"
HEADERS = [USER.parent / "module/include/uapi/linux" / name for name in ("evnotify.h", "evnotify_sim.h")]
BUILD = Path(os.environ["O"])
FORMATS = {"__aligned_u64": "Q", "__u32": "I", "__s32": "i"}
STRUCTS = {
    "evnotify_request": _uapi.REQUEST,
    "evnotify_event": _uapi.EVENT,
    "evnotify_info": _uapi.INFO,
    "evnotify_register": _uapi.REGISTER,
    "evnotify_wait": _uapi.WAIT,
    "evnotify_cancel": _uapi.CANCEL,
    "evnotify_update": _uapi.UPDATE,
    "evnotify_sim_new": _uapi.SIM_NEW,
    "evnotify_sim_step": _uapi.SIM_STEP,
}


def compiled(lines: list[str], directory: Path) -> list[str]:
    """What a C program prints that includes the headers."""
    source = [f'#include "{header}"' for header in HEADERS]
    source += ["#include <stddef.h>", "#include <stdio.h>", "int main(void)", "{", *lines, "return 0;", "}"]
    (directory / "program.c").write_text("\n".join(source))
    include = f"-I{HEADERS[0].parents[1]}"
    subprocess.run([*os.environ["CC"].split(), include, "-o", "program", "program.c"], cwd=directory, check=True)
    return subprocess.run([directory / "program"], check=True, text=True, capture_output=True).stdout.splitlines()


def test_constants_are_those_of_the_headers(tmp_path: Path) -> None:
    names = [name for header in HEADERS for name in re.findall(r"^#define[ \t]+(EVNOTIFY_\w+)", header.read_text(), re.M)]
    assert len(names) > 15
    seen = compiled([f'printf("%s %lld\\n", "{name}", (long long)({name}));' for name in names], tmp_path)
    ours = [f"{name} {value}" for name, value in vars(_uapi).items() if name.startswith("EVNOTIFY_")]
    assert sorted(ours) == sorted(seen)


def test_structures_are_those_of_the_headers(tmp_path: Path) -> None:
    """Size of each, and offset and type of each of its fields but reserved ones and padding."""
    lines = []
    for header in HEADERS:
        for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", header.read_text(), re.M | re.S):
            lines.append(f'printf("{name} %zu\\n", sizeof(struct {name}));')
            for kind, field in re.findall(r"^\t+([a-z_0-9 ]+) (\w+)(?:\[\d+\])?;", body, re.M):
                if not field.startswith("__"):
                    form = FORMATS.get(kind, "s")
                    value = f"offsetof(struct {name}, {field}), sizeof(((struct {name} *)0)->{field})"
                    lines.append(f'printf("{name} {form} %zu %zu\\n", {value});')
    ours = []
    for name, layout in STRUCTS.items():
        ours.append(f"{name} {layout.size}")
        at = 0
        for digits, form in re.findall(r"(\d*)([A-Za-z])", layout.format):
            number = int(digits or 1)
            if form != "x":
                size = number if form == "s" else struct.calcsize(f"={form}")
                ours.append(f"{name} {form} {at} {size}")
            at += struct.calcsize(f"={digits}{form}")
    # data and due_ns of an event are one place
    assert sorted(set(compiled(lines, tmp_path))) == sorted(ours)
    assert len(ours) > 50


def test_every_error_of_the_device_is_in_the_documentation() -> None:
    pages = [(USER / "man" / name).read_text() for name in ("evnotify.4", "evnotify-sim.4")]
    errors = {error for page in pages for error in re.findall(r"^\.It Bq Er (\w+)$", page, re.M)}
    text = "".join(path.read_text() for path in (PACKAGE / "evnotify").glob("*.py"))
    # What a program cannot come by: a bad address, lseek(), a sim without a source.
    assert errors - set(re.findall(r"\bE[A-Z]{3,}\b", text)) == {"EFAULT", "ESPIPE", "ENXIO"}


def test_everything_public_has_documentation() -> None:
    for name in evnotify.__all__:
        public = getattr(evnotify, name)
        assert public.__doc__, name
        for member, value in vars(public).items() if isinstance(public, type) else ():
            if callable(value) and not member.startswith("_"):
                assert value.__doc__, f"{name}.{member}"


def test_types() -> None:
    options = ["--strict", "--cache-dir", str(BUILD / "mypy"), "--no-error-summary"]
    files = [PACKAGE / "evnotify", *USER.glob("tests/python/*.py"), *USER.glob("examples/*/*.py")]
    subprocess.run([sys.executable, "-m", "mypy", *options, *files], check=True, env=os.environ | {"MYPYPATH": str(PACKAGE)})


def test_one_version() -> None:
    version = (USER.parent / "module/VERSION").read_text().strip()
    assert evnotify.__version__ == version
    assert tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]["version"] == version


def test_what_pip_installs(tmp_path: Path) -> None:
    subprocess.run(["cp", "-RL", PACKAGE, tmp_path / "source"], check=True)
    program = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    run = [sys.executable, "-W", "ignore", "-c", program]
    subprocess.run(run, cwd=tmp_path / "source", check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    files = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert files == {f"evnotify/{path.name}" for path in (PACKAGE / "evnotify").iterdir() if path.is_file()}
    assert "evnotify/py.typed" in files


def test_steps_of_a_file() -> None:
    text = "# evnotify sim --seed 1\n+5ms 0x2A\n\n+1.5us 3 # late\n+2 10\n+.5s\t0\n+1.000ns 1\n+1m 2\n+1h 2\n+1d 2\n"
    second = 10**9
    assert parse_steps(text) == [
        Step(5_000_000, 42), Step(1500, 3), Step(2 * second, 10), Step(second // 2, 0), Step(1, 1),
        Step(60 * second, 2), Step(3600 * second, 2), Step(86400 * second, 2),
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["+5ms", "5ms 1", "+1.5ns 1", "+. 1", "+1x 1", "+1 010", "+1 1 1", "+ 1", "+1 -1"])
def test_a_line_that_is_no_step(line: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"line 2: '{line}' is")):
        parse_steps("+1 1\n" + line)
