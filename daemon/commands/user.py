"""`redshank user`: accounts of a running server, or offline in its data directory."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from daemon.commands.errors import errors_as_messages
from daemon.commands.options import server_options
from daemon.commands.output import print_table
from daemon.control import Control, ServerAddress, call

if TYPE_CHECKING:
    from daemon.offline_accounts import OfflineAccounts

ROLES = ("viewer", "editor", "admin")
SCOPES = ("read", "write", "push")

_password_option = click.option(
    "--password",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    envvar="REDSHANK_USER_PASSWORD",
    help="Prompted for if omitted. Other users of this machine can see command lines.",
)


@click.group()
def user() -> None:
    """Manage accounts, passwords and tokens."""


def change(
    address: ServerAddress,
    online: Callable[[Control], Awaitable[Any]],
    offline: Callable[["OfflineAccounts"], Any],
) -> Any:
    """Make a change through the server, or in the data directory if no server uses it.

    Raises:
        click.ClickException: the change is refused.
    """
    if address.url is not None:
        return call(address, online)
    from pydantic import ValidationError

    from daemon.offline_accounts import OfflineAccounts, locked_if_unused
    from web.http.validation import first_field_error

    try:
        with errors_as_messages(), locked_if_unused(address.data_directory) as is_unused:
            if is_unused:
                return offline(OfflineAccounts(address.data_directory))
    except ValidationError as exc:
        name, message = first_field_error(exc)
        raise click.ClickException(f"{name}: {message}") from exc
    return call(address, online)


def _path(name: str, rest: str = "") -> str:
    return f"/api/users/{quote(name, safe='')}{rest}"


@user.command("list")
@server_options
def list_users(address: ServerAddress) -> None:
    """List the users with their roles."""
    answer = call(address, lambda control: control.request("GET", "/api/users"))
    print_table(["name", "role"], [[each["name"], each["role"]] for each in answer["users"]])


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default="viewer", show_default=True)
@_password_option
@server_options
def add(address: ServerAddress, name: str, role: str, password: str) -> None:
    """Add a user."""
    body = {"name": name, "role": role, "password": password}
    call(address, lambda control: control.request("POST", "/api/users", body=body))
    click.echo(f"added {name} ({role})")


@user.command()
@click.argument("name")
@_password_option
@server_options
def password(address: ServerAddress, name: str, password: str) -> None:
    """Set a new password and end the user's sessions and tokens.

    Also works while the server is stopped, in case nobody can log in.
    """
    body, path = {"password": password}, _path(name, "/password")
    change(
        address,
        lambda control: control.request("PUT", path, body=body),
        lambda accounts: accounts.set_password(name, password),
    )
    click.echo(f"{name} has a new password")


@user.command()
@click.argument("name")
@click.argument("role", type=click.Choice(ROLES))
@server_options
def role(address: ServerAddress, name: str, role: str) -> None:
    """Give a user another role. The last admin keeps that role."""
    from storage.api.accounts import Role

    change(
        address,
        lambda control: control.request("PUT", _path(name, "/role"), body={"role": role}),
        lambda accounts: accounts.set_role(name, Role(role)),
    )
    click.echo(f"{name} is {role}")


@user.command()
@click.argument("name")
@server_options
def remove(address: ServerAddress, name: str) -> None:
    """Remove a user with all sessions and tokens."""
    call(address, lambda control: control.request("DELETE", _path(name)))
    click.echo(f"removed {name}")


@user.command()
@click.argument("name")
@click.option("--label", default="command line", show_default=True, help="What the token is for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("write",),
    show_default=True,
    help="What the token may do; a device needs push only. Repeatable.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True)
@server_options
def token(
    address: ServerAddress, name: str, label: str, scopes: tuple[str, ...], days: int
) -> None:
    """Create a token that acts as a user, and print it. It is not shown again."""
    body = {"label": label, "scopes": list(scopes), "lifetime_days": days}
    path = _path(name, "/tokens")
    answer = call(address, lambda control: control.request("POST", path, body=body))
    # Print the token alone, so that a script can read it.
    click.echo(answer["access_token"])


@user.command()
@click.argument("name")
@server_options
def sessions(address: ServerAddress, name: str) -> None:
    """List a user's sessions and tokens."""
    path = _path(name, "/credentials")
    answer = call(address, lambda control: control.request("GET", path))
    rows = [
        [
            str(each["id"]),
            each["kind"],
            " ".join(each["scopes"]),
            _timestamp(each["last_used_ms"]),
            _timestamp(each["expires_ms"]),
            each["label"],
        ]
        for each in answer["credentials"]
    ]
    print_table(["id", "kind", "scopes", "last used", "ends", "what"], rows)


def _timestamp(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


@user.command("end-sessions")
@click.argument("name")
@server_options
def end_sessions(address: ServerAddress, name: str) -> None:
    """End all of a user's sessions and tokens."""

    async def online(control: Control) -> Any:
        return (await control.request("DELETE", _path(name, "/credentials")))["ended"]

    ended = change(address, online, lambda accounts: accounts.end_sessions(name))
    click.echo(f"{ended} sessions and tokens of {name} ended")


@user.command("reset-second-factor")
@click.argument("name")
@server_options
def reset_second_factor(address: ServerAddress, name: str) -> None:
    """Turn a user's second factor off, if the phone and the recovery codes are lost."""
    change(
        address,
        lambda control: control.request("DELETE", _path(name, "/second-factor")),
        lambda accounts: accounts.reset_second_factor(name),
    )
    click.echo(f"{name} logs in by password alone")


@user.command("rotate-keys")
@click.option("--at-once", is_flag=True, help="End every signed token now, because the key leaked.")
@server_options
def rotate_keys(address: ServerAddress, at_once: bool) -> None:
    """Sign tokens with a new key; tokens of the old key stay valid until they expire."""
    body = {"at_once": at_once}
    change(
        address,
        lambda control: control.request("POST", "/api/keys/rotate", body=body),
        lambda accounts: accounts.rotate_keys(at_once=at_once),
    )
    click.echo("signing with a new key" + ("; all signed tokens have ended" if at_once else ""))
