"""Runs a command line of the exporter in this process."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NamedTuple


class EndedCommand(NamedTuple):
    """How a command ended: its exit status, and what it wrote to both streams."""

    status: int
    output: str


def ended(command: Callable[..., Any], *arguments: str) -> EndedCommand:
    output = io.StringIO()
    status: Any = 0
    with redirect_stdout(output), redirect_stderr(output):
        try:
            command(arguments)
        except SystemExit as exc:
            status = exc.code or 0
    return EndedCommand(status, output.getvalue())
