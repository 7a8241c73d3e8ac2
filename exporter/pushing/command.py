"""The command line of single samples and of cron jobs: `redshank push`."""

from __future__ import annotations

import argparse
import math
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.command_line import CommandLine

if TYPE_CHECKING:
    from exporter.pushing.push_settings import PushServer

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
# What a shell reports for a command that it cannot run, or does not find.
_NOT_RUNNABLE, _NOT_FOUND, _INTERRUPTED = 126, 127, 130


class _WordsError(Exception):
    """The words of the command line are no sample."""


def push(arguments: Sequence[str], prog: str = "redshank push") -> None:
    """Push NAME VALUE [LABEL=VALUE...], or with --run how a command ended.

    A sample that the server does not take now waits in the queue for the next push.

    Args:
        arguments: the command line, without the command.
        prog: the words by which the user has called the command.

    Raises:
        SystemExit: always; with the status of the command if one was run.
    """
    from exporter.errors import ExporterError
    from exporter.logs import configure

    parser = _parser(prog)
    given = parser.parse_args(arguments)
    words = given.words[1:] if given.words[:1] == ["--"] else given.words
    configure("logfmt", "warn")
    try:
        server = _server(given.url, given.key, given.config)
        status = 0
        if given.run:
            status, samples = _run(words)
        else:
            samples = {_metric(words): _value(words)}
        labels = {"job": "push", "instance": socket.gethostname()}
        if given.run:
            labels["task"] = given.task or Path(words[0]).name
        else:
            labels |= _labels(words[2:])
        _deliver(server, given.queue, labels, samples)
    except _WordsError as exc:
        parser.error(str(exc))
    except (ExporterError, OSError) as exc:
        parser.fail(exc)
    except KeyboardInterrupt:
        raise SystemExit(_INTERRUPTED) from None
    raise SystemExit(status)


def _parser(prog: str) -> CommandLine:
    parser = CommandLine(
        prog,
        "Push a sample, or with --run how a command ended. A sample that the server does not take "
        "now waits in the queue for the next push.",
        "NAME VALUE [LABEL=VALUE]...",
    )
    parser.add_argument(
        "--url", default=os.environ.get("REDSHANK_URL", ""), help="Address of the server."
    )
    parser.add_argument(
        "--key",
        default=os.environ.get("REDSHANK_PUSH_KEY", ""),
        help="A token with the scope push; better in REDSHANK_PUSH_KEY.",
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="A collector's config.toml, whose [upload_queue] has address and key.",
    )
    parser.add_argument("--queue", metavar="DIR", help="Directory of the queue.")
    parser.add_argument("--run", action="store_true", help="Run a command, and push how it ended.")
    parser.add_argument(
        "--task", default="", help="With --run: the task's name; default: the command's."
    )
    # All that follows the first word is the command's, options too.
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _server(url: str, key: str, config_file: str | None) -> PushServer:
    from exporter.pushing.push_settings import WRITE_PATH, PushServer, read_collector_config

    if config_file is not None:
        return read_collector_config(Path(config_file))
    return PushServer.of(url, key, WRITE_PATH)


def _deliver(
    server: PushServer,
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
    if not words:
        raise _WordsError("give --run a COMMAND")
    begun_s = time.monotonic()
    try:
        status = subprocess.run(words, check=False).returncode  # noqa: S603 - the operator's command.
    except FileNotFoundError:
        status = _NOT_FOUND
        sys.stderr.write(f"{words[0]}: command not found\n")
    except OSError as exc:
        status = _NOT_RUNNABLE
        sys.stderr.write(f"{words[0]}: {exc.strerror}\n")
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
        raise _WordsError("give NAME VALUE [LABEL=VALUE...], or --run COMMAND")
    if not _METRIC.fullmatch(words[0]):
        raise _WordsError(f"NAME: {words[0]!r} is not a metric name")
    return words[0]


def _value(words: Sequence[str]) -> float:
    try:
        value = float(words[1])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _WordsError(f"VALUE: {words[1]!r} is not a number")
    return value


def _labels(words: Sequence[str]) -> dict[str, str]:
    labels = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not _LABEL.fullmatch(name) or name.startswith("__"):
            raise _WordsError(f"{word!r} is not LABEL=VALUE")
        labels[name] = value
    return labels
