"""The `redshank` command, whose sub-commands are the modules of `daemon.commands`.

A module is imported when its command runs, so that `redshank --help` is fast.
"""

import importlib
import os
from dataclasses import dataclass

import click


@dataclass(frozen=True, slots=True)
class LazyCommand:
    """A sub-command that is not imported yet.

    Attributes:
        summary: its line in the list of commands.
    """

    module: str
    attribute: str
    summary: str


COMMANDS = {
    "up": LazyCommand("daemon.commands.up", "up", "Monitor this host: exporter and server."),
    "server": LazyCommand("daemon.commands.server", "server", "Run the server."),
    "exporter": LazyCommand("exporter.command", "exporter", "Serve this host's metrics."),
    "build-exporter": LazyCommand(
        "exporter.bundle", "build_exporter", "Write the exporter as one file."
    ),
    "host": LazyCommand("daemon.commands.host", "host", "Add, list and remove hosts."),
    "user": LazyCommand("daemon.commands.user", "user", "Manage accounts and passwords."),
    "check": LazyCommand("daemon.commands.check", "check", "Check files before using them."),
    "query": LazyCommand("daemon.commands.query", "query", "Run a PromQL query."),
    "cert": LazyCommand("daemon.commands.cert", "cert", "Issue certificates for hosts."),
    "reload": LazyCommand("daemon.commands.reload", "reload", "Apply a changed configuration."),
    "store": LazyCommand("daemon.commands.store", "store", "Work with the store's samples."),
    "backup": LazyCommand("daemon.commands.backup", "backup", "Write everything to a tar file."),
    "restore": LazyCommand("daemon.commands.backup", "restore", "Restore a backup."),
    "doctor": LazyCommand("daemon.commands.doctor", "doctor", "Find faults and remedies."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command, None if the name is unknown."""
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        command = getattr(importlib.import_module(place.module), place.attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - COMMANDS is ours.
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, place.summary) for name, place in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="redshank", prog_name="redshank")
def main() -> None:
    """Redshank: the first bird to raise the alarm."""
    # Databases, snapshots and exports hold password hashes and samples: no file that a
    # command creates is readable by other users, whatever the mode of its directory.
    os.umask(0o077)


if __name__ == "__main__":
    main()
