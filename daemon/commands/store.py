"""`redshank store`: tools for the sample store's files."""

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from daemon.commands.options import config_option, data_directory_option, default_data_directory
from daemon.data_directory import DataDirectory
from daemon.errors import DaemonError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.samples.backfilling.backfill import Backfill, BackfillReport
    from storage.samples.store import SqliteSampleStore


@click.group()
def store() -> None:
    """Import, export, compact, inspect and verify samples."""


@contextmanager
def exclusive_store(config: Path | None, directory: DataDirectory) -> "Iterator[SqliteSampleStore]":
    """Yield the store while no server uses it.

    Raises:
        click.ClickException: a server runs, or the files cannot be used.
    """
    from daemon import logs
    from daemon.configuration import ConfigurationSource
    from model.clock import system_clock
    from storage.api.errors import StorageError
    from storage.samples.store import SqliteSampleStore

    logs.configure("warning")
    try:
        settings = ConfigurationSource(config).settings().storage
        with directory.locked():
            opened = SqliteSampleStore(directory.path, settings, clock=system_clock)
            try:
                opened.open(serving=False)
                yield opened
            finally:
                opened.close()
    except (DaemonError, StorageError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc


@store.command("import")
@click.argument("file", type=click.File("rb"))
@config_option
@data_directory_option
def import_(file: BinaryIO, config: Path | None, data_dir: Path | None) -> None:
    """Import samples of the past from an OpenMetrics FILE (- for standard input).

    Every sample needs a timestamp; samples may stand in any order. Series with the same
    job and instance are stored together, as if they had been scraped. The server must
    not run meanwhile.
    """
    from model.clock import system_clock

    directory = DataDirectory(data_dir or default_data_directory())
    started_s = time.monotonic()
    try:
        directory.create()
    except DaemonError as exc:
        raise click.ClickException(str(exc)) from exc
    with exclusive_store(config, directory) as opened:
        backfill = opened.backfill(system_clock())
        try:
            _take(file, backfill)
            report = backfill.finish()
        finally:
            backfill.close()
    _print_report(report, time.monotonic() - started_s)


def _take(file: BinaryIO, backfill: "Backfill") -> None:
    from scraper.errors import ExpositionError
    from scraper.history import read_history

    try:
        for batch in read_history(file, backfill.series):
            backfill.add(batch.series, batch.times_ms, batch.values)
    except ExpositionError as exc:
        raise click.ClickException(f"{file.name}: {exc}; nothing was imported") from exc


def _print_report(report: "BackfillReport", duration_s: float) -> None:
    rate = report.samples / duration_s if duration_s else 0.0
    click.echo(
        f"{report.samples:,} samples of {report.series:,} series imported"
        f" in {duration_s:.1f} s ({rate:,.0f}/s)"
    )
    if report.start_ms is not None and report.end_ms is not None:
        click.echo(f"from {_utc(report.start_ms)} to {_utc(report.end_ms)}")
    rejected = report.refused + report.out_of_range
    click.echo(f"{rejected:,} rejected" + (":" if rejected else ""))
    if report.refused:
        click.echo(f"  {report.refused:,} with another value at the same time of their series")
    if report.out_of_range:
        click.echo(f"  {report.out_of_range:,} not within the years 1 to 9999")
    if report.repeated:
        click.echo(f"{report.repeated:,} given twice and stored once")


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(sep=" ", timespec="seconds")


@store.command()
@config_option
@data_directory_option
def compact(config: Path | None, data_dir: Path | None) -> None:
    """Merge all chunks as far as they go. The server must not run meanwhile."""
    directory = DataDirectory(data_dir or default_data_directory())
    before = size_bytes(directory.path)
    with exclusive_store(config, directory) as opened:
        opened.compact()
    after = size_bytes(directory.path)
    click.echo(f"{before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB after")


def size_bytes(directory: Path) -> int:
    """Return the size of all files below a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
