"""`redshank server`: the scraper, store, alerting and UI in one process."""

from pathlib import Path

import click

from daemon.commands.options import (
    admin_password_from_environment,
    config_option,
    configured,
    data_directory_option,
    listen_option,
)


@click.command()
@config_option
@data_directory_option
@listen_option
def server(config: Path | None, data_dir: Path | None, listen: str | None) -> None:
    """Run the server: scraper, store, alerting, UI and API."""
    from daemon.server import ServerPlan, run

    settings, directory = configured(config, data_dir, listen)
    run(ServerPlan(settings, directory, admin_password_from_environment()))
