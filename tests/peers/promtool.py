"""Verdicts of promtool 3 about files."""

import functools
import re
import subprocess
from pathlib import Path

import pytest

from tests.programs import program

FIELD = Path(__file__).parents[2].parent / "shared" / "field"
"""Public files of well-known projects, beside the checkout; not everywhere."""


def field_files(folder: str) -> list[Path]:
    """Return the files below a folder of `FIELD`; skip the test where it is missing."""
    if not (FIELD / folder).is_dir():
        pytest.skip(f"the field's files are not here ({FIELD / folder})")
    return sorted(path for path in (FIELD / folder).rglob("*") if path.is_file())


@functools.cache
def promtool() -> str:
    """Return the path of promtool; skip the test if it is missing or older than 3."""
    path = program("promtool")
    output = subprocess.run([path, "--version"], capture_output=True, check=True, text=True)
    version = re.search(r"version (\d+)", output.stdout + output.stderr)
    if version is None or int(version[1]) < 3:
        pytest.skip("promtool is older than 3; newer ones read files differently")
    return path


def rules_refusal(file: Path) -> str:
    """Return why promtool refuses a rule file, "" if it accepts it."""
    return _refusal("check", "rules", "--lint=none", str(file))


def config_refusal(file: Path) -> str:
    """Return why promtool refuses a prometheus.yml, "" if it accepts it.

    Certificates and files of targets need not exist.
    """
    includes = b"scrape_config_files:" in file.read_bytes()
    return _refusal("check", "config", *(() if includes else ("--syntax-only",)), str(file))


def _refusal(*arguments: str) -> str:
    done = subprocess.run([promtool(), *arguments], capture_output=True, check=False, text=True)
    return (done.stdout + done.stderr or "refused") if done.returncode else ""
