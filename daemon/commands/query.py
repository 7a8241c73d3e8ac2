"""`redshank query`: a PromQL query to a running server."""

import csv
import json
import sys
from typing import Any

import click

from daemon.commands.options import server_options
from daemon.control import Control, ServerAddress, call
from daemon.output import print_table
from model.labels import METRIC_NAME, Labels

Row = tuple[str, str, str]


@click.command()
@click.argument("expression")
@click.option("--time", "at", help="When, as Unix seconds or RFC 3339.  [default: now]")
@click.option("--start", help="With --end: evaluate over a range.")
@click.option("--end", help="End of the range.")
@click.option("--step", default="60s", show_default=True, help="Distance of a range's points.")
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
    step: str,
    output: str,
) -> None:
    """Ask a server a PromQL query."""
    if (start is None) != (end is None):
        raise click.UsageError("--start and --end go together")
    path, params = "/api/v1/query", {"query": expression}
    if start is not None and end is not None:
        path += "_range"
        params |= {"start": start, "end": end, "step": step}
    elif at is not None:
        params["time"] = at

    async def ask(control: Control) -> Any:
        return await control.request("GET", path, params=params)

    answer = call(address, ask)
    for warning in answer.get("warnings", []):
        click.echo(f"warning: {warning}", err=True)
    if output == "json":
        click.echo(json.dumps(answer["data"], ensure_ascii=False))
        return
    rows = _rows(answer["data"]["resultType"], answer["data"]["result"])
    if output == "csv":
        writer = csv.writer(sys.stdout)
        writer.writerow(["series", "time", "value"])
        writer.writerows(rows)
    else:
        print_table(["series", "time", "value"], rows)


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
