"""`redshank host`: hosts registered with a running server."""

from typing import Any

import click

from daemon.commands.options import server_options
from daemon.commands.output import echo, print_table
from daemon.control import Control, ServerAddress, call
from model.durations import parse_duration_ms


@click.group()
def host() -> None:
    """Add, list and remove hosts."""


@host.command()
@click.argument("name")
@click.argument("host_address", metavar="[ADDRESS]", required=False)
@click.option("--label", "labels", multiple=True, metavar="NAME=VALUE", help="A target label.")
@click.option("--interval", metavar="DURATION", help="How often the host is scraped, or reports.")
@click.option("--push", is_flag=True, help="The host pushes its metrics. Prints its key, once.")
@click.option("--key", help="With --push: the key that the host's agent already has.")
@server_options
def add(
    address: ServerAddress,
    name: str,
    host_address: str | None,
    labels: tuple[str, ...],
    interval: str | None,
    key: str | None,
    *,
    push: bool,
) -> None:
    """Register a host to scrape, or one that pushes.

    ADDRESS is HOST, HOST:PORT or the complete URL of its metrics (default: NAME).
    """
    body: dict[str, Any] = {"name": name}
    if push:
        if host_address:
            raise click.BadParameter("a host that pushes has no address", param_hint="ADDRESS")
        body |= {"push": True} | ({"key": key} if key else {})
    elif key:
        raise click.BadParameter("only for a host that pushes (--push)", param_hint="--key")
    else:
        body["url"] = host_address or name
    if labels:
        body["labels"] = dict(_label(label) for label in labels)
    if interval:
        body["interval_s"] = _seconds(interval)
    added = call(address, lambda control: control.request("POST", "/api/hosts", body=body))
    if push:
        echo(f"added {added['name']}, which pushes")
        _show_key(added["key"])
    else:
        echo(f"added {added['name']}: {added['url']}")
    if "install" in added:
        click.echo("To install the exporter, run on the host:\n")
        echo(added["install"])
        if warning := added.get("install_warning"):
            echo(f"\nWarning: {warning}", err=True)


def _show_key(key: str) -> None:
    click.echo(f"host key (shown only now): {key}")


def _seconds(duration: str, option: str = "--interval") -> float:
    try:
        return parse_duration_ms(duration) / 1000
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint=option) from exc


def _label(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise click.BadParameter(f"{text!r} is not NAME=VALUE", param_hint="--label")
    return name, value


@host.command("list")
@server_options
def list_hosts(address: ServerAddress) -> None:
    """List the hosts with their state."""
    fleet = call(address, lambda control: control.request("GET", "/api/fleet"))
    print_table(
        ["name", "state", "url", "reason"],
        [
            [host["name"], host["state"], host["url"] or "(pushes)", host["reason"]]
            for host in fleet["hosts"]
        ],
    )


@host.command()
@click.argument("name")
@server_options
def remove(address: ServerAddress, name: str) -> None:
    """Stop scraping a host. Its samples stay until retention deletes them."""

    async def unregister(control: Control) -> Any:
        await control.request("DELETE", f"/api/hosts/{await _id_of(control, name)}")

    call(address, unregister)
    click.echo(f"removed {name}")


async def _id_of(control: Control, name: str) -> int:
    """Return the id of the host with this name.

    Raises:
        click.ClickException: no registered host has this name.
    """
    hosts = (await control.request("GET", "/api/fleet"))["hosts"]
    found = next((entry for entry in hosts if entry["name"] == name), None)
    if found is None:
        raise click.ClickException(f"no host is named {name!r}")
    if found["id"] is None:
        raise click.ClickException(f"{name!r} comes from the configuration; change it there")
    return int(found["id"])


@host.group()
def key() -> None:
    """Manage the keys of hosts that push."""


@key.command()
@click.argument("name")
@click.option("--key", "given", help="The new key, if the host's agent already has it.")
@click.option(
    "--overlap", default="24h", metavar="DURATION", help="How long the old key stays valid.  [24h]"
)
@server_options
def rotate(address: ServerAddress, name: str, given: str | None, overlap: str) -> None:
    """Give a host a new key; the old one stays valid for --overlap."""
    body = {"overlap_s": round(_seconds(overlap, "--overlap"))} | ({"key": given} if given else {})

    async def replace(control: Control) -> Any:
        path = f"/api/hosts/{await _id_of(control, name)}/keys"
        return await control.request("POST", path, body=body)

    _show_key(call(address, replace)["key"])


@key.command()
@click.argument("name")
@server_options
def revoke(address: ServerAddress, name: str) -> None:
    """Revoke all keys of a host at once."""

    async def end(control: Control) -> Any:
        await control.request("DELETE", f"/api/hosts/{await _id_of(control, name)}/keys")

    call(address, end)
    click.echo(f"revoked the keys of {name}")
