"""`redshank reload`: makes a running server read its configuration again."""

import click

from daemon.commands.options import server_options
from daemon.control import ServerAddress, call


@click.command()
@server_options
def reload(address: ServerAddress) -> None:
    """Make the server read its configuration, scrape configuration and rule files again.

    Unchanged targets and rules keep running. If a file is invalid, the server keeps its
    configuration.
    """
    answer = call(address, lambda control: control.request("POST", "/-/reload"))
    click.echo("reloaded")
    for key in answer["restart_needed"]:
        click.echo(f"{key} changed: restart the server for it to take effect", err=True)
