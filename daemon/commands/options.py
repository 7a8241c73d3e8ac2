"""Command line options that several commands share."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from daemon.control import ServerAddress
from daemon.data_directory import DataDirectory

if TYPE_CHECKING:
    from daemon.configuration.configuration import ConfigurationSource


def default_data_directory() -> Path:
    """Return systemd's StateDirectory where it gave one, else `./data`."""
    return Path(os.environ.get("STATE_DIRECTORY", "data"))


data_directory_option = click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="REDSHANK_DATA_DIR",
    help="Where everything is kept.  [default: ./data, or systemd's StateDirectory]",
)

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration file.  [default: ./redshank.yml, /etc/redshank/redshank.yml]",
)

listen_option = click.option(
    "--listen", metavar="HOST:PORT", help="Where the server listens.  [default: 127.0.0.1:9190]"
)


scrape_config_option = click.option(
    "--scrape-config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A prometheus.yml whose jobs and rules are run as well.",
)


def configured(
    config: Path | None, listen: str | None, scrape_config: Path | None = None
) -> "ConfigurationSource":
    """Return where the configuration comes from.

    Raises:
        click.BadParameter: a flag is wrong.
    """
    from daemon.configuration.configuration import ConfigurationSource
    from model.addresses import ListenAddress

    if listen is not None:
        try:
            ListenAddress.parse(listen)
        except ValueError as exc:
            raise click.BadParameter(str(exc), param_hint="--listen") from exc
    return ConfigurationSource(config, listen, scrape_config)


def admin_password_from_environment() -> str | None:
    """Return the first administrator's password, None to have one made."""
    return os.environ.get("REDSHANK_ADMIN_PASSWORD") or None


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
