"""The part that the adapters share: the choice of requests, and their reports."""

from typing import Final

from redshank_middleware.reporter import RequestReporter

CONSUMER_KEY: Final = "redshank.consumer"
"""Where an application names the consumer: in ASGI's scope, WSGI's environ."""

ROUTE_KEY: Final = "redshank.route"
"""Where an application names the route's template, if its framework does not."""

CLIENT_CLOSED: Final = 499
"""The status of a request whose client went away before the response began, as nginx logs it."""


class RequestObserver:
    """Decides what of a request is reported."""

    def __init__(self, reporter: RequestReporter) -> None:
        settings = reporter.settings
        self.reporter = reporter
        self._is_enabled = reporter.is_enabled
        self._paths = frozenset(settings.excluded_paths)
        self._methods = frozenset(method.upper() for method in settings.excluded_methods)
        self._proxies, self._sends_client = settings.proxies, settings.sends_client

    def skips(self, method: str, path: str) -> bool:
        """Return whether a request is not reported."""
        return not self._is_enabled or path in self._paths or method in self._methods

    @property
    def reads_forwarded(self) -> bool:
        """Whether `client` needs `X-Forwarded-For`."""
        return self._sends_client and self._proxies > 0

    def client(self, peer: str, forwarded: str) -> str:
        """Return the client's address.

        Args:
            peer: the other end of the connection.
            forwarded: `X-Forwarded-For`. Your own proxies append to it, so only entries at its
                end are trustworthy; the client may have sent the others.
        """
        if not self._sends_client:
            return ""
        if self._proxies and forwarded:
            entries = [entry.strip() for entry in forwarded.split(",")]
            return entries[-min(self._proxies, len(entries))]
        return peer


def length_of(text: str | None) -> int | None:
    """Return a `Content-Length`, None without a valid one."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None
