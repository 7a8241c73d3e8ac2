"""Faults of the clock and of the disk in one process: a shared library, loaded by LD_PRELOAD."""

import errno
import mmap
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness.processes import BenchmarkError

_SOURCE = Path(__file__).with_name("shim.c")
_LAYOUT = struct.Struct("=qii")  # `struct control` of shim.c
_COMPILERS = ("cc", "gcc", "clang")


def compiler() -> str | None:
    """Return the path of a C compiler; None without one."""
    return next(filter(None, map(shutil.which, _COMPILERS)), None)


class Shim:
    """The control page of the library in a process.

    Args:
        directory: for the library and the control page.
        data_directory: whose files the faults of the disk apply to.

    Raises:
        BenchmarkError: the library does not compile.
    """

    def __init__(self, directory: Path, data_directory: Path) -> None:
        self._library = directory / "shim.so"
        self._data_directory = data_directory
        command = [
            compiler() or "cc",
            "-O1",
            "-shared",
            "-fPIC",
            "-o",
            str(self._library),
            str(_SOURCE),
        ]
        done = subprocess.run([*command, "-ldl"], capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchmarkError(f"{_SOURCE.name} does not compile:\n{done.stderr}")
        self._control = directory / "shim.control"
        self._control.write_bytes(bytes(mmap.PAGESIZE))
        with self._control.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self._clock_s, self._sync_s, self._write_errno = 0.0, 0.0, 0

    def variables(self) -> Mapping[str, str]:
        """Return the environment of a process that loads the library."""
        return {
            "LD_PRELOAD": str(self._library),
            "REDSHANK_CHAOS_CONTROL": str(self._control),
            "REDSHANK_CHAOS_DIRECTORY": str(self._data_directory.resolve()),
        }

    def shift_clock(self, by_s: float) -> None:
        """Set how far the real-time clock is ahead."""
        self._clock_s = by_s
        self._write()

    def slow_syncs(self, by_s: float) -> None:
        """Set how much longer each fsync takes."""
        self._sync_s = by_s
        self._write()

    def refuse_writes(self, *, refused: bool) -> None:
        """Have writes below the data directory fail as on a read-only file system, or work."""
        self._write_errno = errno.EROFS if refused else 0
        self._write()

    def _write(self) -> None:
        clock_ns, sync_ms = round(self._clock_s * 1e9), round(self._sync_s * 1e3)
        _LAYOUT.pack_into(self._page, 0, clock_ns, sync_ms, self._write_errno)
