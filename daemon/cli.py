"""The `redshank` command, whose sub-commands are the modules of `daemon.commands`.

A module is imported when its command runs, so that `redshank --help` is fast.
"""

import importlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    "demo": LazyCommand("daemon.commands.demo", "demo", "Serve a made-up week of data."),
    "exporter": LazyCommand("exporter.command", "exporter", "Serve this host's metrics."),
    "push": LazyCommand("exporter.pushing.command", "push", "Push a sample, or a task's end."),
    "build-exporter": LazyCommand(
        "exporter.bundle", "build_exporter", "Write the exporter as one file."
    ),
    "host": LazyCommand("daemon.commands.host", "host", "Add, list and remove hosts."),
    "user": LazyCommand("daemon.commands.user", "user", "Manage accounts and passwords."),
    "check": LazyCommand("daemon.commands.check", "check", "Check files before using them."),
    "rules": LazyCommand("daemon.commands.rules", "rules", "Unit-test and back-test rules."),
    "alerting": LazyCommand("daemon.commands.alerting", "alerting", "Test routes of alerts."),
    "query": LazyCommand("daemon.commands.query", "query", "Run a PromQL query."),
    "cert": LazyCommand("daemon.commands.cert", "cert", "Issue certificates for hosts."),
    "reload": LazyCommand("daemon.commands.reload", "reload", "Apply a changed configuration."),
    "store": LazyCommand("daemon.commands.store", "store", "Work with the store's samples."),
    "backup": LazyCommand("daemon.commands.backup", "backup", "Write everything to a tar file."),
    "restore": LazyCommand("daemon.commands.backup", "restore", "Restore a backup."),
    "events": LazyCommand("daemon.commands.events", "events", "Export, import, erase events."),
    "ingest-traces": LazyCommand(
        "daemon.commands.ingest_traces", "ingest_traces", "Send coding agents' traces."
    ),
    "doctor": LazyCommand("daemon.commands.doctor", "doctor", "Find faults and remedies."),
}


# Packages that structlog imports with itself if they are installed, for tracebacks in colour.
_UNUSED_OPTIONAL_PACKAGES = ("rich", "better_exceptions")


@contextmanager
def _without_unused_packages() -> Iterator[None]:
    """Hide packages that structlog would import and our logs never use.

    Development tools install rich. With it the server would take 4 MB more than it takes
    where only its own dependencies are installed.
    """
    hidden = [name for name in _UNUSED_OPTIONAL_PACKAGES if name not in sys.modules]
    # Python's way to say that a module is not installed.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


class UnparsedCommand(click.Command):
    """A command of the exporter, which parses its arguments itself: it also runs without click.

    Args:
        name: its name.
        function: runs it with its arguments and the words by which the user has called it.
    """

    def __init__(self, name: str, function: Callable[[Sequence[str], str], None]) -> None:
        super().__init__(name, add_help_option=False)
        self._function = function

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the arguments as they are."""
        ctx.args = list(args)
        return []

    def invoke(self, ctx: click.Context) -> None:
        """Run the command."""
        self._function(ctx.args, ctx.command_path)


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
        with _without_unused_packages():
            command = getattr(importlib.import_module(place.module), place.attribute)
        return command if isinstance(command, click.Command) else UnparsedCommand(cmd_name, command)

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
