"""The settings of the middleware."""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

URL_VARIABLE: Final = "REDSHANK_URL"
KEY_VARIABLE: Final = "REDSHANK_API_KEY"

HEALTH_PATHS: Final = frozenset(
    {
        "/favicon.ico",
        "/health",
        "/health/",
        "/healthz",
        "/livez",
        "/metrics",
        "/ping",
        "/readyz",
    }
)
"""Probes: each comes every few seconds and would hide the requests of users in all figures."""

_PRINTABLE: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class ReporterSettings:
    """The settings of a reporter.

    Attributes:
        url: the address of the server, such as `https://monitoring.example.com`; by default
            the environment variable `REDSHANK_URL`.
        api_key: a key of the project; by default the environment variable `REDSHANK_API_KEY`.
            Without address and key the reporter does nothing.
        version: the version of the application.
        batch_size: the most requests of one batch.
        flush_interval_s: the time after which a smaller batch is sent.
        queue_size: the most requests that wait; further ones are dropped and counted.
        timeout_s: how long the server may take to answer.
        longest_backoff_s: the longest pause between two attempts while the server is away.
        exit_timeout_s: how long the end of the process waits for the last batches.
        excluded_paths: paths that are not reported.
        excluded_methods: methods that are not reported.
        secrets: regular expressions of further secrets in paths and consumers.
        proxies: how many reverse proxies of your own append to `X-Forwarded-For`. With 0 the
            client is the other end of the connection.
        sends_client: whether clients' addresses are sent. The server stores only a hash with a
            secret that changes every day.
    """

    url: str = ""
    api_key: str = ""
    version: str = ""
    batch_size: int = 500
    flush_interval_s: float = 1.0
    queue_size: int = 10_000
    timeout_s: float = 5.0
    longest_backoff_s: float = 60.0
    exit_timeout_s: float = 2.0
    excluded_paths: Collection[str] = HEALTH_PATHS
    excluded_methods: Collection[str] = frozenset({"OPTIONS"})
    secrets: tuple[str, ...] = ()
    proxies: int = 0
    sends_client: bool = True

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ValueError: a value is invalid; the message names it.
        """
        if bool(self.url) != bool(self.api_key):
            raise ValueError("set both url and api_key, or neither to report nothing")
        if self.url:
            _parsed(self.url)
        if self.api_key and not _PRINTABLE.fullmatch(self.api_key):
            raise ValueError("api_key must be printable ASCII without spaces")
        if not 1 <= self.batch_size <= 1000:
            raise ValueError("batch_size must be from 1 to 1000")
        if self.queue_size < self.batch_size:
            raise ValueError("queue_size must be at least batch_size")
        for name in ("flush_interval_s", "timeout_s", "longest_backoff_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be above 0")
        if self.proxies < 0 or self.exit_timeout_s < 0:
            raise ValueError("proxies and exit_timeout_s must not be negative")

    @property
    def address(self) -> SplitResult:
        """The parsed address of the server."""
        return _parsed(self.url)

    @staticmethod
    def of(
        url: str | None,
        api_key: str | None,
        environment: Mapping[str, str] = os.environ,
        **others: object,
    ) -> "ReporterSettings":
        """Return settings with address and key from the environment where they are None."""
        url = environment.get(URL_VARIABLE, "") if url is None else url
        api_key = environment.get(KEY_VARIABLE, "") if api_key is None else api_key
        return ReporterSettings(url.strip(), api_key.strip(), **others)  # type: ignore[arg-type]


def _parsed(url: str) -> SplitResult:
    parts = urlsplit(url)
    try:
        is_valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_valid = False
    if not is_valid or parts.username or parts.query or parts.fragment:
        raise ValueError(f"url must be like https://monitoring.example.com, not {url!r}")
    return parts
