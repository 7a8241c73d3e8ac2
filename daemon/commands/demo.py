"""`redshank demo`: a server with a made-up week of hosts, events and requests."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from daemon.commands.errors import errors_as_messages
from daemon.commands.options import admin_password_from_environment, configuration_options
from daemon.data_directory import DataDirectory

if TYPE_CHECKING:
    from daemon.configuration.configuration import ConfigurationSource
    from daemon.demo.filling import DemoWeek

_MS_PER_MINUTE = 60_000
_PARTS = 100


@click.command()
@configuration_options
@click.option("--seed", default=1, show_default=True, help="Another seed gives another week.")
@click.option("--fill-only", is_flag=True, help="Fill the data directory and do not serve it.")
def demo(
    source: "ConfigurationSource", directory: DataDirectory, seed: int, fill_only: bool
) -> None:
    """Fill a data directory with seven made-up days, then serve it.

    Six hosts, the product events of a shop and the requests of its API, with a deploy and an
    incident. The default directory is ./demo-data; a filled one is served again, and its
    hosts go on.
    """
    from daemon.demo.exporters import running_exporters
    from daemon.server.server import ServerPlan, run

    origin = click.get_current_context().get_parameter_source("directory")
    if origin is ParameterSource.DEFAULT:
        directory = DataDirectory(Path("demo-data"))
    with errors_as_messages():
        week = _filled(directory, seed)
        if fill_only:
            return
        with running_exporters(week.story, week.ports):
            run(ServerPlan(source, directory, admin_password_from_environment()))


def _filled(directory: DataDirectory, seed: int) -> "DemoWeek":
    """Return the week of a directory, after filling it if it is unused."""
    from daemon.demo.exporters import free_ports
    from daemon.demo.filling import DemoWeek, fill, week_of
    from daemon.demo.story import Story

    found = week_of(directory)
    if found is not None:
        return found
    now_ms = time.time_ns() // 1_000_000 // _MS_PER_MINUTE * _MS_PER_MINUTE
    week = DemoWeek(Story(now_ms, seed), free_ports())
    directory.create()
    with click.progressbar(length=_PARTS, label=f"filling {directory.path}") as bar:

        def show(share: float, _: str) -> None:
            bar.update(round(share * _PARTS) - bar.pos)

        fill(directory, week, show)
    return week
