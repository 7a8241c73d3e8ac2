"""Files that a shell gives as pipes: `redshank check rules <(render rules)`.

A FIFO with a name is not read: without a writer, reading it would never end. The other end of
a pipe without a name is a process of the same shell.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

_LARGEST_BYTES: Final = 64 * 2**20


@contextmanager
def pipes_as_files(files: Sequence[Path]) -> Iterator[tuple[Path, ...]]:
    """Give the files, with a regular file in place of each pipe; errors name the pipe.

    Raises:
        ClickException: a pipe has more than 64 MiB.
    """
    with tempfile.TemporaryDirectory(prefix="redshank-check-") as directory:
        copies = {file: Path(directory, str(place)) for place, file in enumerate(files)}
        names = {copies[file]: file for file in files if _is_pipe(file)}
        for copy, pipe in names.items():
            copy.write_bytes(_content(pipe))
        try:
            yield tuple(copies[file] if copies[file] in names else file for file in files)
        except click.ClickException as exc:
            message = exc.message
            for copy, pipe in names.items():
                message = message.replace(str(copy), str(pipe))
            raise click.ClickException(message) from exc


def _is_pipe(file: Path) -> bool:
    # /dev/fd/63 leads to /proc/PID/fd/pipe:[4711]; a FIFO with a name keeps its name.
    return os.path.realpath(file).rpartition("/")[2].startswith("pipe:[")


def _content(pipe: Path) -> bytes:
    with pipe.open("rb") as file:
        content = file.read(_LARGEST_BYTES + 1)
    if len(content) > _LARGEST_BYTES:
        raise click.ClickException(f"{pipe}: more than {_LARGEST_BYTES // 2**20} MiB")
    return content
