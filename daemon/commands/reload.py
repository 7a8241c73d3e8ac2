"""`redshank reload`: a running server reads its configuration again."""

from typing import Any

import click

from daemon.commands.options import server_options
from daemon.control import Control, ServerAddress, call


@click.command()
@server_options
def reload(address: ServerAddress) -> None:
    """Read configuration, scrape configuration and rule files again.

    What did not change runs on. If something is wrong, nothing changes.
    """

    async def ask(control: Control) -> Any:
        return await control.request("POST", "/-/reload")

    waiting = call(address, ask)["restart_needed"]
    click.echo("reloaded")
    for key in waiting:
        click.echo(f"{key} changed: restart the server for it to take effect", err=True)
