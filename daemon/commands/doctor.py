"""`redshank doctor`: look at everything, and say what to do."""

import asyncio
import sys
from pathlib import Path

import click

from daemon.commands.options import (
    config_option,
    configured,
    data_directory_option,
    default_data_directory,
    listen_option,
    scrape_config_option,
)
from daemon.data_directory import DataDirectory


@click.command()
@config_option
@data_directory_option
@listen_option
@scrape_config_option
def doctor(
    config: Path | None, data_dir: Path | None, listen: str | None, scrape_config: Path | None
) -> None:
    """Find out what is wrong here: packages, configuration, databases, ports, targets, clocks.

    Ends with status 1 if anything is broken.
    """
    from daemon.doctor import Verdict, examine
    from daemon.errors import ConfigurationError

    try:
        configuration = configured(config, listen, scrape_config).read()
    except ConfigurationError as exc:
        raise click.ClickException(str(exc)) from exc
    directory = DataDirectory(data_dir or default_data_directory())
    findings = asyncio.run(examine(configuration, directory))
    colours = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}
    for finding in findings:
        verdict = click.style(f"{finding.verdict.value:<5}", fg=colours[finding.verdict])
        click.echo(f"{verdict} {finding.subject}: {finding.detail}")
        if finding.remedy:
            click.echo(f"      → {finding.remedy}")
    broken = sum(finding.verdict is Verdict.BAD for finding in findings)
    odd = sum(finding.verdict is Verdict.WARNING for finding in findings)
    click.echo(f"\n{broken} broken, {odd} to look at" if broken or odd else "\nall is well")
    sys.exit(1 if broken else 0)
