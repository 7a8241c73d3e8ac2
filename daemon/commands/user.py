"""`redshank user`: the accounts of a running server."""

from typing import Any

import click

from daemon.commands.options import server_options
from daemon.control import Control, ServerAddress, call
from daemon.output import print_table

ROLES = ("viewer", "editor", "admin")

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
    """Manage accounts and passwords."""


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
    """Set a new password; the user's sessions and tokens end."""

    async def change(control: Control) -> Any:
        return await control.request(
            "PUT", f"/api/users/{name}/password", body={"password": password}
        )

    call(address, change)
    click.echo(f"{name} has a new password")


@user.command()
@click.argument("name")
@server_options
def remove(address: ServerAddress, name: str) -> None:
    """Remove a user with all sessions and tokens."""

    async def delete(control: Control) -> Any:
        return await control.request("DELETE", f"/api/users/{name}")

    call(address, delete)
    click.echo(f"removed {name}")
