"""`redshank backup` and `redshank restore`: the data directory as one tar file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.store import store_options
from daemon.data_directory import DataDirectory


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@store_options
def backup(file: Path, directory: DataDirectory) -> None:
    """Write a backup of everything to FILE, a tar file (- for standard output).

    The server may be running. The backup has everything that was committed before it began.
    """
    from model.clock import system_clock
    from storage.backup import write_backup

    directory.require_used()
    if file.exists():
        raise click.ClickException(f"{file} exists already")
    with _new_file(file) as stream:
        scratch = directory.path if file == Path("-") else file.parent
        manifest = write_backup(directory.path, stream, scratch, system_clock())
    size = f"{len(manifest.files)} files, {manifest.size_bytes / 1e6:,.1f} MB"
    click.echo(f"{file}: {size}", err=True)


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream to a file that appears under its name once it is complete."""
    if path == Path("-"):
        yield sys.stdout.buffer
        return
    partial = path.with_name(f".{path.name}.partial")
    try:
        # Private to its owner: the backup has password hashes and sessions in it.
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
    help="The new data directory, which must be missing or empty.",
)
def restore(file: BinaryIO, data_dir: Path) -> None:
    """Create a data directory from the backup FILE (- for standard input)."""
    from storage.backup import restore_backup

    with errors_as_messages():
        manifest = restore_backup(file, data_dir)
    click.echo(f"{data_dir}: {len(manifest.files)} files, {manifest.size_bytes / 1e6:,.1f} MB")
    click.echo(f"start it with: redshank server --data-dir {data_dir}")
