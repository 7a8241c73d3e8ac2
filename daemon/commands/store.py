"""`redshank store`: tools for the sample store's files."""

import dataclasses
import functools
import json
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.options import config_option, data_directory_option
from daemon.commands.output import counted, echo, print_table
from daemon.data_directory import DataDirectory

if TYPE_CHECKING:
    from storage.samples.tools.backfilling.backfill import Backfill, BackfillReport
    from storage.samples.tools.inspection import StoreInspection, WindowInspection

_LATEST_MS = 253_402_300_799_999
_MOST_METRICS = 20


@click.group()
def store() -> None:
    """Import, export, compact, inspect and verify samples."""


def store_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --data-dir to a command; it receives `directory`, and errors end it with a message."""

    @data_directory_option
    @functools.wraps(function)
    def wrapper(*, directory: DataDirectory, **rest: Any) -> Any:
        from daemon import logs

        logs.configure("error")
        with errors_as_messages(), directory.ownership_kept():
            return function(directory=directory, **rest)

    return wrapper


@store.command("import")
@click.argument("file", type=click.File("rb"))
@config_option
@store_options
def import_(file: BinaryIO, config: Path | None, directory: DataDirectory) -> None:
    """Import historical samples from an OpenMetrics FILE (- for standard input).

    Every sample needs a timestamp; samples may be in any order. Series with the same job
    and instance are stored together, as if they had been scraped. Stop the server first.
    """
    from daemon.store_access import exclusive_store
    from model.clock import system_clock

    started_s = time.monotonic()
    directory.create()
    with exclusive_store(config, directory) as opened:
        backfill = opened.backfill(system_clock())
        try:
            _read_into(backfill, file)
            report = backfill.finish()
        finally:
            backfill.close()
    _print_report(report, time.monotonic() - started_s)


def _read_into(backfill: "Backfill", file: BinaryIO) -> None:
    from scraper.exposition.errors import ExpositionError
    from scraper.exposition.history import read_history

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
        click.echo(f"  {report.refused:,} have a series with another value at the same time")
    if report.out_of_range:
        click.echo(f"  {report.out_of_range:,} are not within the years 1 to 9999")
    if report.repeated:
        click.echo(f"{report.repeated:,} repeated, stored once")


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(sep=" ", timespec="seconds")


@store.command()
@click.argument("file", type=click.File("wb", atomic=True), default="-")
@click.option(
    "--match",
    "selectors",
    multiple=True,
    metavar="SELECTOR",
    help="Series to export, such as 'up{job=\"node\"}'. Repeatable.  [default: all]",
)
@click.option(
    "--start",
    help="Start, as Unix seconds or RFC 3339.  [default: the first sample]",
)
@click.option("--end", help="End, inclusive.  [default: the last sample]")
@store_options
def export(
    file: BinaryIO,
    selectors: tuple[str, ...],
    start: str | None,
    end: str | None,
    directory: DataDirectory,
) -> None:
    """Export samples as OpenMetrics text to FILE (default: standard output).

    The server may be running. `store import` reads every value back exactly, except
    staleness markers and NaN payloads, which the format cannot express.
    """
    from daemon.store_access import store_snapshot
    from promql.api import ParseError
    from promql.syntax.parser import parse_selector
    from scraper.exposition.rendering import END, render_samples
    from storage.samples.tools.exporting import exported

    try:
        wanted = [parse_selector(text) for text in selectors] or [()]
    except ParseError as exc:
        raise click.BadParameter(str(exc), param_hint="--match") from exc
    start_ms, end_ms = _time_ms(start, "--start", -_LATEST_MS), _time_ms(end, "--end", _LATEST_MS)
    with store_snapshot(directory) as snapshot:
        for series in exported(snapshot.query, wanted, start_ms, end_ms):
            file.writelines(render_samples(series))
        file.write(END)
        damaged = snapshot.damaged_items
    if damaged:
        click.echo(f"{damaged} damaged items left out; see `redshank store verify`", err=True)
        sys.exit(1)


def _time_ms(text: str | None, option: str, default_ms: int) -> int:
    from web.prometheus.parameters import parse_time_ms

    if text is None:
        return default_ms
    try:
        return parse_time_ms(text)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint=option) from exc


@store.command()
@config_option
@store_options
def compact(config: Path | None, directory: DataDirectory) -> None:
    """Merge chunks as far as possible, to save space. Stop the server first."""
    from daemon.store_access import exclusive_store

    directory.require_used()
    before = directory.size_bytes
    with exclusive_store(config, directory) as opened:
        opened.compact()
    click.echo(f"{before / 1e6:,.1f} MB before, {directory.size_bytes / 1e6:,.1f} MB after")


@store.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@store_options
def inspect(as_json: bool, directory: DataDirectory) -> None:
    """Show the contents and size of the files. The server may be running."""
    from storage.samples.tools.inspection import inspect as inspect_store

    directory.require_used()
    found = inspect_store(directory.path)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found)))
        return
    _print_inspection(found)


_WINDOW_HEADINGS = (
    "window",
    "from",
    "until",
    "MB",
    "samples",
    "B/sample",
    "chunks",
    "vectors",
    "sources",
    "layouts",
    "runs sealed/hours/days",
    "% values/times/layouts",
)


def _window_row(window: "WindowInspection") -> list[str]:
    parts = (window.piece_bytes, window.time_bytes, window.layout_bytes)
    return [
        window.name,
        _utc(window.start_ms),
        _utc(window.end_ms),
        f"{window.size_bytes / 1e6:.1f}",
        str(window.samples),
        f"{window.bytes_per_sample:.3f}",
        str(window.chunks),
        str(window.vectors),
        str(window.sources),
        str(window.layouts),
        "/".join(map(str, window.runs)),
        "/".join(f"{100 * part / window.size_bytes:.0f}" for part in parts),
    ]


def _print_inspection(found: "StoreInspection") -> None:
    print_table(_WINDOW_HEADINGS, list(map(_window_row, found.windows)))
    samples = sum(window.samples for window in found.windows)
    size_bytes = sum(window.size_bytes for window in found.windows)
    each = f"{size_bytes / samples:.3f} bytes each" if samples else "none yet"
    click.echo(
        f"\n{samples:,} samples in {size_bytes / 1e6:,.1f} MB, {each};"
        f" {found.sources} sources, {found.layouts} layouts;"
        f" journal {found.journal_bytes / 1e6:,.1f} MB"
    )
    if found.unreadable:
        click.echo(f"{found.unreadable} files cannot be read; see `redshank store verify`")
    total = sum(size for _, size in found.metrics)
    if total:
        click.echo()
        print_table(
            ["metric", "bytes", "share"],
            [
                [name, str(size), f"{100 * size / total:.1f} %"]
                for name, size in found.metrics[:_MOST_METRICS]
            ],
        )


@store.command("drop-future")
@config_option
@store_options
def drop_future(config: Path | None, directory: DataDirectory) -> None:
    """Delete the samples later than now, which a wrong clock has stored.

    Stop the server first, and correct the clock.
    """
    from daemon.store_access import exclusive_store

    directory.require_used()
    with exclusive_store(config, directory) as opened:
        dropped = opened.future.drop()
    click.echo(f"samples later than now of {counted(dropped, 'source')} deleted")


@store.command()
@store_options
def verify(directory: DataDirectory) -> None:
    """Read and decode every file and list the damage. The server may be running.

    Ends with status 1 if anything is damaged.
    """
    from storage.samples.tools.verification import Verified
    from storage.verification import verify as verify_directory

    directory.require_used()
    verified, damaged = Verified(), 0
    for problem in verify_directory(directory.path, verified):
        damaged += 1
        echo(f"{problem.file}: {problem.what}")
    for line in verified.notes:
        echo(line)
    chunks = f"{counted(verified.chunks, 'chunk')} of {counted(verified.windows, 'window')}"
    rows = counted(verified.journal_rows, "journal row")
    if verified.event_files:
        rows += f", {counted(verified.event_files, 'event journal file')}"
    click.echo(f"{verified.samples:,} samples in {chunks}, {rows}: {damaged or 'nothing'} damaged")
    sys.exit(1 if damaged else 0)
