"""`redshank check`: files and queries are read as the server would, and nothing is started."""

import sys
from pathlib import Path

import click


@click.group()
def check() -> None:
    """Check configuration, rule files, expositions and queries before they are used."""


@check.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def config(file: Path | None) -> None:
    """Check a configuration file (default: the one the server would read)."""
    from daemon.settings import load_settings
    from model.documents import DocumentError

    try:
        load_settings(file)
    except DocumentError as exc:
        raise click.ClickException(str(exc)) from exc
    click.echo("the configuration is good")


@check.command()
@click.argument("files", type=click.Path(path_type=Path, dir_okay=False), nargs=-1, required=True)
def rules(files: tuple[Path, ...]) -> None:
    """Check Prometheus rule files."""
    from alerting.errors import AlertingError
    from alerting.rule_files import load_rule_files
    from promql.parser import parse

    try:
        groups = load_rule_files(files, parse)
    except AlertingError as exc:
        raise click.ClickException(str(exc)) from exc
    count = sum(len(group.rules) for group in groups)
    click.echo(f"{len(groups)} groups, {count} rules, all good")


@check.command()
@click.argument("expression")
def query(expression: str) -> None:
    """Check a PromQL expression."""
    from promql.api import ParseError
    from promql.parser import parse

    try:
        parse(expression)
    except ParseError as exc:
        raise click.ClickException(str(exc)) from exc
    click.echo("the query is good")


@check.command()
@click.option("--openmetrics", is_flag=True, help="The input is OpenMetrics text.")
def metrics(openmetrics: bool) -> None:
    """Check an exposition given on standard input."""
    from scraper.errors import ExpositionError
    from scraper.exposition import parse_exposition
    from scraper.grammar import ExpositionFormat

    kind = ExpositionFormat.OPENMETRICS if openmetrics else ExpositionFormat.TEXT
    try:
        parsed = parse_exposition(sys.stdin.buffer.read(), kind)
    except ExpositionError as exc:
        raise click.ClickException(str(exc)) from exc
    click.echo(f"{len(parsed.samples)} samples, all good")
