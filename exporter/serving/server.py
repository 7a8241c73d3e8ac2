"""Constructs the exporter and runs it until it is stopped."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol

from exporter.errors import ListenError, WebConfigFileError
from exporter.gathering import catalogue
from exporter.gathering.garbage import rare_garbage_collection
from exporter.gathering.gatherer import Gatherer
from exporter.gathering.self_metrics import SelfMetrics
from exporter.logs import Log
from exporter.serving.encoding import Encoder
from exporter.serving.gate import ClientGate, OpenGate
from exporter.serving.handler import Handler
from exporter.serving.listener import Listener
from exporter.settings import ExporterSettings, parse_listen
from exporter.version import version
from model.clock import Clock, system_clock
from model.process.sd_notify import sd_notify, watchdog_interval_s

log = Log(__name__)

# How long open requests may take to end once the exporter stops.
_GRACE_S = 5.0


class Exporter:
    """An exporter; it binds its address at once and serves while its context is entered.

    Args:
        settings: what to collect and how to serve it.
        clock: the time that `node_time_seconds` reports.
        inherited: a socket that listens already, in place of `settings.listen`.

    Raises:
        ListenError: the address is malformed, in use, or not an address of this host.
        WebConfigFileError: the web configuration file is invalid.
        UnknownCollectorError: an enabled or disabled collector does not exist.
        PatternError: an exclusion is not a regular expression.
    """

    def __init__(
        self,
        settings: ExporterSettings,
        clock: Clock = system_clock,
        inherited: socket.socket | None = None,
    ) -> None:
        gatherer = Gatherer(catalogue.build(settings, clock), settings.collector_timeout_s)
        self_metrics = SelfMetrics(version(), gatherer.stuck)
        if settings.own_metrics:
            gatherer.always = (self_metrics,)
        gate = _gate(settings)
        handler = Handler.bound(settings, gatherer, Encoder(), self_metrics, gate)
        if settings.needs_inherited and inherited is None:
            raise ListenError("systemd", "it passes no socket; remove --web.systemd-socket")
        if settings.also_listen and inherited is not None:
            raise ListenError(
                settings.also_listen[0], "systemd passes the socket; remove the option"
            )
        self._listeners: list[Listener] = []
        try:
            for listen in (settings.listen, *settings.also_listen):
                self._listeners.append(
                    Listener(
                        parse_listen(listen),
                        handler,
                        settings.max_connections,
                        settings.max_connections_per_client,
                        gate,
                        inherited,
                    )
                )
        except ListenError:
            for listener in self._listeners:
                listener.server_close()
            raise

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that the exporter listens on, the first if there are several."""
        return self.addresses[0]

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Every host and port that the exporter listens on."""
        found = [listener.server_address[:2] for listener in self._listeners]
        return [(str(host), int(port)) for host, port in found]

    @property
    def is_alive(self) -> bool:
        """Whether the exporter still accepts connections."""
        return all(listener.is_alive for listener in self._listeners)

    def __enter__(self) -> Exporter:
        for listener in self._listeners:
            listener.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for listener in self._listeners:
            listener.stop(_GRACE_S)


def _gate(settings: ExporterSettings) -> ClientGate:
    if settings.web_config_file is None:
        return OpenGate()
    # Imported here: most exporters serve plain HTTP in a trusted network.
    from exporter.serving.web_gate import WebGate
    from model.web_config.errors import WebConfigError

    try:
        return WebGate(Path(settings.web_config_file))
    except WebConfigError as exc:
        raise WebConfigFileError(str(exc)) from exc


class Stop(Protocol):
    """A condition to stop on: a threading.Event, or `StopSignals`."""

    def wait(self, timeout_s: float | None, /) -> bool:
        """Return whether to stop, after at most `timeout_s`; None waits until then."""


def serve(
    settings: ExporterSettings,
    stop: Stop,
    ready: Callable[[str, int], None] | None = None,
    clock: Clock = system_clock,
    inherited: socket.socket | None = None,
) -> None:
    """Serve until `stop`; blocks. Notify systemd of start, life and end.

    Args:
        settings: what to collect and how to serve it.
        stop: the condition to stop on.
        ready: called with host and port once connections are accepted.
        clock: the time that `node_time_seconds` reports.
        inherited: a socket that listens already, in place of `settings.listen`.

    Raises:
        ListenError: the address is malformed, in use, or not an address of this host.
        UnknownCollectorError: an enabled or disabled collector does not exist.
        PatternError: an exclusion is not a regular expression.
    """
    with Exporter(settings, clock, inherited) as exporter, rare_garbage_collection():
        for host, port in exporter.addresses:
            log.info("exporter_listening", host=host, port=port)
        host, port = exporter.address
        if ready is not None:
            ready(host, port)
        sd_notify("READY=1")
        interval_s = watchdog_interval_s()
        while not stop.wait(interval_s):
            if exporter.is_alive:
                sd_notify("WATCHDOG=1")
        sd_notify("STOPPING=1")
    log.info("exporter_stopped")
