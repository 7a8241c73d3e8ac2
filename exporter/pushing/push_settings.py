"""Where to push: from options, or from the files of the agents that Redshank replaces."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from exporter.errors import ExporterError

REPORT_PATH: Final = "/report"
WRITE_PATH: Final = "/api/v1/write"
# The path of the replaced collector's server, in place of which samples go to WRITE_PATH.
_MESSAGES_PATH: Final = "/api/metrics"


class PushSettingsError(ExporterError):
    """An option or a file does not say where to push, or with which key."""


@dataclass(frozen=True)
class PushServer:
    """The server that takes the pushes.

    Attributes:
        url: the address of the route that takes them.
        key: the host's key, or a token with the scope push.
        timeout_s: how long one request may take.
    """

    url: str
    key: str
    timeout_s: float = 10.0

    @classmethod
    def of(cls, url: str, key: str, path: str, timeout_s: float = 10.0) -> "PushServer":
        """Return the server at `url`, with `path` if the address has none.

        Raises:
            PushSettingsError: the address or the key cannot be used.
        """
        try:
            parts = urlsplit(url)
            is_usable = parts.scheme in ("http", "https") and bool(parts.hostname)
            parts.port  # noqa: B018 - raises ValueError for one that is no number.
        except ValueError as exc:
            raise PushSettingsError(f"{url!r} is not an address: {exc}") from exc
        if not is_usable or "@" in parts.netloc:
            raise PushSettingsError(f"{url!r} is not an address such as https://monitor:9190")
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise PushSettingsError("the key is missing or has characters that no key has")
        if parts.path in ("", "/") or (path == WRITE_PATH and parts.path == _MESSAGES_PATH):
            parts = parts._replace(path=path)
        return cls(urlunsplit(parts), key, timeout_s)


@dataclass(frozen=True)
class PushAgentSettings:
    """The settings of an `agent_config.json`."""

    server: PushServer
    interval_s: float


def read_agent_config(path: Path) -> PushAgentSettings:
    """Return the settings of an `agent_config.json`.

    Raises:
        PushSettingsError: the file is unreadable, or a field is missing or wrong.
    """
    try:
        fields = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise PushSettingsError(f"{path}: {exc}") from exc
    if not isinstance(fields, dict):
        raise PushSettingsError(f"{path}: is not a JSON object")
    interval_s = _number(path, fields, "report_interval_seconds", 60.0)
    server = PushServer.of(
        _text(path, fields, "api_url"), _text(path, fields, "host_key"), REPORT_PATH
    )
    return PushAgentSettings(server, interval_s)


def read_collector_config(path: Path) -> PushServer:
    """Return the server of a `config.toml` with the section `[upload_queue]`.

    `retry_attempts` is not needed: pushes wait in the queue until the server takes them.

    Raises:
        PushSettingsError: the file is unreadable, or a field is missing or wrong.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        section = tomllib.loads(path.read_text("utf-8")).get("upload_queue")
    except (OSError, ValueError) as exc:
        raise PushSettingsError(f"{path}: {exc}") from exc
    if not isinstance(section, dict):
        raise PushSettingsError(f"{path}: has no section [upload_queue]")
    timeout_s = _number(path, section, "timeout", 10.0)
    url, key = _text(path, section, "api_endpoint"), _text(path, section, "api_key")
    return PushServer.of(url, key, WRITE_PATH, timeout_s)


def default_queue(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of the queue: systemd's `StateDirectory=`, else the user's state."""
    if of_unit := environ.get("STATE_DIRECTORY", ""):
        return Path(of_unit.split(":")[0], "queue")
    of_user = environ.get("XDG_STATE_HOME", "") or str(Path.home() / ".local" / "state")
    return Path(of_user, "redshank-exporter", "queue")


def _text(path: Path, fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise PushSettingsError(f"{path}: {name} is missing or not a text")
    return value


def _number(path: Path, fields: Mapping[str, Any], name: str, default: float) -> float:
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= 86400:
        raise PushSettingsError(f"{path}: {name} is not a number of seconds up to a day")
    return float(value)
