"""Real programs of other projects that tests run beside Redshank."""

import os
import shutil
from typing import NoReturn

import pytest


def program(name: str) -> str:
    """Return the path of a program, or skip the test where it is missing.

    In CI nothing is skipped: a missing program is a failure.
    """
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        skip_as_missing(f"{name} is not installed (Debian has it)")
    return found


def skip_as_missing(reason: str) -> NoReturn:
    """Skip the test because something is missing; in CI fail it."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI must run this test")
    pytest.skip(reason)
