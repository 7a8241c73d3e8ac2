"""`redshank server`: the scraper, store, alerting and UI in one process."""

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
def server(
    config: Path | None, data_dir: Path | None, listen: str | None, scrape_config: Path | None
) -> None:
    """Run the server: scraper, store, alerting, UI and API."""
    from daemon.server.server import ServerPlan, run

    source = configured(config, listen, scrape_config)
    directory = DataDirectory(data_dir or default_data_directory())
    run(ServerPlan(source, directory, admin_password_from_environment()))
