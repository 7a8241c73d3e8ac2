"""The store of tracked API requests, as the rest of Redshank sees it.

A request has a project, a time, a method, a route, a status and a duration. Times are Unix
milliseconds; ranges include their start and exclude their end. Durations are microseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

RouteOrder = Literal["requests", "errors", "slowest"]


@dataclass(frozen=True, slots=True)
class NewRequest:
    """A request that an application has served.

    Attributes:
        time_ms: when it began.
        method: such as GET.
        route: the route's template, such as `/users/{id}`; the path if there is none.
        path: the path as requested.
        status: the HTTP status.
        duration_us: how long it took.
        request_bytes, response_bytes: sizes of the bodies; None if unknown.
        consumer: who sent it, as the application names them; "" for nobody.
        client: a keyed hash of the client's address; "" if unknown.
        version: the version of the application; "" if unknown.
    """

    time_ms: int
    method: str
    route: str
    path: str
    status: int
    duration_us: int
    request_bytes: int | None = None
    response_bytes: int | None = None
    consumer: str = ""
    client: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class RequestSelection:
    """The requests that a report is about; None selects all.

    Attributes:
        statuses: the lowest and the highest status.
        search: a text that path, route or consumer contains, in any case.
    """

    project: int
    start_ms: int
    end_ms: int
    methods: tuple[str, ...] | None = None
    routes: tuple[str, ...] | None = None
    consumers: tuple[str, ...] | None = None
    versions: tuple[str, ...] | None = None
    statuses: tuple[int, int] | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """The figures of some requests; durations are NaN without a request.

    Attributes:
        requests: their number.
        client_errors, server_errors: those with a status of 4xx and 5xx.
        mean_us: the mean duration.
        percentiles_us: by quantile, exact, interpolated linearly.
        satisfied, tolerating: those within the Apdex target, and within four times that.
            A server error is neither.
    """

    requests: int
    client_errors: int
    server_errors: int
    mean_us: float
    percentiles_us: Mapping[float, float]
    satisfied: int
    tolerating: int


@dataclass(frozen=True, slots=True)
class RequestSeries:
    """Requests by time; every array has the shape (N,), durations NaN without a request."""

    requests: NDArray[np.int64]
    client_errors: NDArray[np.int64]
    server_errors: NDArray[np.int64]
    mean_us: NDArray[np.float64]
    p50_us: NDArray[np.float64]
    p95_us: NDArray[np.float64]
    p99_us: NDArray[np.float64]


BINS_PER_DOUBLING: Final = 8
"""As native histograms of schema 3: a bin's middle is within 4.5 % of each of its durations."""


@dataclass(frozen=True, slots=True)
class LatencyCounts:
    """Requests by time and duration.

    Bin k holds durations above `2 ** ((k - 1) / 8)` and up to `2 ** (k / 8)` microseconds; bin 0
    everything up to one. The bounds are the same for all ranges, so counts can be added.

    Attributes:
        first_bin: the number of the first bin.
        counts: shape (N, bins), from the first to the last bin with a request; no bin without one.
    """

    first_bin: int
    counts: NDArray[np.int64]


RequestProperty = Literal["status", "method", "version"]


@dataclass(frozen=True, slots=True)
class PropertyFigures:
    """The figures of the requests with one value of a property; "" stands for none."""

    value: str
    requests: int
    client_errors: int
    server_errors: int
    p50_us: float
    p95_us: float


@dataclass(frozen=True, slots=True)
class RouteFigures:
    """The figures of one route and method."""

    method: str
    route: str
    requests: int
    client_errors: int
    server_errors: int
    mean_us: float
    p50_us: float
    p95_us: float
    p99_us: float


@dataclass(frozen=True, slots=True)
class ConsumerFigures:
    """The figures of one consumer; "" stands for requests without one."""

    consumer: str
    requests: int
    errors: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request as it was stored; `sequence` is the number of its arrival."""

    sequence: int
    request: NewRequest


class RequestAppender(Protocol):
    """Stores requests."""

    async def append_requests(self, project: int, requests: Sequence[NewRequest]) -> None:
        """Store a batch; returns after the commit has been synced to disk.

        Raises:
            StorageError: nothing was stored.
        """


class RequestReader(Protocol):
    """Answers reports over requests."""

    async def summary(
        self, selection: RequestSelection, quantiles: Sequence[float], apdex_us: int
    ) -> RequestSummary:
        """Return the figures of all requests together."""

    async def request_series(
        self, selection: RequestSelection, edges_ms: NDArray[np.int64]
    ) -> RequestSeries:
        """Return the figures by time; `edges_ms` has the shape (N + 1,), ascending."""

    async def latency_counts(
        self, selection: RequestSelection, edges_ms: NDArray[np.int64]
    ) -> LatencyCounts:
        """Return the requests by time and duration; `edges_ms` as for `request_series`."""

    async def by_property(
        self, selection: RequestSelection, name: RequestProperty, limit: int
    ) -> Sequence[PropertyFigures]:
        """Return the figures of each value of a property, those with most requests first."""

    async def routes(
        self, selection: RequestSelection, order: RouteOrder, limit: int
    ) -> Sequence[RouteFigures]:
        """Return the routes with most requests, most errors, or the slowest 95th percentile."""

    async def consumers(self, selection: RequestSelection, limit: int) -> Sequence[ConsumerFigures]:
        """Return the consumers with most requests."""

    async def latest_requests(
        self, selection: RequestSelection, limit: int, before: tuple[int, int] | None = None
    ) -> Sequence[StoredRequest]:
        """Return requests, the newest first.

        Args:
            selection: the requests.
            limit: the most requests.
            before: time and sequence of the last request of the page before.
        """


class RequestAdministration(Protocol):
    """Deletes requests."""

    async def delete_requests_before(self, project: int, time_ms: int) -> int:
        """Delete the requests before a time; return their number."""


class RequestStore(RequestAppender, RequestReader, RequestAdministration, Protocol):
    """The whole store of tracked requests."""
