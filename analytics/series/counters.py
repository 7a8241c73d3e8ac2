"""Counters of projects, each with the labels of its series.

The number of series is bounded, whatever names and routes clients send: beyond a limit they
count under the name, route or status `other`.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from model.labels import METRIC_NAME, Labels
from storage.api.requests import NewRequest

EVENTS: Final = "redshank_events_total"
REQUESTS: Final = "redshank_requests_total"
DURATION: Final = "redshank_request_duration_seconds"
BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
OTHER: Final = "other"

NAMES_PER_PROJECT: Final = 200
ROUTES_PER_PROJECT: Final = 100
STATUSES_PER_ROUTE: Final = 20
MOST_KEYS: Final = 5_000
"""Event names and routes of all projects; further ones count under the project `other`."""

_PROJECT: Final = "project"
_BOUNDS: Final = (*map(str, BUCKETS_S), "+Inf")

_Key = tuple[str, ...]


class BoundedKeys:
    """The keys under which a project's events or requests count, `other` beyond a limit.

    Attributes:
        size: the number of keys of all projects.
    """

    def __init__(self, per_project: int, in_all: int) -> None:
        self._per_project, self._in_all = per_project, in_all
        self._known: dict[str, dict[_Key, _Key]] = {}
        self.size = 0

    def key(self, project: str, values: _Key) -> _Key:
        """Return project and values, or what they count under."""
        own = self._known.get(project)
        if own is not None and (found := own.get(values)) is not None:
            return found
        return self._add(project, values)

    def _add(self, project: str, values: _Key) -> _Key:
        other = (OTHER,) * len(values)
        own = self._known.setdefault(project, {})
        if len(own) >= self._per_project and values != other:
            return self.key(project, other)
        if self.size >= self._in_all and project != OTHER:
            if not own:
                del self._known[project]
            return self.key(OTHER, other)
        self.size += 1
        own[values] = key = (project, *values)
        return key

    def remove(self, project: str) -> None:
        """Forget a project."""
        self.size -= len(self._known.pop(project, ()))


class _RouteCounts:
    """The requests of one route and method."""

    def __init__(self) -> None:
        self.by_status: Counter[str] = Counter()
        self.by_bucket = [0.0] * len(_BOUNDS)
        self.sum_s = 0.0

    def add(self, status: int, duration_us: int) -> None:
        text = str(status)
        if text not in self.by_status and len(self.by_status) >= STATUSES_PER_ROUTE:
            text = OTHER
        self.by_status[text] += 1
        duration_s = duration_us / 1e6
        self.by_bucket[bisect_left(BUCKETS_S, duration_s)] += 1
        self.sum_s += duration_s


class ProjectCounters:
    """Counts what arrives; events and requests count once they are stored."""

    def __init__(self) -> None:
        self._names = BoundedKeys(NAMES_PER_PROJECT, MOST_KEYS)
        self._routes = BoundedKeys(ROUTES_PER_PROJECT, MOST_KEYS)
        self._events: Counter[_Key] = Counter()
        # Events by project and name whose keys are not looked up yet: once for many batches.
        self._arrived: dict[str, Counter[str]] = {}
        self._requests: dict[_Key, _RouteCounts] = {}

    def count_events(self, project: str, names: Iterable[str]) -> None:
        """Count events by the names that they have."""
        arrived = self._arrived.get(project)
        if arrived is None:
            arrived = self._arrived[project] = Counter()
        arrived.update(names)

    def _all_events(self) -> "Counter[_Key]":
        """Return the number of events by key, with those that have arrived."""
        for project, arrived in self._arrived.items():
            for name, count in arrived.items():
                self._events[self._names.key(project, (name,))] += count
        self._arrived.clear()
        return self._events

    def count_requests(self, project: str, requests: Iterable[NewRequest]) -> None:
        """Count requests."""
        for request in requests:
            route = self._route(self._routes.key(project, (request.route, request.method)))
            route.add(request.status, request.duration_us)

    def _route(self, key: _Key) -> _RouteCounts:
        found = self._requests.get(key)
        if found is None:
            found = self._requests[key] = _RouteCounts()
        return found

    @property
    def projects(self) -> Collection[str]:
        """The projects that have a counter."""
        return {key[0] for key in (*self._all_events(), *self._requests)} - {OTHER}

    def remove(self, project: str) -> None:
        """Drop the counters of a project that has been deleted."""
        self._events = Counter({k: n for k, n in self._all_events().items() if k[0] != project})
        self._requests = {k: counts for k, counts in self._requests.items() if k[0] != project}
        self._names.remove(project)
        self._routes.remove(project)

    def series(self) -> dict[Labels, float]:
        """Return every series with its value."""
        found: dict[Labels, float] = {
            _labels(EVENTS, project=project, name=name): float(count)
            for (project, name), count in self._all_events().items()
        }
        for (project, route, method), counts in self._requests.items():
            own = {_PROJECT: project, "route": route, "method": method}
            for status, count in counts.by_status.items():
                found[_labels(REQUESTS, **own, status=status)] = float(count)
            below = 0.0
            for bound, count_in_bucket in zip(_BOUNDS, counts.by_bucket, strict=True):
                below += count_in_bucket
                found[_labels(f"{DURATION}_bucket", **own, le=bound)] = below
            found[_labels(f"{DURATION}_count", **own)] = below
            found[_labels(f"{DURATION}_sum", **own)] = counts.sum_s
        return found

    def restore(self, series: Mapping[Labels, float]) -> None:
        """Add values that were stored, so that no counter falls after a restart."""
        buckets: dict[_Key, list[float]] = {}
        for labels, value in series.items():
            self._restore(dict(labels), value, buckets)
        for key, cumulative in buckets.items():
            counts = self._route(key)
            own = (
                after - before
                for before, after in zip((0.0, *cumulative), cumulative, strict=False)
            )
            counts.by_bucket = [one + more for one, more in zip(counts.by_bucket, own, strict=True)]

    def _restore(
        self, labels: Mapping[str, str], value: float, buckets: dict[_Key, list[float]]
    ) -> None:
        metric, project = labels[METRIC_NAME], labels.get(_PROJECT, "")
        if metric == EVENTS:
            self._events[self._names.key(project, (labels.get("name", ""),))] += round(value)
            return
        key = self._routes.key(project, (labels.get("route", ""), labels.get("method", "")))
        if metric == REQUESTS:
            self._route(key).by_status[labels.get("status", "")] += round(value)
        elif metric == f"{DURATION}_sum":
            self._route(key).sum_s += value
        elif labels.get("le") in _BOUNDS:
            cumulative = buckets.setdefault(key, [0.0] * len(_BOUNDS))
            cumulative[_BOUNDS.index(labels["le"])] += value


def _labels(metric: str, **others: str) -> Labels:
    return Labels.of({METRIC_NAME: metric, **others})
