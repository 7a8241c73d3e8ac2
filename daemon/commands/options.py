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
    from model.addresses import ListenAddress


def _data_directory(_: click.Context, __: click.Parameter, path: Path | None) -> DataDirectory:
    """Return the directory of --data-dir; the default is systemd's StateDirectory or ./data."""
    return DataDirectory(path or Path(os.environ.get("STATE_DIRECTORY", "data")))


data_directory_option = click.option(
    "--data-dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="REDSHANK_DATA_DIR",
    callback=_data_directory,
    help="The data directory.  [default: ./data, or systemd's StateDirectory]",
)

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration file.  [default: ./redshank.yml, /etc/redshank/redshank.yml]",
)


def parse_address(text: str, option: str) -> "ListenAddress":
    """Return the address to listen on that an option has.

    Raises:
        click.BadParameter: the text is not an address.
    """
    from model.addresses import ListenAddress

    try:
        return ListenAddress.parse(text)
    except ValueError as exc:
        raise click.BadParameter(str(exc), param_hint=option) from exc


def configuration_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a server's configuration; the command receives `source`, `directory`."""

    @config_option
    @data_directory_option
    @click.option(
        "--listen",
        metavar="HOST:PORT",
        help="Address that the server listens on.  [default: 127.0.0.1:9190]",
    )
    @click.option(
        "--scrape-config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="A prometheus.yml whose jobs and rules run too.",
    )
    @click.option(
        "--web.config.file",
        "web_config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="File with TLS and users, in the format of Prometheus.",
    )
    @functools.wraps(function)
    def wrapper(
        *,
        config: Path | None,
        listen: str | None,
        scrape_config: Path | None,
        web_config: Path | None,
        **rest: Any,
    ) -> Any:
        from daemon.configuration.configuration import ConfigurationSource

        if listen is not None:
            parse_address(listen, "--listen")
        source = ConfigurationSource(config, listen, scrape_config, web_config)
        return function(source=source, **rest)

    return wrapper


def admin_password_from_environment() -> str | None:
    """Return the first administrator's password, None to generate one."""
    return os.environ.get("REDSHANK_ADMIN_PASSWORD") or None


def server_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that name a server; the command receives `address`."""

    @click.option("--url", envvar="REDSHANK_URL", help="URL of a server elsewhere, with --token.")
    @click.option("--token", envvar="REDSHANK_TOKEN", help="Bearer token for that server.")
    @data_directory_option
    @functools.wraps(function)
    def wrapper(
        *, url: str | None, token: str | None, directory: DataDirectory, **rest: Any
    ) -> Any:
        return function(address=ServerAddress(directory, url, token), **rest)

    return wrapper
