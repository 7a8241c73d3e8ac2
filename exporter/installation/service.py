"""Writes and removes the files of an exporter that runs as a service of systemd."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from exporter.errors import ExporterError
from exporter.installation.units import (
    ALL,
    MARK,
    PROGRAM,
    PUSH_SETTINGS,
    PUSHING,
    SCRAPED,
    UnitSet,
    unit_text,
)

_UNITS = "etc/systemd/system"
# Where packages of distributions have their units.
_PACKAGED = ("usr/lib/systemd/system", "lib/systemd/system")
_OF_ROOT = ("root/.cache/redshank-exporter", "root/.local/state/redshank-exporter")
# systemd splits OPTIONS at spaces; a quote, a backslash or a variable has a meaning of its own.
_PLAIN_OPTION = re.compile(r"[^\s'\"\\$#;]+")


class InstallationError(ExporterError):
    """The exporter cannot be installed here, or does not start."""


@dataclass(frozen=True)
class ExporterInstallation:
    """The exporter as a service of this host.

    Attributes:
        root: the root directory of the host.
        run: runs a command of systemd and returns its status and its output.
    """

    root: Path
    run: Callable[[Sequence[str]], tuple[int, str]]

    def install(
        self, program: Path, python: str, push: Mapping[str, str], options: Sequence[str]
    ) -> UnitSet:
        """Write the files, enable the service and start it anew; return its units.

        Args:
            program: the one-file exporter.
            python: the interpreter that runs it.
            push: the variables of push mode, empty for an exporter that is scraped.
            options: further options of the exporter.

        Raises:
            InstallationError: another installation is there, or the service does not start.
        """
        units = PUSHING if push else SCRAPED
        self._refuse_others(units)
        for option in options:
            if not _PLAIN_OPTION.fullmatch(option):
                raise InstallationError(
                    f"{option!r} has a space or a sign that systemd interprets; write it into "
                    f"{units.options_file} after the installation"
                )
        target = self._path(PROGRAM)
        if not target.exists() or not target.samefile(program):
            _write(target, program.read_bytes(), 0o755)
        for name in units.files:
            _write(self._path(_UNITS, name), unit_text(name, python).encode(), 0o644)
        if push:
            lines = "".join(f"{name}={value}\n" for name, value in push.items())
            _write(self._path(PUSH_SETTINGS), lines.encode(), 0o600)
        if options:
            text = f'OPTIONS="{" ".join(options)}"\n'
            _write(self._path(units.options_file), text.encode(), 0o644)
        self._start(units)
        return units

    def _start(self, units: UnitSet) -> None:
        for command in (
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", units.service],
            # Not `restart` of both: the socket's job would end a service that is starting.
            ["systemctl", "stop", *units.files],
            ["systemctl", "start", units.service],
        ):
            status, output = self.run(command)
            if status:
                _, log = self.run(
                    ["journalctl", "-u", units.service, "-n", "5", "-o", "cat", "--no-pager"]
                )
                raise InstallationError(
                    f"{' '.join(command)} failed with status {status}:\n{output}{log}"
                )

    def _refuse_others(self, units: UnitSet) -> None:
        for name in units.files:
            own = self._path(_UNITS, name)
            others = [self._path(folder, name) for folder in _PACKAGED]
            if own.exists() and not own.read_text("utf-8", "replace").startswith(MARK):
                others.append(own)
            for path in others:
                if path.exists():
                    raise InstallationError(
                        f"{path} belongs to another installation of the exporter; remove that one "
                        "first"
                    )

    def uninstall(self) -> list[Path]:
        """Stop the exporter and remove all its files; return what was removed."""
        installed = [units for units in ALL if self._is_ours(units)]
        for units in installed:
            self.run(["systemctl", "disable", "--now", *units.files])
        removed = [path for path in self._traces(installed) if _remove(path)]
        if removed:
            self.run(["systemctl", "daemon-reload"])
            self.run(["systemctl", "reset-failed", *(u for one in installed for u in one.files)])
        return removed

    def _is_ours(self, units: UnitSet) -> bool:
        path = self._path(_UNITS, units.service)
        return path.exists() and path.read_text("utf-8", "replace").startswith(MARK)

    def _traces(self, installed: Sequence[UnitSet]) -> Iterator[Path]:
        for units in installed:
            for name in units.files:
                yield self._path(_UNITS, name)
                # What `systemctl edit` has written.
                yield self._path(_UNITS, f"{name}.d")
            yield self._path(units.options_file)
            service = units.service.removesuffix(".service")
            for folder in ("var/lib", "var/cache"):
                # A dynamic user's directory is in `private`, with a link to it.
                yield self._path(folder, service)
                yield self._path(folder, "private", service)
        yield self._path(PUSH_SETTINGS).parent
        yield self._path(PROGRAM).parent
        if installed:
            # What root has started by hand: unpacked libraries, and samples of `push` that wait.
            yield from (self._path(folder) for folder in _OF_ROOT)

    def _path(self, *parts: str) -> Path:
        return self.root.joinpath(*(part.lstrip("/") for part in parts))


def run_command(command: Sequence[str]) -> tuple[int, str]:
    """Run a command; return its status and what it printed."""
    try:
        done = subprocess.run(  # noqa: S603 - commands of ours.
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    except OSError as exc:
        return 127, f"{command[0]}: {exc.strerror}\n"
    return done.returncode, done.stdout


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file atomically; nobody but its owner reads it before it has its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        temporary.chmod(mode)
        temporary.replace(path)
    except BaseException:
        temporary.unlink()
        raise


def _remove(path: Path) -> bool:
    """Remove a file, a link or a directory; return whether there was one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return True
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
