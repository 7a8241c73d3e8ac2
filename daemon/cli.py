"""The `redshank` command: one sub-command a module of `daemon.commands`.

Each is imported only when it runs, so that `redshank --help` stays immediate.
"""

import importlib
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class CommandPlace:
    """Where a sub-command lives, and what the command list says of it."""

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "up": CommandPlace("daemon.commands.up", "up", "Watch this host: exporter and server."),
    "server": CommandPlace("daemon.commands.server", "server", "Run the server."),
    "exporter": CommandPlace("exporter.command", "exporter", "Expose this host's metrics."),
    "build-exporter": CommandPlace(
        "exporter.bundle", "build_exporter", "Write the exporter as one file."
    ),
    "host": CommandPlace("daemon.commands.host", "host", "Add, list and remove hosts."),
    "user": CommandPlace("daemon.commands.user", "user", "Manage accounts and passwords."),
    "check": CommandPlace("daemon.commands.check", "check", "Check files before they are used."),
    "query": CommandPlace("daemon.commands.query", "query", "Ask the server a PromQL query."),
    "reload": CommandPlace("daemon.commands.reload", "reload", "Read the configuration again."),
    "store": CommandPlace("daemon.commands.store", "store", "Work on the sample store's files."),
    "backup": CommandPlace("daemon.commands.backup", "backup", "Write everything to a tar file."),
    "restore": CommandPlace("daemon.commands.backup", "restore", "Read a backup back."),
    "doctor": CommandPlace("daemon.commands.doctor", "doctor", "Find out what is wrong here."),
}


class LazyGroup(click.Group):
    """A group that knows its commands' names and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, None if there is none of this name."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        command = getattr(importlib.import_module(place.module), place.attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - a table of our own
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command list without importing the commands."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="redshank", prog_name="redshank")
def main() -> None:
    """Redshank: the first bird to raise the alarm."""


if __name__ == "__main__":
    main()
