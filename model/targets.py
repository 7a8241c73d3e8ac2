"""Targets: the endpoints and hosts that are monitored, and their state.

A scraped endpoint and a host that pushes are both targets, so that pages, checks and the
API need not distinguish them.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

from model.labels import Labels

HOST_JOB = "node"
"""The `job` label of registered hosts that set none themselves."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


def instance_of_url(url: str) -> str:
    """Return the `instance` label of a URL: its host and port.

    Raises:
        ValueError: its port is not a number.
    """
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)}"


class Health(StrEnum):
    """The result of a target's last scrape; the values are Prometheus's."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Target:
    """One monitored endpoint or host.

    Attributes:
        url: the full URL of its exposition; "" for a host that pushes.
        labels: the target's labels, including `job` and `instance`.
        interval_s: time between scrapes or reports.
        timeout_s: longest duration of one scrape.
        discovered: labels before relabelling, for example `__address__`.
        host: name of the machine, None if the target is not a machine. Machines have a
            row in the fleet table and host checks.
        host_id: the record of a registered host, None for any other target.
        pool: name of the scrape configuration, "" if it equals the `job` label.
        refused: why the target is shown as down without a scrape, "" if it is scraped.
    """

    url: str
    labels: Labels
    interval_s: float
    timeout_s: float
    discovered: Labels = field(default_factory=Labels)
    host: str | None = None
    host_id: int | None = None
    pool: str = ""
    refused: str = ""

    @property
    def scrape_pool(self) -> str:
        """The name of the scrape configuration that defines the target."""
        return self.pool or self.job

    @property
    def job(self) -> str:
        """The `job` label."""
        return self.labels.get("job")

    @property
    def instance(self) -> str:
        """The `instance` label."""
        return self.labels.get("instance")


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """The state of one target.

    Attributes:
        health: UNKNOWN until the first scrape has ended.
        last_error: why the last scrape failed, "" if it succeeded.
        last_scrape_ms: start of the last scrape, None before the first.
        last_up_ms: start of the last successful scrape, None before the first.
        duration_s: duration of the last scrape.
        samples: number of samples of the last scrape.
        next_scrape_ms: when the next scrape is due.
        duplicates: number of samples of the last scrape that were dropped because an
            earlier one has the same series.
    """

    target: Target
    health: Health
    last_error: str
    last_scrape_ms: int | None
    last_up_ms: int | None
    duration_s: float
    samples: int
    next_scrape_ms: int
    duplicates: int = 0
