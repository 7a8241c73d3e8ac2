"""Makes files and names survive a power cut."""

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Write a file to the disk, or the names in a directory; blocks.

    A file that was created or renamed keeps its name after a power cut only if its
    directory is synced too (fsync(2)).

    Raises:
        OSError: the disk refused.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
