"""`redshank alerting`: what a tree of routes does with alerts, before it is used."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.output import echo
from daemon.commands.piped_files import pipes_as_files

if TYPE_CHECKING:
    from alerting.routing.configuration import RoutingConfiguration
    from alerting.routing.tree import AlertRoute

_FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.group()
def alerting() -> None:
    """Work with alerts: see what a tree of routes does with them."""


@alerting.group()
def routes() -> None:
    """Show and test the routes of an alertmanager.yml."""


def _read(file: Path) -> "RoutingConfiguration":
    from alerting.routing.files.loader import load_routing_file

    with pipes_as_files((file,)) as (read,), errors_as_messages():
        configuration, _ = load_routing_file(read)
    return configuration


@routes.command()
@_FILE
def show(file: Path) -> None:
    """Show the tree of routes."""
    for line in _lines(_read(file).route, ""):
        echo(line)


def _lines(route: "AlertRoute", indent: str) -> Iterator[str]:
    name = route.key.rpartition("/")[2] if indent else "default route"
    proceeds = "  continue" if route.proceeds else ""
    yield f"{indent}{name}  receiver: {route.receiver}{proceeds}"
    for inner in route.routes:
        yield from _lines(inner, f"{indent}  ")


@routes.command()
@_FILE
@click.argument("labels", nargs=-1)
@click.option("--verify-receivers", help="Fail unless these receivers get the alert: `a,b`.")
def test(file: Path, labels: Sequence[str], verify_receivers: str | None) -> None:
    """Name the receivers of an alert with these labels: `severity=page team=db`."""
    from model.labels import Labels

    pairs = [label.partition("=") for label in labels]
    wrong = next((label for label, each in zip(labels, pairs, strict=True) if not each[1]), None)
    if wrong is not None:
        raise click.ClickException(f"{wrong}: write a label as name=value")
    found = _read(file).route.matching(
        Labels.of((name, value.strip('"')) for name, _, value in pairs)
    )
    receivers = ",".join(route.receiver for route in found)
    echo(receivers)
    if verify_receivers is not None and verify_receivers != receivers:
        raise click.ClickException(f"expected {verify_receivers}, got {receivers}")
