"""Registered hosts: each is scraped at a URL, or pushes its reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from model.labels import Labels
from model.targets import instance_of_url
from storage.api.errors import TakenError

IDENTITY: Final = frozenset({"job", "instance"})
"""The labels that identify a host's series; all others are tags, which may change."""


@dataclass(frozen=True, slots=True)
class NewHost:
    """The fields with which a host is registered.

    Attributes:
        name: unique.
        url: the URL to scrape, such as `http://10.0.0.5:9100/metrics`; "" for a host
            that pushes.
        labels: additional target labels. `job` and `instance` replace the defaults:
            `node`, and host:port of the URL or the name of a pushing host. A host whose
            host:port another host has is registered with its name as `instance`.
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

    @property
    def instance(self) -> str:
        """The `instance` label, which no two hosts share."""
        default = self.name if self.pushes else instance_of_url(self.url)
        return self.labels.get("instance") or default


@dataclass(frozen=True, slots=True)
class Host(NewHost):
    """A registered host."""

    id: int = 0
    created_ms: int = 0


def with_own_instance(host: NewHost, taken: Mapping[str, str]) -> NewHost:
    """Return the host with its name as `instance` if another host has its address.

    Args:
        host: the host to register.
        taken: the names of the other hosts by `instance`.

    Raises:
        TakenError: another host has the `instance` that the host asks for, or its name.
    """
    if host.instance not in taken:
        return host
    other = f"the host {taken[host.instance]!r} has it; leave it out to get the host's name"
    if host.labels.get("instance"):
        raise TakenError("host", "labels", f"instance={host.instance}", other)
    named = replace(host, labels=host.labels.overlaid(Labels.of(instance=host.name)))
    if named.instance in taken:
        raise TakenError("host", "name", host.name, "give the host an `instance` label of its own")
    return named


class HostRecords(Protocol):
    """The registered hosts."""

    async def add(self, host: NewHost, now_ms: int) -> Host:
        """Register a host.

        Raises:
            TakenError: another host has the name, the URL or the `instance` label already.
        """

    async def remove(self, host_id: int) -> Host:
        """Remove a host and return it; its samples stay until their retention ends.

        Raises:
            NotFoundError: no host has this id.
        """

    async def relabel(self, host_id: int, labels: Labels) -> Host:
        """Give a host other tags and return it; `job` and `instance` stay.

        Raises:
            NotFoundError: no host has this id.
        """

    async def all(self) -> Sequence[Host]:
        """Return every host, by name."""
