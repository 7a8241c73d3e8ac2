"""`redshank up`: this machine watches itself, with nothing to configure."""

import socket
from pathlib import Path

import click

from daemon.commands.options import (
    admin_password_from_environment,
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
@click.option(
    "--exporter-listen",
    default="127.0.0.1:9100",
    show_default=True,
    metavar="HOST:PORT",
    help="Where this host's exporter listens.",
)
def up(
    config: Path | None,
    data_dir: Path | None,
    listen: str | None,
    scrape_config: Path | None,
    exporter_listen: str,
) -> None:
    """Watch this host: run its exporter and a server that scrapes it."""
    from daemon.server.server import LocalExporter, ServerPlan, run
    from model.addresses import ListenAddress

    try:
        address = ListenAddress.parse(exporter_listen)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--exporter-listen") from exc
    if address.port == 0:
        raise click.BadParameter("name a port to scrape", param_hint="--exporter-listen")
    source = configured(config, listen, scrape_config)
    directory = DataDirectory(data_dir or default_data_directory())
    exporter = LocalExporter(socket.gethostname(), address)
    run(ServerPlan(source, directory, admin_password_from_environment(), exporter))
