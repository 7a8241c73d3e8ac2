"""Hosts: the machines that people registered, each pulled at one URL or pushing by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from model.labels import Labels


@dataclass(frozen=True, slots=True)
class NewHost:
    """What a person gives to register a host.

    Attributes:
        name: what people call it; unique.
        url: where its exposition is, such as `http://10.0.0.5:9100/metrics`; "" for a
            host that pushes.
        labels: further target labels; `job` and `instance` among them win over the
            defaults ("node", and the URL's host:port or a pushing host's name).
        interval_s, timeout_s: None takes the server's default; how often a pushing host
            reports is then learned.
    """

    name: str
    url: str
    labels: Labels = field(default_factory=Labels)
    interval_s: float | None = None
    timeout_s: float | None = None

    @property
    def pushes(self) -> bool:
        """Whether it hands in its figures by itself."""
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
            TakenError: the name or the URL is registered already.
        """

    async def remove(self, host_id: int) -> Host:
        """Forget a host; its samples stay until retention drops them.

        Raises:
            NotFoundError: no host has this id.
        """

    async def all(self) -> Sequence[Host]:
        """Return every host, by name."""
