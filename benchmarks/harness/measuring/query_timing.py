"""Times one query on several servers in turn."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.harness.measuring.query_client import Client, TimedQuery

_LEAST_S = 10.0


@dataclass(frozen=True, slots=True)
class QueryTiming:
    """The cost of one query on one server.

    Attributes:
        median_ms: from the request to the last byte.
        cpu_ms: the server's CPU time per request.
        size_bytes: the size of the body.
    """

    median_ms: float
    cpu_ms: float
    size_bytes: int


def time_query(
    clients: Sequence[Client], query: TimedQuery, repeats: int
) -> Mapping[str, QueryTiming]:
    """Send a query to each server in turn; return the timings by contender key.

    At least `repeats` times and for `_LEAST_S`: the speed of a shared machine may double
    from one second to the next, so that a shorter measurement says little.

    Raises:
        BenchmarkError: a server does not answer.
    """
    # The first request warms the caches, as the refresh of a dashboard finds them.
    sizes = {client.contender.key: len(client.ask(query)) for client in clients}
    used_before = {client.contender.key: client.contender.usage().cpu_s for client in clients}
    waits_s: dict[str, list[float]] = {client.contender.key: [] for client in clients}
    done, until_s = 0, time.perf_counter() + _LEAST_S
    while done < repeats or time.perf_counter() < until_s:
        done += 1
        for client in clients:
            begun_s = time.perf_counter()
            client.ask(query)
            waits_s[client.contender.key].append(time.perf_counter() - begun_s)
    return {
        client.contender.key: QueryTiming(
            statistics.median(waits_s[client.contender.key]) * 1000,
            (client.contender.usage().cpu_s - used_before[client.contender.key]) * 1000 / done,
            sizes[client.contender.key],
        )
        for client in clients
    }
