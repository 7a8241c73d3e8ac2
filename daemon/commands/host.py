"""`redshank host`: the registered hosts of a running server."""

from typing import Any

import click

from daemon.commands.options import server_options
from daemon.control import Control, ServerAddress, call
from daemon.output import print_table
from model.durations import parse_duration_ms


@click.group()
def host() -> None:
    """Add, list and remove hosts."""


@host.command()
@click.argument("name")
@click.argument("host_address", metavar="[ADDRESS]", required=False)
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A target label.")
@click.option("--interval", metavar="DURATION", help="How often to scrape, such as 30s.")
@server_options
def add(
    address: ServerAddress,
    name: str,
    host_address: str | None,
    labels: tuple[str, ...],
    interval: str | None,
) -> None:
    """Register a host and start to scrape it.

    ADDRESS is HOST, HOST:PORT or the whole URL of its metrics; without one, NAME is it.
    """
    body: dict[str, Any] = {"name": name, "url": host_address or name}
    if labels:
        body["labels"] = dict(_label(label) for label in labels)
    if interval:
        body["interval_s"] = _seconds(interval)

    async def register(control: Control) -> Any:
        return await control.request("POST", "/api/hosts", body=body)

    added = call(address, register)
    click.echo(f"added {added['name']}: {added['url']}")


def _seconds(duration: str) -> float:
    try:
        return parse_duration_ms(duration) / 1000
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint="--interval") from exc


def _label(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--label")
    return name, value


@host.command("list")
@server_options
def list_hosts(address: ServerAddress) -> None:
    """List the hosts with how they are."""

    async def fetch(control: Control) -> Any:
        return await control.request("GET", "/api/fleet")

    hosts = call(address, fetch)["hosts"]
    print_table(
        ["name", "state", "url", "reason"],
        [[host["name"], host["state"], host["url"], host["reason"]] for host in hosts],
    )


@host.command()
@click.argument("name")
@server_options
def remove(address: ServerAddress, name: str) -> None:
    """Stop scraping a host; what was stored stays until retention drops it."""

    async def unregister(control: Control) -> Any:
        hosts = (await control.request("GET", "/api/fleet"))["hosts"]
        found = next((entry for entry in hosts if entry["name"] == name), None)
        if found is None:
            raise click.ClickException(f"no host is named {name!r}")
        if found["id"] is None:
            raise click.ClickException(f"{name!r} comes from the configuration; remove it there")
        await control.request("DELETE", f"/api/hosts/{found['id']}")

    call(address, unregister)
    click.echo(f"removed {name}")
