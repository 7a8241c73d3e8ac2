"""The registered hosts, and which of them are up."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from alerting.evaluation.queries import instant_vector
from model.labels import Labels
from promql.api import QueryEngine

HostKey = tuple[str, str]
"""A host's `job` and `instance`."""
ListHosts = Callable[[], Iterable[tuple[str, str, str]]]
"""Returns the name, job and instance of every registered host."""

NOT_SCRAPED = "not scraped since the server started"
NOT_UP = "the host is not up"


def host_of(labels: Labels) -> HostKey:
    """Return the host of a series or an alert."""
    return labels.get("job"), labels.get("instance")


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """The hosts at the time of one evaluation.

    Attributes:
        names: the names of all registered hosts.
        up: the value of `up` of each host that has been scraped since the server started.
        labels: the target labels of each host that has a series `up`.
    """

    names: Mapping[HostKey, str]
    up: Mapping[HostKey, float]
    labels: Mapping[HostKey, Labels]

    def absence(self, host: HostKey) -> str:
        """Return why a host has no current metrics, "" if it has."""
        if host not in self.up:
            return NOT_SCRAPED
        return "" if self.up[host] == 1 else NOT_UP


class HostWatcher:
    """Reads `up`, and leaves out the samples from before the server started."""

    def __init__(self, engine: QueryEngine, hosts: ListHosts, started_ms: int) -> None:
        self._engine, self._hosts, self._started_ms = engine, hosts, started_ms
        self._scraped: set[HostKey] = set()

    async def snapshot(self, now_ms: int) -> HostSnapshot:
        """Return the hosts as they are now.

        Raises:
            PromQLError: a query fails.
        """
        names = {(job, instance): name for name, job, instance in self._hosts()}
        vector = await instant_vector(self._engine, "up", now_ms)
        found = {host_of(labels): row for row, labels in enumerate(vector.labels)}
        up = {host: float(vector.values[row]) for host, row in found.items() if host in names}
        if not up.keys() <= self._scraped:
            # A sample from before the start says nothing about the host now.
            stamps = await instant_vector(self._engine, "timestamp(up)", now_ms)
            fresh = np.flatnonzero(stamps.values * 1000 >= self._started_ms)
            self._scraped.update(host_of(stamps.labels[row]) for row in fresh.tolist())
        self._scraped &= names.keys()
        return HostSnapshot(
            names,
            {host: value for host, value in up.items() if host in self._scraped},
            {host: vector.labels[found[host]] for host in up},
        )
