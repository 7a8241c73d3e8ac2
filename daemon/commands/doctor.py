"""`redshank doctor`: examines everything and says what to do."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.options import configuration_options
from daemon.data_directory import DataDirectory
from model.process.terminal_text import escape_controls

if TYPE_CHECKING:
    from daemon.configuration.configuration import ConfigurationSource


@click.command()
@configuration_options
def doctor(source: "ConfigurationSource", directory: DataDirectory) -> None:
    """Find faults in packages, configuration, databases, ports, targets and clocks.

    Ends with status 1 if anything is broken.
    """
    from daemon.doctor.examination import examine
    from daemon.doctor.findings import Verdict

    with errors_as_messages():
        findings = asyncio.run(examine(source, directory))
    colours = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}
    for finding in findings:
        verdict = click.style(f"{finding.verdict.value:<5}", fg=colours[finding.verdict])
        remedy = f" → {finding.remedy}" if finding.remedy else ""
        click.echo(f"{verdict} " + escape_controls(f"{finding.subject}: {finding.detail}{remedy}"))
    broken = sum(finding.verdict is Verdict.BAD for finding in findings)
    warnings = sum(finding.verdict is Verdict.WARNING for finding in findings)
    summary = f"{broken} broken, {warnings} to look at" if broken or warnings else "all is well"
    click.echo(f"\n{summary}")
    sys.exit(1 if broken else 0)
