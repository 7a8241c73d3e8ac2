"""`redshank-exporter.pyz install` and `uninstall`."""

import os
import sys
from pathlib import Path

import click

from exporter.errors import ExporterError
from exporter.installation.service import ExporterInstallation, run_command
from exporter.installation.units import PROGRAM, PUSHING


@click.group()
def installer() -> None:
    """Install the exporter as a service of systemd, or remove it."""


@installer.command(context_settings={"ignore_unknown_options": True})
@click.option("--push", "url", default="", help="Push to this server instead of being scraped.")
@click.option("--key", envvar="REDSHANK_PUSH_KEY", default="", help="With --push: the host's key.")
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def install(url: str, key: str, options: tuple[str, ...]) -> None:
    """Install this file, and start it now and with the system.

    OPTIONS are those of the exporter, such as --no-collector.processes.
    """
    installation = _installation()
    if bool(url) != bool(key):
        raise click.UsageError("--push and --key belong together")
    push = {"REDSHANK_URL": url, "REDSHANK_PUSH_KEY": key} if url else {}
    for name, value in push.items():
        if not value.isascii() or not value.isprintable() or set(value) & set(" \"'\\$#"):
            raise click.UsageError(f"{name} has a character that no address or key has")
    try:
        units = installation.install(Path(sys.argv[0]), sys.executable, push, options)
    except (ExporterError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc
    where = f"pushes to {url}" if units is PUSHING else "serves http://localhost:9100/metrics"
    click.echo(f"{units.service} runs and {where}")
    click.echo(f"remove it: {sys.executable} {PROGRAM} uninstall")


@installer.command()
def uninstall() -> None:
    """Stop the exporter and remove it with its key, its queue and its settings."""
    try:
        removed = _installation().uninstall()
    except (ExporterError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc
    for path in removed:
        click.echo(f"removed {path}")
    if not removed:
        click.echo("nothing is installed")


def _installation() -> ExporterInstallation:
    if os.geteuid() != 0:
        raise click.ClickException("only root may install or remove a service; use sudo")
    if not Path("/run/systemd/system").is_dir():
        raise click.ClickException(
            "systemd does not run here; start the file itself, see docs/exporter.md"
        )
    return ExporterInstallation(Path("/"), run_command)
