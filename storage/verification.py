"""Verification of a data directory: reads and decodes every file, changes nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.api.errors import StorageError
from storage.files import FILE_KINDS, FileKind
from storage.samples.tools.verification import Verified


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is damaged, and the name of the file that holds it."""

    file: str
    what: str


def verify(
    directory: Path, verified: Verified, kinds: Sequence[FileKind] = FILE_KINDS
) -> Iterator[Problem]:
    """Yield what is damaged in a data directory, which a server may be using; blocks.

    Args:
        directory: the data directory.
        verified: counts what has been read.
        kinds: the kinds of files to verify.
    """
    for kind in kinds:
        if kind.verify is None:
            continue
        for path in kind.paths(directory):
            try:
                for what in kind.verify(path, verified):
                    yield Problem(path.name, what)
            except StorageError as exc:
                yield Problem(path.name, str(exc))
