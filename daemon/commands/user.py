"""`redshank user`: the accounts of a server, running here or elsewhere, or at rest here."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from daemon.commands.options import server_options
from daemon.control import Control, ServerAddress, call
from daemon.output import print_table

if TYPE_CHECKING:
    from daemon.records_at_rest import RecordsAtRest

ROLES = ("viewer", "editor", "admin")
SCOPES = ("read", "write", "push")

_password_option = click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    envvar="REDSHANK_USER_PASSWORD",
    help="Asked for when not given; better not on the command line.",
)


@click.group()
def user() -> None:
    """Manage accounts, passwords and tokens."""


def change(
    address: ServerAddress,
    running: Callable[[Control], Awaitable[Any]],
    at_rest: Callable[["RecordsAtRest"], Any],
) -> Any:
    """Change something by the server, or where none runs here, in its files.

    Raises:
        click.ClickException: it is refused.
    """
    if address.url is not None:
        return call(address, running)
    from pydantic import ValidationError

    from daemon.errors import DaemonError
    from daemon.records_at_rest import RecordsAtRest, idle_directory
    from storage.api.errors import StorageError
    from web.http.errors import WebError
    from web.http.validation import first_field_error

    try:
        with idle_directory(address.data_directory) as is_idle:
            if is_idle:
                return at_rest(RecordsAtRest(address.data_directory))
    except ValidationError as exc:
        name, message = first_field_error(exc)
        raise click.ClickException(f"{name}: {message}") from exc
    except (DaemonError, StorageError, WebError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc
    return call(address, running)


def _path(name: str, rest: str = "") -> str:
    return f"/api/users/{quote(name, safe='')}{rest}"


@user.command("list")
@server_options
def list_users(address: ServerAddress) -> None:
    """List the users with their roles."""

    async def fetch(control: Control) -> Any:
        return await control.request("GET", "/api/users")

    users = call(address, fetch)["users"]
    print_table(["name", "role"], [[u["name"], u["role"]] for u in users])


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@_password_option
@server_options
def add(address: ServerAddress, name: str, role: str, password: str) -> None:
    """Add a user."""
    body = {"name": name, "role": role, "password": password}

    async def create(control: Control) -> Any:
        return await control.request("POST", "/api/users", body=body)

    call(address, create)
    click.echo(f"added {name} ({role})")


@user.command()
@click.argument("name")
@_password_option
@server_options
def password(address: ServerAddress, name: str, password: str) -> None:
    """Set a new password; the user's sessions and tokens end.

    Works on a server that does not run, too: for when nobody can log in.
    """

    async def running(control: Control) -> Any:
        return await control.request("PUT", _path(name, "/password"), body={"password": password})

    change(address, running, lambda records: records.set_password(name, password))
    click.echo(f"{name} has a new password")


@user.command()
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@server_options
def role(address: ServerAddress, name: str, role: str) -> None:
    """Give a user another role; there is one admin always."""
    from storage.api.accounts import Role

    async def running(control: Control) -> Any:
        return await control.request("PUT", _path(name, "/role"), body={"role": role})

    change(address, running, lambda records: records.set_role(name, Role(role)))
    click.echo(f"{name} is {role}")


@user.command()
@click.argument("name")
@server_options
def remove(address: ServerAddress, name: str) -> None:
    """Remove a user with all sessions and tokens."""

    async def delete(control: Control) -> Any:
        return await control.request("DELETE", _path(name))

    call(address, delete)
    click.echo(f"removed {name}")


@user.command()
@click.argument("name")
@click.option("--label", default="command line", show_default=True, help="What it is for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("write",),
    show_default=True,
    help="What it may do; push alone is enough for a device. Repeatable.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True)
@server_options
def token(
    address: ServerAddress, name: str, label: str, scopes: tuple[str, ...], days: int
) -> None:
    """Make a token that acts as a user, and print it, this once."""
    body = {"label": label, "scopes": list(scopes), "lifetime_days": days}

    async def create(control: Control) -> Any:
        return await control.request("POST", _path(name, "/tokens"), body=body)

    # Alone on standard output, so that a script can take it.
    click.echo(call(address, create)["access_token"])


@user.command()
@click.argument("name")
@server_options
def sessions(address: ServerAddress, name: str) -> None:
    """List a user's sessions and tokens."""

    async def fetch(control: Control) -> Any:
        return await control.request("GET", _path(name, "/credentials"))

    rows = [
        [
            str(each["id"]),
            each["kind"],
            " ".join(each["scopes"]),
            _moment(each["last_used_ms"]),
            _moment(each["expires_ms"]),
            each["label"],
        ]
        for each in call(address, fetch)["credentials"]
    ]
    print_table(["id", "kind", "scopes", "last used", "ends", "what"], rows)


def _moment(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


@user.command("end-sessions")
@click.argument("name")
@server_options
def end_sessions(address: ServerAddress, name: str) -> None:
    """End all of a user's sessions and tokens."""

    async def running(control: Control) -> Any:
        return (await control.request("DELETE", _path(name, "/credentials")))["ended"]

    ended = change(address, running, lambda records: records.end_sessions(name))
    click.echo(f"{ended} sessions and tokens of {name} ended")


@user.command("reset-second-factor")
@click.argument("name")
@server_options
def reset_second_factor(address: ServerAddress, name: str) -> None:
    """Turn a user's second factor off, for when phone and recovery codes are gone."""

    async def running(control: Control) -> Any:
        return await control.request("DELETE", _path(name, "/second-factor"))

    change(address, running, lambda records: records.reset_second_factor(name))
    click.echo(f"{name} logs in by password alone")


@user.command("rotate-keys")
@click.option("--at-once", is_flag=True, help="End every signed token now, for a key that leaked.")
@server_options
def rotate_keys(address: ServerAddress, at_once: bool) -> None:
    """Sign tokens with a new key; the old one's tokens last their time."""

    async def running(control: Control) -> Any:
        return await control.request("POST", "/api/keys/rotate", body={"at_once": at_once})

    change(address, running, lambda records: records.rotate_keys(at_once=at_once))
    click.echo("signing with a new key" + ("; all signed tokens have ended" if at_once else ""))
