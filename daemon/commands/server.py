"""`redshank server`: scraper, store, alerting and UI in one process."""

from typing import TYPE_CHECKING

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.options import admin_password_from_environment, configuration_options
from daemon.data_directory import DataDirectory

if TYPE_CHECKING:
    from daemon.configuration.configuration import ConfigurationSource


@click.command()
@configuration_options
def server(source: "ConfigurationSource", directory: DataDirectory) -> None:
    """Run the server: scraper, store, alerting, UI and API."""
    from daemon.server.server import ServerPlan, run

    with errors_as_messages():
        run(ServerPlan(source, directory, admin_password_from_environment()))
