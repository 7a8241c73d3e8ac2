"""`redshank up`: monitors this machine, without any configuration."""

import socket
from typing import TYPE_CHECKING

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.options import (
    admin_password_from_environment,
    configuration_options,
    parse_address,
)
from daemon.data_directory import DataDirectory

if TYPE_CHECKING:
    from daemon.configuration.configuration import ConfigurationSource


@click.command()
@configuration_options
@click.option(
    "--exporter-listen",
    default="127.0.0.1:9100",
    show_default=True,
    metavar="HOST:PORT",
    help="Address that this host's exporter listens on.",
)
def up(source: "ConfigurationSource", directory: DataDirectory, exporter_listen: str) -> None:
    """Monitor this host: run its exporter and a server that scrapes it."""
    from daemon.server.server import LocalExporter, ServerPlan, run

    address = parse_address(exporter_listen, "--exporter-listen")
    if address.port == 0:
        raise click.BadParameter("name a port to scrape", param_hint="--exporter-listen")
    exporter = LocalExporter(socket.gethostname(), address)
    with errors_as_messages():
        run(ServerPlan(source, directory, admin_password_from_environment(), exporter))
