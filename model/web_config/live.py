"""A web configuration that follows its files: certificates are renewed without a restart."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from model.web_config.errors import WebConfigError
from model.web_config.settings import WebConfig
from model.web_config.tls import server_context

Stamp = tuple[tuple[int, int, int], ...]
"""Inode, size and time of change of each file."""


@dataclass(frozen=True)
class CurrentWebConfig:
    """A valid configuration, and the SSL contexts made of it.

    Attributes:
        context: of HTTP/1.1; None without TLS.
        http2_context: of HTTP/2; None unless it is served, with TLS.
    """

    config: WebConfig
    context: ssl.SSLContext | None
    stamp: Stamp
    http2_context: ssl.SSLContext | None = None


class LiveWebConfig:
    """The web configuration that is in force; any thread may use it.

    Args:
        name: the file or section, for messages.
        read: returns the configuration; blocks, and raises WebConfigError.
        files: the files that `read` reads.
        http2: whether HTTP/2 is served, too.

    Raises:
        WebConfigError: the configuration is invalid.
    """

    def __init__(
        self,
        name: str,
        read: Callable[[], WebConfig],
        files: tuple[Path, ...],
        *,
        http2: bool = False,
    ) -> None:
        self._name, self._read, self._files = name, read, files
        self._http2 = http2
        self._lock = threading.Lock()
        self._refused = ""
        self.current = self._load()

    @property
    def serves_tls(self) -> bool:
        """Whether the server speaks TLS."""
        return self.current.context is not None

    def refresh(self) -> bool:
        """Read the files again if one has changed; return whether something did; blocks.

        Raises:
            WebConfigError: the new configuration is invalid, or would switch TLS on or off;
                the running one stays. The same error is raised once.
        """
        with self._lock:
            tls = self.current.config.tls
            stamp = _stamp((*self._files, *(tls.files if tls else ())))
            if stamp == self.current.stamp:
                self._refused = ""
                return False
            try:
                new = self._load(self.serves_tls)
            except WebConfigError as exc:
                # A file that is missing now may appear, so each call tries again.
                if str(exc) == self._refused:
                    return False
                self._refused = str(exc)
                raise
            self.current, self._refused = new, ""
            return True

    def _load(self, serves_tls: bool | None = None) -> CurrentWebConfig:
        """Read the configuration; TLS must be on or off as before."""
        # Stamps before contents: a change in between is then seen as one.
        stamp = _stamp(self._files)
        config = self._read()
        tls = config.tls
        if serves_tls not in (None, tls is not None):
            raise WebConfigError(f"{self._name}: restart to switch TLS on or off")
        if tls is None:
            return CurrentWebConfig(config, None, stamp)
        stamp += _stamp(tls.files)
        context = server_context(tls, self._name)
        http2 = server_context(tls, self._name, "h2") if self._http2 else None
        return CurrentWebConfig(config, context, stamp, http2)


def _stamp(files: tuple[Path, ...]) -> Stamp:
    return tuple(map(_file_stamp, files))


def _file_stamp(file: Path) -> tuple[int, int, int]:
    try:
        status = file.stat()
    except OSError:
        return (0, 0, 0)
    return status.st_ino, status.st_size, status.st_mtime_ns
