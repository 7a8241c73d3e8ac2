"""Which hosts there are, and which of them are up."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from alerting.queries import instant_vector
from model.labels import Labels
from promql.api import QueryEngine

HostKey = tuple[str, str]
"""A host's `job` and `instance`."""
Hosts = Callable[[], Iterable[tuple[str, str, str]]]
"""Returns the name, job and instance of every host to watch."""

NOT_SCRAPED = "not scraped since the server started"
NOT_UP = "the host is not up"


def host_of(labels: Labels) -> HostKey:
    """Return the host that a series or an alert is about."""
    return labels.get("job"), labels.get("instance")


@dataclass(frozen=True, slots=True)
class Fleet:
    """The hosts as one evaluation sees them.

    Attributes:
        names: by host.
        up: `up` of each host that has been scraped since the server started.
        labels: the target labels of the hosts that have `up`.
    """

    names: Mapping[HostKey, str]
    up: Mapping[HostKey, float]
    labels: Mapping[HostKey, Labels]

    def absence(self, host: HostKey) -> str:
        """Say why a host's metrics cannot be judged now, "" if they can."""
        if host not in self.up:
            return NOT_SCRAPED
        return "" if self.up[host] == 1 else NOT_UP


class FleetWatch:
    """Looks at `up`, and tells what was scraped since the start from what was before."""

    def __init__(self, engine: QueryEngine, hosts: Hosts, started_ms: int) -> None:
        self._engine, self._hosts, self._started_ms = engine, hosts, started_ms
        self._scraped: set[HostKey] = set()

    async def look(self, now_ms: int) -> Fleet:
        """Return the hosts as they are now.

        Raises:
            PromQLError: the engine cannot answer.
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
        return Fleet(
            names,
            {host: value for host, value in up.items() if host in self._scraped},
            {host: vector.labels[found[host]] for host in up},
        )
