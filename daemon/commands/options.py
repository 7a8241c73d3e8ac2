"""Command line options that several commands share."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from daemon.control import ServerAddress
from daemon.data_directory import DataDirectory


def default_data_directory() -> Path:
    """Return `$STATE_DIRECTORY` under systemd, `./data` elsewhere."""
    return Path(os.environ.get("STATE_DIRECTORY", "data"))


data_directory_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="REDSHANK_DATA_DIR",
    help="Where everything is kept.  [default: ./data, or systemd's StateDirectory]",
)


def server_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that name a server; it receives `address`."""

    @click.option("--url", envvar="REDSHANK_URL", help="A server elsewhere, with --token.")
    @click.option("--token", envvar="REDSHANK_TOKEN", help="Bearer token of that server.")
    @data_directory_option
    @functools.wraps(function)
    def wrapper(*, url: str | None, token: str | None, data_dir: Path | None, **rest: Any) -> Any:
        directory = DataDirectory(data_dir or default_data_directory())
        return function(address=ServerAddress(directory, url, token), **rest)

    return wrapper
