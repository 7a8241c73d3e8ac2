"""Real programs of other projects that tests run beside Redshank."""

import functools
import os
import re
import shutil
import subprocess
from typing import NoReturn

import pytest


def program(*names: str) -> str:
    """Return the path of the program with the first of these names in PATH, or skip the test.

    In CI nothing is skipped: a missing program is a failure.
    """
    directories = (os.environ.get("PATH", "") + ":/usr/sbin:/sbin").split(":")
    places = (shutil.which(name, path=place) for place in directories for name in names)
    found = next(filter(None, places), None)
    if found is None:
        skip_as_missing(f"{names[0]} is not installed (Debian has it)")
    return found


def node_exporter() -> str:
    """Return the path of node_exporter, or skip the test."""
    return program("prometheus-node-exporter", "node_exporter")


def alertmanager() -> str:
    """Return the path of Alertmanager, or skip the test."""
    return program("prometheus-alertmanager", "alertmanager")


def skip_before_version(name: str, least: tuple[int, ...]) -> None:
    """Skip the test if a program is older than a version; Debian stable has older peers."""
    version = program_version(program(name))
    if version < least:
        shown = ".".join(map(str, version))
        pytest.skip(f"{name} {shown} is older than {'.'.join(map(str, least))}")


@functools.cache
def program_version(path: str) -> tuple[int, ...]:
    """Return the version that a program prints."""
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\d+)\.(\d+)\.(\d+)", done.stdout + done.stderr)
    assert found, f"{path} --version prints no version"
    return tuple(map(int, found.groups()))


def skip_as_missing(reason: str) -> NoReturn:
    """Skip the test because something is missing; in CI fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must run this test")
    pytest.skip(reason)
