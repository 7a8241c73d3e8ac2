"""Examines the data directory: permissions, free space, and the integrity of its files."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path

from daemon.data_directory import DataDirectory
from daemon.doctor.findings import Finding, Verdict
from model.clock import system_clock
from storage.api.errors import StorageError
from storage.files import FILE_KINDS, FileKind

_LEAST_FREE_BYTES = 512 * 2**20


def examine_data_directory(
    directory: DataDirectory, kinds: Sequence[FileKind] = FILE_KINDS
) -> Iterable[Finding]:
    """Check the data directory's permissions, its free space and its files."""
    path = directory.path
    if not path.exists():
        yield Finding(
            Verdict.GOOD, "data directory", f"the first start of the server creates {path}"
        )
        return
    mode = path.stat().st_mode & 0o077
    if mode:
        yield Finding(
            Verdict.WARNING,
            "data directory",
            f"other users can open {path}",
            f"chmod 700 {path}",
        )
    free_bytes = shutil.disk_usage(path).free
    if free_bytes < _LEAST_FREE_BYTES:
        yield Finding(
            Verdict.BAD,
            "disk",
            f"{free_bytes / 2**20:.0f} MiB free on the disk of {path}",
            "free some space, or lower storage.retention_age in the configuration",
        )
    else:
        yield Finding(
            Verdict.GOOD, "disk", f"{free_bytes / 2**30:.1f} GiB free on the disk of {path}"
        )
    yield from _future_samples(path, system_clock())
    for kind in kinds:
        if kind.check is not None:
            for file in kind.paths(path):
                yield _examine_file(path, file, kind, kind.check)


def _future_samples(directory: Path, now_ms: int) -> Iterable[Finding]:
    """Report window files that begin later than now: a clock was wrong."""
    late = [file.name for file in (directory / "samples").glob("*.db") if _begins_ms(file) > now_ms]
    if late:
        yield Finding(
            Verdict.WARNING,
            "samples in the future",
            f"{', '.join(sorted(late))}: the clock was wrong, or is behind now",
            "correct the clock, stop the server and run `redshank store drop-future`",
        )


def _begins_ms(window: Path) -> int:
    """Return the time in the name of a window file, 0 if it has none."""
    text = window.stem.partition("-")[0].removesuffix("Z") + "+0000"
    try:
        return int(datetime.strptime(text, "%Y%m%dT%H%M%S%z").timestamp() * 1000)
    except ValueError:
        return 0


def _examine_file(
    directory: Path, file: Path, kind: FileKind, check: Callable[[Path], Sequence[str]]
) -> Finding:
    noun = "database" if file.suffix == ".db" else "file"
    name = f"{noun} {file.relative_to(directory)}"
    try:
        problems = check(file)
    except StorageError as exc:
        problems = [str(exc)]
    if problems:
        return Finding(Verdict.BAD, name, problems[0], kind.remedy)
    try:
        if kind.state is not None:
            return Finding(Verdict.GOOD, name, kind.state(file))
        return Finding(Verdict.GOOD, name, f"sound, {file.stat().st_size / 2**20:.1f} MiB")
    except FileNotFoundError:
        return Finding(Verdict.GOOD, name, "no longer there: a server has folded or merged it")
