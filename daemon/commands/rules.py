"""`redshank rules`: unit tests of alerting and recording rules."""

import asyncio
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.commands.output import echo

if TYPE_CHECKING:
    from alerting.simulation.outcomes import FileOutcome
    from alerting.simulation.unit_tests import RuleUnitTests

_DELAYED_NAMES = "promql-delayed-name-removal"
_FEATURES = ("promql-experimental-functions", _DELAYED_NAMES)


@click.group()
def rules() -> None:
    """Test rules before they are used."""


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
