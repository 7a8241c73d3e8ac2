"""`redshank store`: tools for the sample store's files."""

import dataclasses
import functools
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from daemon.commands.options import config_option, data_directory_option, default_data_directory
from daemon.data_directory import DataDirectory
from daemon.output import print_table

if TYPE_CHECKING:
    from storage.samples.tools.backfilling.backfill import Backfill, BackfillReport
    from storage.samples.tools.inspection import StoreInspection, WindowInspection

_LATEST_MS = 253_402_300_799_999
_MOST_METRICS = 20


@click.group()
def store() -> None:
    """Import, export, compact, inspect and verify samples."""


def store_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the data directory; it receives `directory`, and errors end it in words."""

    @data_directory_option
    @functools.wraps(function)
    def wrapper(*, data_dir: Path | None, **rest: Any) -> Any:
        from daemon import logs

        logs.configure("error")
        directory = DataDirectory(data_dir or default_data_directory())
        with refusals(), directory.given_back():
            return function(directory=directory, **rest)

    return wrapper


@contextmanager
def refusals() -> Iterator[None]:
    """End the command with what was refused and why.

    Raises:
        click.ClickException: something was.
    """
    from daemon.errors import DaemonError
    from storage.api.errors import StorageError

    try:
        yield
    except (DaemonError, StorageError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc


@store.command("import")
@click.argument("file", type=click.File("rb"))
@config_option
@store_options
def import_(file: BinaryIO, config: Path | None, directory: DataDirectory) -> None:
    """Import samples of the past from an OpenMetrics FILE (- for standard input).

    Every sample needs a timestamp; samples may stand in any order. Series with the same
    job and instance are stored together, as if they had been scraped. The server must
    not run meanwhile.
    """
    from daemon.store_access import exclusive_store
    from model.clock import system_clock

    started_s = time.monotonic()
    directory.create()
    with exclusive_store(config, directory) as opened:
        backfill = opened.backfill(system_clock())
        try:
            _take(file, backfill)
            report = backfill.finish()
        finally:
            backfill.close()
    _print_report(report, time.monotonic() - started_s)


def _take(file: BinaryIO, backfill: "Backfill") -> None:
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
        click.echo(f"  {report.refused:,} with another value at the same time of their series")
    if report.out_of_range:
        click.echo(f"  {report.out_of_range:,} not within the years 1 to 9999")
    if report.repeated:
        click.echo(f"{report.repeated:,} given twice and stored once")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def _utc(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat(sep=" ", timespec="seconds")


@store.command()
@click.argument("file", type=click.File("wb", atomic=True), default="-")
@click.option(
    "--match",
    "selectors",
    multiple=True,
    metavar="SELECTOR",
    help="Which series, such as 'up{job=\"node\"}'; several add up.  [default: all]",
)
@click.option("--start", help="From when on, as Unix seconds or RFC 3339.  [default: the first]")
@click.option("--end", help="Until when, included.  [default: the last]")
@store_options
def export(
    file: BinaryIO,
    selectors: tuple[str, ...],
    start: str | None,
    end: str | None,
    directory: DataDirectory,
) -> None:
    """Export samples as OpenMetrics text to FILE (default: standard output).

    A server may run meanwhile. `store import` reads back every value to the bit but
    staleness markers and the payloads of NaNs, which the format does not have.
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
    """Merge all chunks as far as they go. The server must not run meanwhile."""
    from daemon.store_access import exclusive_store, require

    require(directory)
    before = directory.size_bytes
    with exclusive_store(config, directory) as opened:
        opened.compact()
    click.echo(f"{before / 1e6:,.1f} MB before, {directory.size_bytes / 1e6:,.1f} MB after")


@store.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@store_options
def inspect(as_json: bool, directory: DataDirectory) -> None:
    """Show what the files hold and where their bytes are. A server may run meanwhile."""
    from daemon.store_access import require
    from storage.samples.tools.inspection import inspect as inspect_store

    require(directory)
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


@store.command()
@store_options
def verify(directory: DataDirectory) -> None:
    """Read and decode everything; list what is damaged. A server may run meanwhile.

    Ends with status 1 if anything is.
    """
    from daemon.store_access import require
    from storage.samples.tools.verification import Verified
    from storage.verification import verify as verify_directory

    require(directory)
    verified, damaged = Verified(), 0
    for problem in verify_directory(directory.path, verified):
        damaged += 1
        click.echo(f"{problem.file}: {problem.what}")
    chunks = f"{_counted(verified.chunks, 'chunk')} of {_counted(verified.windows, 'window')}"
    rows = _counted(verified.journal_rows, "journal row")
    told = damaged or "nothing"
    click.echo(f"{verified.samples:,} samples in {chunks}, {rows}: {told} damaged")
    sys.exit(1 if damaged else 0)
