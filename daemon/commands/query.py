"""`redshank query`: runs a PromQL query on a server."""

import csv
import json
import sys
from datetime import UTC, datetime
from typing import Any

import click

from daemon.commands.options import server_options
from daemon.commands.output import echo, mark_parse_error, print_table
from daemon.control import ServerAddress, call
from model.clock import system_clock
from model.durations import parse_duration_ms
from model.labels import METRIC_NAME, Labels
from model.process.terminal_text import escape_controls

Row = tuple[str, str, str]


@click.command()
@click.argument("expression")
@click.option("--time", "at", help="Evaluation time, as Unix seconds or RFC 3339.  [default: now]")
@click.option("--start", help="Start of a range, with --end.")
@click.option("--end", help="End of the range.")
@click.option("--last", help="A range that ends now, such as 30m or 2h.")
@click.option("--step", default="60s", show_default=True, help="Step of the range.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
)
@server_options
def query(
    address: ServerAddress,
    expression: str,
    at: str | None,
    start: str | None,
    end: str | None,
    last: str | None,
    step: str,
    output: str,
) -> None:
    """Run a PromQL query on a server."""
    params = {"query": expression} | _times(at, start, end, last)
    path = "/api/v1/query"
    if "start" in params:
        path, params = f"{path}_range", params | {"step": step}
    try:
        answer = call(address, lambda control: control.request("GET", path, params=params))
    except click.ClickException as exc:
        raise click.ClickException(mark_parse_error(exc.message, expression)) from exc
    for kind in ("warning", "info"):
        for note in answer.get(f"{kind}s", []):
            echo(f"{kind}: {note.removeprefix(f'PromQL {kind}: ')}", err=True)
    _print(answer["data"], output)


def _times(at: str | None, start: str | None, end: str | None, last: str | None) -> dict[str, str]:
    """Return the time parameters of the request."""
    if last is not None:
        if start is not None or end is not None:
            raise click.UsageError("--last cannot be combined with --start and --end")
        start, end = _range_until_now(last)
    if (start is None) != (end is None):
        raise click.UsageError("--start and --end need each other")
    if start is None or end is None:
        return {} if at is None else {"time": at}
    if at is not None:
        raise click.UsageError("--time cannot be combined with a range")
    return {"start": start, "end": end}


def _print(data: Any, output: str) -> None:
    if output == "json":
        # Escapes are JSON, too: only text of printable characters goes out as it is.
        text = json.dumps(data, ensure_ascii=False)
        click.echo(text if text.isprintable() else json.dumps(data))
        return
    rows = _rows(data["resultType"], data["result"])
    if not rows:
        click.echo("no series", err=True)
    if output == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(["series", "time", "value"])
        writer.writerows(
            [[escape_controls(cell) for cell in row] for row in rows]
            if sys.stdout.isatty()
            else rows
        )
        return
    if sys.stdout.isatty():
        rows = [(series, _local_time(time), value) for series, time, value in rows]
    print_table(["series", "time", "value"], rows)


def _range_until_now(length: str) -> tuple[str, str]:
    """Return start and end, in Unix seconds, of the range of this length that ends now."""
    try:
        length_ms = parse_duration_ms(length)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--last") from exc
    now_ms = system_clock()
    return str((now_ms - length_ms) / 1000), str(now_ms / 1000)


def _local_time(seconds: str) -> str:
    """Return a time in ISO 8601 and the local time zone."""
    local = datetime.fromtimestamp(float(seconds), UTC).astimezone()
    return local.isoformat(" ", "milliseconds")


def _rows(kind: str, result: Any) -> list[Row]:
    if kind in ("scalar", "string"):
        return [("", str(result[0]), result[1])]
    rows: list[Row] = []
    for series in result:
        metric = dict(series["metric"])
        name = str(Labels.of(metric)) if METRIC_NAME in metric or metric else "{}"
        points = series["values"] if kind == "matrix" else [series["value"]]
        rows.extend((name, str(time), value) for time, value in points)
    return rows
