"""Registered hosts: each is scraped at a URL, or pushes its reports."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from model.labels import Labels


@dataclass(frozen=True, slots=True)
class NewHost:
    """The fields with which a host is registered.

    Attributes:
        name: unique.
        url: the URL to scrape, such as `http://10.0.0.5:9100/metrics`; "" for a host
            that pushes.
        labels: additional target labels. `job` and `instance` replace the defaults:
            `node`, and host:port of the URL or the name of a pushing host.
        interval_s, timeout_s: None for the server's defaults. The interval of a pushing
            host is then learned from its reports.
    """

    name: str
    url: str
    labels: Labels = field(default_factory=Labels)
    interval_s: float | None = None
    timeout_s: float | None = None

    @property
    def pushes(self) -> bool:
        """Whether the host pushes its reports."""
        return not self.url


@dataclass(frozen=True, slots=True)
class Host(NewHost):
    """A registered host."""

    id: int = 0
    created_ms: int = 0


class HostRecords(Protocol):
    """The registered hosts."""

    async def add(self, host: NewHost, now_ms: int) -> Host:
        """Register a host.

        Raises:
            TakenError: the name or the URL is already registered.
        """

    async def remove(self, host_id: int) -> Host:
        """Remove a host and return it; its samples stay until their retention ends.

        Raises:
            NotFoundError: no host has this id.
        """

    async def all(self) -> Sequence[Host]:
        """Return every host, by name."""
