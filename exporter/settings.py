"""Settings of an exporter."""

from __future__ import annotations

from dataclasses import dataclass, field

from exporter.collector_options import CollectorOptions
from exporter.errors import ListenError
from exporter.roots import Roots
from model.addresses import ListenAddress

DEFAULT_LISTEN = ":9100"


@dataclass(frozen=True)
class ExporterSettings:
    """The settings of an exporter: its collectors, and how it serves their metrics.

    Attributes:
        listen: `HOST:PORT`; an empty host means all addresses, port 0 any free port.
        roots: where the host's kernel files are.
        textfile_directories: directories of `*.prom` files to serve, or patterns of them.
        collector_timeout_s: how long a scrape waits for one collector; shorter than the
            scraper's own timeout, so that the other collectors' samples still arrive.
        collectors: names of the only collectors to run, empty for all.
        defaults: whether the collectors run that no option names.
        enabled: names of collectors to run besides, for example some that are off by default.
        disabled: names of collectors not to run.
        options: node_exporter's options of single collectors.
        also_listen: further addresses, in the form of `listen`.
        telemetry_path: the path of the metrics.
        own_metrics: whether a scrape includes the exporter's own metrics.
        needs_inherited: whether to refuse to start without a socket that systemd passes.
        max_requests: how many scrapes are answered at the same time, 0 for any number.
        max_connections: how many connections are served at a time; further ones wait.
        max_connections_per_client: how many of them one address may have, or one IPv6
            network of 64 bits.
        web_config_file: file with TLS and users, None for plain HTTP without a login.
        request_timeout_s: how long a client may take to send its request, and again to
            read the answer.
        idle_timeout_s: how long a connection may stay open between two requests.
    """

    listen: str = DEFAULT_LISTEN
    roots: Roots = field(default_factory=Roots)
    textfile_directories: tuple[str, ...] = ()
    collector_timeout_s: float = 5.0
    collectors: frozenset[str] = frozenset()
    defaults: bool = True
    enabled: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    options: CollectorOptions = field(default_factory=CollectorOptions)
    also_listen: tuple[str, ...] = ()
    telemetry_path: str = "/metrics"
    own_metrics: bool = True
    needs_inherited: bool = False
    max_requests: int = 40
    max_connections: int = 32
    max_connections_per_client: int = 16
    web_config_file: str | None = None
    request_timeout_s: float = 10.0
    idle_timeout_s: float = 120.0


def parse_listen(text: str) -> tuple[str, int]:
    """Return host and port of `127.0.0.1:9100`, `[::1]:9100`, `localhost:9100` or `:9100`.

    Raises:
        ListenError: the text has another form.
    """
    try:
        address = ListenAddress.parse(text)
    except ValueError as exc:
        raise ListenError(text, str(exc)) from exc
    return address.host, address.port
