"""`redshank backup` and `redshank restore`: the whole data directory as one tar file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from daemon.commands.store import refusals, store_options
from daemon.data_directory import DataDirectory


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@store_options
def backup(file: Path, directory: DataDirectory) -> None:
    """Write a backup of everything to FILE, a tar file (- for standard output).

    A server may run meanwhile. It holds everything that was committed before.
    """
    from daemon.store_access import require
    from model.clock import system_clock
    from storage.backup import write_backup

    require(directory)
    if file.exists():
        raise click.ClickException(f"{file} exists already")
    with _new_file(file) as stream:
        scratch = directory.path if file == Path("-") else file.parent
        manifest = write_backup(directory.path, stream, scratch, system_clock())
    size = f"{len(manifest.files)} files, {manifest.size_bytes / 1e6:,.1f} MB"
    click.echo(f"{file}: {size}", err=True)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream whose content is under this name only when it is whole."""
    if path == Path("-"):
        yield sys.stdout.buffer
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        # For nobody else: it holds password hashes and sessions.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The new data directory; it must not be there yet, or be empty.",
)
def restore(file: BinaryIO, data_dir: Path) -> None:
    """Make a data directory of the backup FILE (- for standard input)."""
    from storage.backup import restore_backup

    with refusals():
        manifest = restore_backup(file, data_dir)
    click.echo(f"{data_dir}: {len(manifest.files)} files, {manifest.size_bytes / 1e6:,.1f} MB")
    click.echo(f"start it with: redshank server --data-dir {data_dir}")
