"""Reads the files that a configuration names, and regular files only.

Opening a FIFO waits until somebody writes to it, and a device never ends: a reload, and
SIGTERM during it, would hang.
"""

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final

# Without O_NONBLOCK, opening a FIFO waits for a writer; regular files ignore it. Windows lacks
# the first two, and translates line ends without the third.
_FLAGS: Final = os.O_RDONLY | sum(
    getattr(os, name, 0) for name in ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading.

    Raises:
        OSError: it cannot be opened, or is a directory, a FIFO, a socket or a device.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        _check_regular(descriptor, path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def _check_regular(descriptor: int, path: Path) -> None:
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def read_regular_text(path: Path) -> str:
    """Return the UTF-8 text of a file; blocks.

    Raises:
        OSError: as `open_regular`.
        UnicodeDecodeError: the text is not UTF-8.
    """
    # `TextIOWrapper` translates line ends, as `Path.read_text` does.
    with io.TextIOWrapper(open_regular(path), encoding="utf-8") as file:
        return file.read()
