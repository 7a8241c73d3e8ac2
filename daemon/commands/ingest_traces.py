"""`redshank ingest-traces`: sends the traces of coding agents to a server.

Files are read where they lie. What leaves the machine are counts, names and times; prompts and
code only with --content.
"""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from daemon.commands.options import server_options
from daemon.control import ServerAddress, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from daemon.control import Control
    from daemon.trace_files import TraceDirectory, TraceProgress

_PATH: Final = "/api/sessions/ingest"


def _default_state() -> Path:
    import os

    home = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return home / "redshank" / "traces.json"


def _default_developer() -> str:
    """Return the address that git has for this user, else the name of the account."""
    import getpass
    import subprocess

    command = ["git", "config", "--get", "user.email"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
        name = found.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        name = ""
    try:
        return name or getpass.getuser()
    except (KeyError, OSError):
        return ""


@click.command("ingest-traces")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--developer", help="Who worked.  [default: git's user.email, else the account]")
@click.option("--team", default="", help="The team of the developer.")
@click.option(
    "--project", default="", help="The project.  [default: the directory of each session]"
)
@click.option("--content", is_flag=True, help="Send prompts and inputs of tools too.")
@click.option("--watch", is_flag=True, help="Keep running, and send what is written from now on.")
@click.option(
    "--interval",
    default=5.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    help="Of --watch, in seconds.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that remembers what has been sent.  [default: ~/.local/state/redshank/traces.json]",
)
@click.option("--again", is_flag=True, help="Send files that have been sent before, too.")
@server_options
def ingest_traces(
    address: ServerAddress,
    paths: tuple[Path, ...],
    developer: str | None,
    team: str,
    project: str,
    content: bool,
    watch: bool,
    interval: float,
    state: Path | None,
    again: bool,
) -> None:
    """Send the traces in PATHS, files or directories, to a server.

    Reads transcripts of Claude Code, Codex, Gemini CLI and opencode, OpenTelemetry files of
    Copilot, logs of LiteLLM and traces of prodlens. A request that the server knows changes
    nothing, so the command may be repeated and interrupted.
    """
    from daemon.trace_files import TraceDirectory
    from storage.api.agent_sessions.records import AgentSender

    who = developer if developer is not None else _default_developer()
    sender = AgentSender(developer=who, team=team, project=project)
    files = TraceDirectory(
        paths, sender, state or _default_state(), keeps_content=content, again=again
    )

    async def run(control: "Control") -> "TraceProgress":
        progress = await _pass(control, files)
        while watch:
            await asyncio.sleep(interval)
            await _pass(control, files, quiet=True)
        return progress

    began_s = time.monotonic()
    try:
        progress = call(address, run)
    except KeyboardInterrupt:
        click.echo("\nstopped; the next run continues here", err=True)
        raise SystemExit(130) from None
    took_s = max(time.monotonic() - began_s, 1e-9)
    click.echo(
        f"read {progress.files} files, {progress.size_bytes / 1e6:.1f} MB in {took_s:.1f} s"
        f" ({progress.skipped} unchanged, {len(progress.unknown)} in no known format):"
        f" stored {progress.stored}, completed {progress.updated}, known {progress.duplicates}"
    )
    for path in progress.unknown[:20]:
        click.echo(f"{path}: in no known format", err=True)


async def _pass(
    control: "Control", files: "TraceDirectory", *, quiet: bool = False
) -> "TraceProgress":
    """Send what has changed since the last pass."""
    from daemon.trace_files import TraceProgress

    changed = await asyncio.to_thread(files.changed)
    total = sum(size for _, size in changed)
    progress = TraceProgress(skipped=files.unchanged)
    with click.progressbar(
        length=max(total, 1), label="Reading traces", hidden=quiet or not changed
    ) as bar:
        try:
            for path, size in changed:
                await _send_file(control, files, path, progress)
                bar.update(size)
        finally:
            if changed:
                files.save()
    return progress


async def _send_file(
    control: "Control", files: "TraceDirectory", path: Path, progress: "TraceProgress"
) -> None:
    parts: Iterator[bytes] = files.read(path, progress)
    while (body := await asyncio.to_thread(next, parts, None)) is not None:
        answer: dict[str, Any] = await control.upload(_PATH, {"format": "redshank"}, body)
        progress.stored += answer["stored"]
        progress.updated += answer["updated"]
        progress.duplicates += answer["duplicates"]
    # Only what the server has acknowledged counts as sent.
    await asyncio.to_thread(files.sent, path)
