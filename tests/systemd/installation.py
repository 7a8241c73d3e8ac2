"""Installs Redshank on a machine with the commands of docs/install.md, word for word."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

from tests.systemd.machine import Machine

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "install.md"
CHECKOUT: Final = "/root/redshank"
VENV: Final = "/opt/redshank"
# The packages are there already, and no index is: pip only checks that they fit.
_PIP: Final = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_ROOT_USER_ACTION": "ignore"}


def commands(heading: str) -> list[str]:
    """Return the commands in a section of the page; root needs no `sudo`, which may be missing."""
    section = re.search(
        rf"^#+ {heading}\n(.*?)(?=^#|\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    if section is None:
        raise LookupError(f"{PAGE} has no section {heading!r}")
    lines = re.findall(r"^    ((?:sudo|curl) .+)$", section[1], re.MULTILINE)
    as_user = [re.sub(r"^sudo -u (\w+) ", r"runuser -u \1 -- ", line) for line in lines]
    return [re.sub(r"\s+#.*", "", line.removeprefix("sudo ")) for line in as_user]


def python_of_system() -> str:
    """Return the system's Python; skip the tests if its packages are not like ours.

    Services cannot use one in a home directory.
    """
    python = "/usr/bin/python3"
    script = "import ensurepip, sys; print(*sys.version_info[:2])"
    asked = subprocess.run([python, "-c", script], capture_output=True, text=True)
    wanted = f"{sys.version_info[0]} {sys.version_info[1]}"
    if asked.returncode or asked.stdout.strip() != wanted:
        pytest.skip(f"{python} with venv must be Python {wanted.replace(' ', '.')}, as in .venv")
    return python


def copy_checkout(machine: Machine) -> None:
    """Copy the files of this checkout that git knows."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    )
    names = [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]
    machine.copy(((ROOT / name, name) for name in names), CHECKOUT)


def copy_packages(machine: Machine) -> None:
    """Copy the packages that the server and the build need from this Python to the machine."""
    wanted = {"redshank[server]", "hatchling", "editables"}
    site = f"{VENV}/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    machine.copy(_files(wanted), site)


def _files(wanted: set[str]) -> Iterator[tuple[Path, str]]:
    queue, seen = [Requirement(name) for name in sorted(wanted)], set()
    while queue:
        requirement = queue.pop()
        key = requirement.name.lower(), frozenset(requirement.extras)
        if key in seen:
            continue
        seen.add(key)
        found = distribution(requirement.name)
        if requirement.name != "redshank":
            yield from _files_of(found)
        for text in found.requires or ():
            needed = Requirement(text)
            extras = requirement.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                queue.append(needed)


def _files_of(package: Distribution) -> Iterator[tuple[Path, str]]:
    for file in package.files or ():
        path = Path(str(package.locate_file(file)))
        if not str(file).startswith("..") and path.is_file():
            yield path, str(file)


def follow(
    machine: Machine, heading: str, environment: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str]]:
    """Run the commands of a section; yield each with its output."""
    for command in commands(heading):
        given = _PIP | dict(environment or {})
        yield command, machine.shell(f"cd {CHECKOUT}; {command}", environment=given)


def install(machine: Machine) -> None:
    """Install and start the server and an exporter."""
    copy_checkout(machine)
    for command, _ in follow(machine, "Install the server"):
        if " -m venv " in command:
            copy_packages(machine)
    for _ in follow(machine, "With pip"):
        pass
    # The page has the unit files beside the one-file exporter.
    machine.shell(f"cd {CHECKOUT}; cp systemd/redshank-exporter.* .")
    for _ in follow(machine, "Start it with systemd"):
        pass
