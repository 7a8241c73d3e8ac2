"""Puts the exporter together and serves it until it is told to stop."""

from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

import structlog
from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, ProcessCollector

from exporter.gathering import catalogue
from exporter.gathering.gathering import Gatherer
from exporter.gathering.itself import ExporterItself
from exporter.serving.handler import Handler
from exporter.serving.listener import Listener
from exporter.settings import ExporterSettings, parse_listen
from exporter.version import version
from model.clock import Clock, system_clock
from model.sd_notify import sd_notify, watchdog_interval_s

log = structlog.get_logger(__name__)

# How long requests under way may take to end once we are told to stop.
_GRACE_S = 5.0


class Exporter:
    """An exporter that listens as long as its context is entered.

    Raises:
        ListenError: its address is malformed, taken or not ours.
        UnknownCollectorError: a collector switched on or off does not exist.
        PatternError: an exclusion is no regular expression.
    """

    def __init__(self, settings: ExporterSettings, clock: Clock = system_clock) -> None:
        gatherer = Gatherer(catalogue.build(settings, clock), settings.collector_timeout_s)
        itself = ExporterItself(version(), gatherer.stuck)
        gatherer.always = (
            ProcessCollector(registry=None),
            GC_COLLECTOR,
            PLATFORM_COLLECTOR,
            itself,
        )
        handler = Handler.bound(settings, gatherer, itself)
        self._listener = Listener(parse_listen(settings.listen), handler, settings.max_connections)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port that it listens on."""
        host, port = self._listener.server_address[:2]
        return str(host), int(port)

    @property
    def is_alive(self) -> bool:
        """Whether it still accepts connections."""
        return self._listener.is_alive

    def __enter__(self) -> Self:
        self._listener.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listener.stop(_GRACE_S)


class Stop(Protocol):
    """Tells when to end."""

    def wait(self, timeout_s: float | None, /) -> bool:
        """Return whether to end, after some seconds at most; None waits until then."""


def serve(
    settings: ExporterSettings,
    stop: Stop,
    ready: Callable[[str, int], None] | None = None,
    clock: Clock = system_clock,
) -> None:
    """Serve until `stop` says so; blocks, tells systemd how it goes.

    Args:
        settings: how to serve, and what.
        stop: waits, and tells whether to end: a threading.Event, or `StopSignals`.
        ready: called with host and port once connections are accepted.
        clock: what `node_time_seconds` shows.

    Raises:
        ListenError: the address is malformed, taken or not ours.
        UnknownCollectorError: a collector switched on or off does not exist.
        PatternError: an exclusion is no regular expression.
    """
    with Exporter(settings, clock) as exporter:
        host, port = exporter.address
        log.info("exporter_listening", host=host, port=port)
        if ready is not None:
            ready(host, port)
        sd_notify("READY=1")
        interval_s = watchdog_interval_s()
        while not stop.wait(interval_s):
            if exporter.is_alive:
                sd_notify("WATCHDOG=1")
        sd_notify("STOPPING=1")
    log.info("exporter_stopped")
