"""`redshank-exporter.pyz install` and `uninstall`."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from exporter.command_line import CommandLine
from exporter.errors import ExporterError
from exporter.installation.service import ExporterInstallation, run_command
from exporter.installation.units import PROGRAM, PUSHING


def install(arguments: Sequence[str], prog: str) -> None:
    """Install this file as a service of systemd, and start it now and with the system.

    Args:
        arguments: the command line, without the command. Options that it does not know, such as
            `--no-collector.processes`, and all that follows `--` are passed to the exporter.
        prog: the words by which the user has called the command.

    Raises:
        SystemExit: the command line is wrong, or the installation fails.
    """
    parser = CommandLine(
        prog,
        "Install this file, and start it now and with the system.",
        "[OPTION OF THE EXPORTER]...",
    )
    parser.add_argument(
        "--push", metavar="URL", default="", help="Push to this server instead of being scraped."
    )
    parser.add_argument(
        "--key",
        default=os.environ.get("REDSHANK_PUSH_KEY", ""),
        help="With --push: the host's key; or in REDSHANK_PUSH_KEY.",
    )
    known, options = _split(arguments)
    given, unknown = parser.parse_known_args(known)
    installation = _installation(parser)
    if bool(given.push) != bool(given.key):
        parser.error("--push and --key belong together")
    push = {"REDSHANK_URL": given.push, "REDSHANK_PUSH_KEY": given.key} if given.push else {}
    for name, value in push.items():
        if not value.isascii() or not value.isprintable() or set(value) & set(" \"'\\$#"):
            parser.error(f"{name} has a character that no address or key has")
    try:
        units = installation.install(Path(sys.argv[0]), sys.executable, push, [*unknown, *options])
    except (ExporterError, OSError) as exc:
        parser.fail(exc)
    where = (
        f"pushes to {given.push}" if units is PUSHING else "serves http://localhost:9100/metrics"
    )
    parser.show(
        f"{units.service} runs and {where}\nremove it: {sys.executable} {PROGRAM} uninstall"
    )


def uninstall(arguments: Sequence[str], prog: str) -> None:
    """Stop the exporter and remove it with its key, its queue and its settings.

    Raises:
        SystemExit: always; with status 0 after all files are removed.
    """
    parser = CommandLine(
        prog, "Stop the exporter and remove it with its key, its queue and its settings."
    )
    parser.parse_args(arguments)
    try:
        removed = _installation(parser).uninstall()
    except (ExporterError, OSError) as exc:
        parser.fail(exc)
    parser.show("\n".join(f"removed {path}" for path in removed) or "nothing is installed")


def _split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return what precedes the first `--`, and what follows it."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    return arguments[:place], arguments[place + 1 :]


def _installation(parser: CommandLine) -> ExporterInstallation:
    if os.geteuid() != 0:
        parser.fail("only root may install or remove a service; use sudo")
    if not Path("/run/systemd/system").is_dir():
        parser.fail("systemd does not run here; start the file itself, see docs/exporter.md")
    return ExporterInstallation(Path("/"), run_command)
