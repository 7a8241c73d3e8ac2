"""Updates of packages that wait to be installed, and whether the host waits for a reboot.

The package manager runs at most once an hour, without the network: it reports what the host's own
`apt update` or `dnf makecache` has found.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from exporter.collectors.programs import BackgroundProgram, ProgramOutput
from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_value

_INTERVAL_S: Final = 3600.0
_DEADLINE_S: Final = 120.0
# Inst openssl [3.0.1] (3.0.2 Debian-Security:12/stable-security [amd64]) []
_APT: Final = re.compile(r"Inst \S+ (?:\[\S+\] )?\(\S+ (.*?) \[(\w+)\]\)")
# openssl.x86_64   1:3.0.7-2.el9   baseos
_DNF: Final = re.compile(r"\S+\.(\w+) +\S+ +(\S+)")
# linux 6.6.1-1 -> 6.6.2-1
_PACMAN: Final = re.compile(r"\S+ \S+ -> \S+( \[ignored\])?")


class PendingUpdate(NamedTuple):
    """Where an update comes from, for which architecture, and whether it mends security."""

    origin: str
    arch: str
    is_security: bool = False


class _PackageManager(NamedTuple):
    """A package manager: the file that it has, its command, its statuses, how to read a line."""

    name: str
    database: str
    command: Sequence[str]
    statuses: frozenset[int]
    read: Callable[[str], PendingUpdate | None]


def _apt_update(line: str) -> PendingUpdate | None:
    match = _APT.match(line)
    if match is None:
        return None
    return PendingUpdate(match[1], match[2], "security" in match[1].lower())


def _dnf_update(line: str) -> PendingUpdate | None:
    match = _DNF.fullmatch(line.rstrip())
    return PendingUpdate(match[2], match[1]) if match else None


def _pacman_update(line: str) -> PendingUpdate | None:
    match = _PACMAN.fullmatch(line.rstrip())
    return PendingUpdate("", "") if match and not match[1] else None


_MANAGERS: Final = (
    _PackageManager(
        "apt",
        "/var/lib/dpkg/status",
        ("apt-get", "--simulate", "-o", "Debug::NoLocking=true", "dist-upgrade"),
        frozenset({0}),
        _apt_update,
    ),
    # 100: there are updates.
    _PackageManager(
        "dnf",
        "/var/lib/rpm",
        ("dnf", "--quiet", "--cacheonly", "check-update"),
        frozenset({0, 100}),
        _dnf_update,
    ),
    # 1: there are none.
    _PackageManager(
        "pacman", "/var/lib/pacman", ("pacman", "-Qu"), frozenset({0, 1}), _pacman_update
    ),
)


class PackageUpdates:
    """Runs apt-get, dnf or pacman, whichever the host has.

    Args:
        roots: where the host's files are.
        program: makes a program from its command line, interval and deadline.
    """

    name = "updates"

    def __init__(
        self,
        roots: Roots,
        program: Callable[[Sequence[str], float, float], BackgroundProgram] = BackgroundProgram,
    ) -> None:
        self._roots = roots
        found = [one for one in _MANAGERS if Path(roots.host_path(one.database)).exists()]
        self._manager = found[0] if found else None
        # The programs of a container say nothing about the host around it.
        is_host = roots.rootfs == "/" or program is not BackgroundProgram
        self._program = (
            program(self._manager.command, _INTERVAL_S, _DEADLINE_S)
            if self._manager is not None and is_host
            else None
        )

    def collect(self) -> Iterable[Family]:
        """Return the number of updates by origin, and whether a reboot is required.

        Raises:
            NoDataError: the host has no package manager that is known.
            OSError: the package manager fails.
        """
        if self._manager is None:
            raise NoDataError("the host has none of apt, dnf and pacman")
        families: list[Family] = [
            GaugeFamily(
                "node_reboot_required",
                "Node reboot is required for software updates.",
                self._needs_reboot(),
            )
        ]
        output = None if self._program is None else self._program.output()
        if output is not None:
            families.extend(_pending(self._manager, output))
        return families

    def _needs_reboot(self) -> bool:
        """Return whether the distribution says so, or the running kernel has been removed."""
        for path in ("/run/reboot-required", "/var/run/reboot-required"):
            if Path(self._roots.host_path(path)).exists():
                return True
        release = read_value(f"{self._roots.proc}/sys/kernel/osrelease")
        # Without modules at all, as in a container, nothing is known.
        modules = list_names(self._roots.host_path("/lib/modules"))
        return bool(release and modules and release not in modules)


def _pending(manager: _PackageManager, output: ProgramOutput) -> Iterable[Family]:
    if output.status not in manager.statuses:
        raise OSError(f"{manager.command[0]} ended with status {output.status}")
    lines = output.content.decode("utf-8", "replace").split("\n")
    updates = [update for line in lines if (update := manager.read(line)) is not None]
    pending = GaugeFamily(
        "node_package_updates_pending",
        "Updates of packages that wait to be installed.",
        labels=("manager", "origin", "arch"),
    )
    for (origin, arch), count in sorted(Counter(one[:2] for one in updates).items()):
        pending.add((manager.name, origin, arch), count)
    if not updates:
        pending.add((manager.name, "", ""), 0)
    yield pending
    if manager.name == "apt":
        yield GaugeFamily(
            "node_package_security_updates_pending",
            "Updates of packages from the distribution's security archive.",
            sum(one.is_security for one in updates),
        )
