"""`redshank check`: checks files and queries the way the server reads them."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.output import counted, echo, mark_parse_error
from daemon.commands.piped_files import pipes_as_files

_PROMETHEUS_SECTIONS = frozenset(
    {"global", "scrape_configs", "scrape_config_files", "rule_files", "remote_write", "remote_read"}
)


@click.group()
def check() -> None:
    """Check configuration, rule files, expositions and queries before they are used."""


@check.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
def config(file: Path | None) -> None:
    """Check a configuration file and the files it names (default: those of the server).

    A prometheus.yml is checked as `scrape-config` does.
    """
    from daemon.configuration.configuration import ConfigurationSource

    with pipes_as_files(() if file is None else (file,)) as given:
        read = next(iter(given), None)
        if read is not None and _is_prometheus_file(read):
            _check_scrape_config(read)
            return
        with errors_as_messages():
            configuration = ConfigurationSource(read).read()
    _warn(configuration.warnings)
    click.echo("the configuration is good")


def _is_prometheus_file(file: Path) -> bool:
    """Whether a file has sections that only a prometheus.yml has."""
    from model.documents import DocumentError, parse_document
    from model.process.regular_files import read_regular_text

    try:
        data = parse_document(read_regular_text(file), str(file), plain_text=True).data
    except (DocumentError, OSError, UnicodeDecodeError):
        return False
    return isinstance(data, dict) and bool(data.keys() & _PROMETHEUS_SECTIONS)


@check.command("scrape-config")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def scrape_config(file: Path) -> None:
    """Check a prometheus.yml: all its sections, the files it includes, its rule files."""
    with pipes_as_files((file,)) as (read,):
        _check_scrape_config(read)


def _check_scrape_config(file: Path) -> None:
    from daemon.configuration.configuration import HANDLED_SECTIONS, read_rules
    from model.documents import DocumentError
    from scraper.configuration.prometheus_config import load_prometheus_config
    from scraper.discovery.job_targets import job_targets

    try:
        with errors_as_messages():
            found = load_prometheus_config(file)
            rules = read_rules((), found)
    except DocumentError as exc:
        raise click.ClickException(str(exc)) from exc
    static = [job_targets(job, job.static) for job in found.jobs]
    refused = [(each.pool, each.reason) for result in static for each in result.refused]
    _warn(
        (
            *found.unhandled(HANDLED_SECTIONS),
            *rules.warnings,
            *(f"job {pool}: a target is refused: {reason}" for pool, reason in refused),
        )
    )
    targets = sum(len(result.targets) for result in static)
    click.echo(f"{len(found.jobs)} jobs, {targets} static targets, {len(rules.groups)} rule groups")


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        echo(f"warning: {warning}", err=True)


@check.command()
@click.argument("files", type=click.Path(path_type=Path, dir_okay=False), nargs=-1, required=True)
def rules(files: tuple[Path, ...]) -> None:
    """Check Prometheus rule files."""
    from alerting.rules.files import load_rule_files
    from promql.syntax.parser import parse

    with pipes_as_files(files) as given, errors_as_messages():
        groups = load_rule_files(given, parse)
    count = sum(len(group.rules) for group in groups)
    click.echo(f"{counted(len(groups), 'group')}, {counted(count, 'rule')}, all good")


@check.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def alertmanager(file: Path) -> None:
    """Check an alertmanager.yml and its templates, as `amtool check-config` does."""
    from alerting.routing.files.loader import load_routing_file

    with pipes_as_files((file,)) as (read,), errors_as_messages():
        found, _ = load_routing_file(read)
    routes = sum(1 for _ in found.route.walk())
    parts = (counted(routes, "route"), counted(len(found.integrations), "receiver"))
    click.echo(f"{', '.join(parts)}, {counted(len(found.inhibit_rules), 'inhibit rule')}, all good")


@check.command()
@click.argument("expression")
def query(expression: str) -> None:
    """Check a PromQL expression."""
    from promql.api import ParseError
    from promql.syntax.parser import parse

    try:
        parse(expression)
    except ParseError as exc:
        raise click.ClickException(mark_parse_error(str(exc), expression)) from exc
    click.echo("the query is good")


@check.command()
@click.option("--openmetrics", is_flag=True, help="The input is OpenMetrics text.")
def metrics(openmetrics: bool) -> None:
    """Check an exposition given on standard input."""
    from model.labels import Labels
    from scraper.exposition.errors import ExpositionError
    from scraper.exposition.formats import ExpositionFormat
    from scraper.exposition.parser import parse_exposition

    kind = ExpositionFormat.OPENMETRICS if openmetrics else ExpositionFormat.TEXT
    try:
        parsed = parse_exposition(sys.stdin.buffer.read(), kind)
    except ExpositionError as exc:
        raise click.ClickException(str(exc)) from exc
    if parsed.duplicates:
        count = len(parsed.samples) + len(parsed.duplicates)
        repeated = str(Labels.of(parsed.duplicates[0].pairs))[:256]
        raise click.ClickException(
            f"{len(parsed.duplicates)} of {count} samples have the series of an earlier one and"
            f" are dropped by a scrape, for example {repeated}"
        )
    click.echo(f"{len(parsed.samples)} samples, all good")
