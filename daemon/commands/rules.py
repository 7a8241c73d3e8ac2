"""`redshank rules`: unit tests and back-tests of alerting and recording rules."""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.options import server_options
from daemon.commands.output import counted, echo, print_table
from daemon.commands.piped_files import pipes_as_files
from daemon.control import ServerAddress, call
from model.durations import format_duration
from model.labels import Labels

if TYPE_CHECKING:
    from alerting.simulation.outcomes import FileOutcome
    from alerting.simulation.unit_tests import RuleUnitTests

_DELAYED_NAMES = "promql-delayed-name-removal"
_FEATURES = ("promql-experimental-functions", _DELAYED_NAMES)


@click.group()
def rules() -> None:
    """Test rules before they are used: on made-up samples, or on those of a server."""


def _names(_: click.Context, __: click.Parameter, value: Sequence[str]) -> list["re.Pattern[str]"]:
    try:
        return [re.compile(text) for text in value]
    except re.error as exc:
        raise click.BadParameter(f"not a regular expression: {exc}") from exc


@rules.command()
@click.argument(
    "files", type=click.Path(path_type=Path, exists=True, dir_okay=False), nargs=-1, required=True
)
@click.option("--run", multiple=True, callback=_names, help="Run only tests with such a name.")
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Write results as JUnit XML."
)
@click.option(
    "--enable-feature",
    "features",
    multiple=True,
    help="As of promtool; experimental functions are always there.",
)
@click.option("--ignore-unknown-fields", is_flag=True, help="Accept unknown keys in rule files.")
def test(
    files: tuple[Path, ...],
    run: list["re.Pattern[str]"],
    junit: Path | None,
    features: tuple[str, ...],
    ignore_unknown_fields: bool,
) -> None:
    """Run unit tests of rules: files of `promtool test rules`, with its output and exit code."""
    from alerting.simulation.junit import junit_xml

    enabled = {name for text in features for name in text.split(",")}
    for name in sorted(enabled - set(_FEATURES)):
        echo(f"warning: no feature {name}", err=True)
    tests = _unit_tests(run, _DELAYED_NAMES in enabled, ignore_unknown_fields)
    outcomes = []
    for file in files:
        outcome = asyncio.run(tests.load(file).run())
        _print(outcome)
        outcomes.append(outcome)
    if junit is not None:
        junit.write_text(junit_xml(outcomes), encoding="utf-8")
    if any(outcome.failures for outcome in outcomes):
        sys.exit(1)


def _unit_tests(
    run: list["re.Pattern[str]"], delayed_names: bool, ignore_unknown: bool
) -> "RuleUnitTests":
    from alerting.simulation.immediate_engine import ImmediateEngine
    from alerting.simulation.unit_tests import RuleUnitTests
    from promql.engine import EngineSettings
    from promql.syntax.parser import parse
    from storage.api.samples import SampleReader

    def make_engine(reader: SampleReader, step_ms: int) -> ImmediateEngine:
        settings = EngineSettings(
            threads=1, default_step_ms=step_ms, delayed_name_removal=delayed_names
        )
        return ImmediateEngine(reader, settings)

    return RuleUnitTests(parse, make_engine, run, ignore_unknown=ignore_unknown)


def _print(outcome: "FileOutcome") -> None:
    """Print an outcome where promtool does: failures and warnings to standard error."""
    for pattern in outcome.missing:
        echo(f"  WARNING: no file match pattern {pattern}", err=True)
    if outcome.failures:
        echo("  FAILED:", err=True)
        for failure in outcome.failures:
            echo(failure, err=True)
            echo("")
    else:
        echo("  SUCCESS")
    echo("")


@rules.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--since", default="30d", show_default=True, help="How far back.")
@click.option("--interval", default="1m", show_default=True, help="Of groups that have none.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole result as JSON.")
@server_options
def backtest(address: ServerAddress, file: Path, since: str, interval: str, as_json: bool) -> None:
    """Say when the rules of a file would have fired on the samples of a server."""
    with pipes_as_files((file,)) as (read,), errors_as_messages():
        body = {"rules": read.read_text(encoding="utf-8"), "since": since, "interval": interval}
    found = call(address, lambda control: control.request("POST", "/api/rules/backtest", body=body))
    if as_json:
        click.echo(json.dumps(found))
        return
    for result in found["rules"]:
        _print_result(result)


def _print_result(result: dict[str, Any]) -> None:
    """Print what one rule would have done, and its alerts as a table."""
    title = f"{result['group']}: {result['name']}"
    if result["problem"]:
        echo(f"{title}: fails: {result['problem']}")
    if result["type"] == "recording":
        echo(f"{title}: records {result['series']:,} series")
        return
    length = format_duration(round(result["firing_s"]) * 1000)
    echo(f"{title}: fires {counted(result['fired'], 'time')}, {length} in all")
    rows = [
        (
            _local_time(each["fired_ms"]),
            "still fires" if each["resolved_ms"] is None else _local_time(each["resolved_ms"]),
            "" if each["value"] is None else f"{each['value']:.6g}",
            str(Labels.of(each["labels"]).drop({"alertname"})),
        )
        for each in result["alerts"]
    ]
    if rows:
        print_table(("fires", "ends", "value", "labels"), rows)
    if len(rows) < result["fired"]:
        echo(f"{result['fired'] - len(rows):,} more are not listed")


def _local_time(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone().isoformat(" ", "seconds")
