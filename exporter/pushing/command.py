"""The command line of single samples and of cron jobs: `redshank push`."""

import math
import re
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from exporter.pushing.push_settings import PushServer

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# What a shell reports for a command that it cannot run, or does not find.
_NOT_RUNNABLE, _NOT_FOUND = 126, 127


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--url", envvar="REDSHANK_URL", default="", help="Address of the server.")
@click.option("--key", envvar="REDSHANK_PUSH_KEY", default="", help="A token with the scope push.")
@click.option(
    "--config",
    "config_file",
    type=click.Path(dir_okay=False),
    help="A collector's config.toml, whose [upload_queue] has address and key.",
)
@click.option("--queue", "queue_directory", type=click.Path(file_okay=False), default=None)
@click.option("--run", "runs", is_flag=True, help="Run a command, and push how it ended.")
@click.option("--task", default="", help="With --run: the task's name; default: the command's.")
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
def push(
    url: str,
    key: str,
    config_file: str | None,
    queue_directory: str | None,
    runs: bool,
    task: str,
    words: tuple[str, ...],
) -> None:
    """Push NAME VALUE [LABEL=VALUE...], or with --run how a command ended.

    A sample that the server does not take now waits in the queue for the next push.
    """
    from exporter.errors import ExporterError
    from exporter.logs import configure

    configure("logfmt", "warn")
    try:
        server = _server(url, key, config_file)
        status = 0
        if runs:
            status, samples = _run(words)
        else:
            samples = {_metric(words): _value(words)}
        labels = {"job": "push", "instance": socket.gethostname()}
        if runs:
            labels["task"] = task or Path(words[0]).name
        else:
            labels |= _labels(words[2:])
        _deliver(server, queue_directory, labels, samples)
    except (ExporterError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc
    raise SystemExit(status)


def _server(url: str, key: str, config_file: str | None) -> "PushServer":
    from exporter.pushing.push_settings import WRITE_PATH, PushServer, read_collector_config

    if config_file is not None:
        return read_collector_config(Path(config_file))
    return PushServer.of(url, key, WRITE_PATH)


def _deliver(
    server: "PushServer",
    queue_directory: str | None,
    labels: Mapping[str, str],
    samples: Mapping[str, float],
) -> None:
    from exporter.pushing.delivery import QueueDelivery
    from exporter.pushing.push_queue import PushQueue, QueuedPush
    from exporter.pushing.push_settings import default_queue
    from exporter.pushing.remote_write import HEADERS, TimedSample, write_request

    now_ms = time.time_ns() // 1_000_000
    body = write_request(
        TimedSample({**labels, "__name__": name}, value, now_ms) for name, value in samples.items()
    )
    directory = Path(queue_directory) if queue_directory else default_queue().parent / "samples"
    queue = PushQueue(directory)
    queue.add(QueuedPush(body, dict(HEADERS)))
    QueueDelivery(server).drain(queue, wait=True)


def _run(words: Sequence[str]) -> tuple[int, dict[str, float]]:
    """Run a command; return its exit status and the samples about it."""
    begun_s = time.monotonic()
    try:
        status = subprocess.run(words, check=False).returncode  # noqa: S603 - the operator's command.
    except FileNotFoundError:
        status = _NOT_FOUND
        click.echo(f"{words[0]}: command not found", err=True)
    except OSError as exc:
        status = _NOT_RUNNABLE
        click.echo(f"{words[0]}: {exc.strerror}", err=True)
    if status < 0:  # A signal ended it: what a shell reports.
        status = 128 - status
    samples = {
        "redshank_task_duration_seconds": time.monotonic() - begun_s,
        "redshank_task_exit_status": float(status),
        "redshank_task_last_run_timestamp_seconds": time.time(),
    }
    if status == 0:
        samples["redshank_task_last_success_timestamp_seconds"] = time.time()
    return status, samples


def _metric(words: Sequence[str]) -> str:
    if len(words) < 2:
        raise click.UsageError("give NAME VALUE [LABEL=VALUE...], or --run COMMAND")
    if not _METRIC.fullmatch(words[0]):
        raise click.UsageError(f"NAME: {words[0]!r} is not a metric name")
    return words[0]


def _value(words: Sequence[str]) -> float:
    try:
        value = float(words[1])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise click.UsageError(f"VALUE: {words[1]!r} is not a number")
    return value


def _labels(words: Sequence[str]) -> dict[str, str]:
    labels = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not _LABEL.fullmatch(name) or name.startswith("__"):
            raise click.UsageError(f"{word!r} is not LABEL=VALUE")
        labels[name] = value
    return labels
