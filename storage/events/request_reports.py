"""The queries behind the reports over tracked requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.requests import (
    BINS_PER_DOUBLING,
    ConsumerFigures,
    LatencyCounts,
    NewRequest,
    PropertyFigures,
    RequestProperty,
    RequestSelection,
    RequestSeries,
    RequestSummary,
    RouteFigures,
    RouteOrder,
    StoredRequest,
)
from storage.events.sql import Sql, bucket_sql, is_in

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ERRORS: Final = "count(*) filter (status between 400 and 499), count(*) filter (status >= 500)"
_ORDERS: Final = {
    "requests": "requests desc",
    "errors": "client_errors + server_errors desc",
    "slowest": "p95 desc",
}

# No whole number of microseconds but a power of two lies on a bound, and log2 of that is exact.
_BIN: Final = f"ceil(log2(greatest(duration_us, 1)) * {BINS_PER_DOUBLING})::integer"
_PROPERTIES: Final = {
    "status": "status::varchar",
    "method": "method",
    "version": "version",
}


@dataclass(slots=True)
class RequestQueries:
    """Queries on one connection, used by one thread."""

    connection: "DuckDBPyConnection"

    def summary(
        self, selection: RequestSelection, quantiles: Sequence[float], apdex_us: int
    ) -> RequestSummary:
        """See `RequestReader.summary`."""
        marks = ", ".join("?" * len(quantiles))
        query = Sql(
            f"select count(*), {_ERRORS}, avg(duration_us), quantile_cont(duration_us, [{marks}]),"
            " count(*) filter (status < 500 and duration_us <= ?),"
            " count(*) filter (status < 500 and duration_us > ? and duration_us <= ?)"
            " from requests where ",
            (*quantiles, apdex_us, apdex_us, 4 * apdex_us),
        )
        (row,) = self._rows(query + _where(selection))
        count, client, server, mean, found, satisfied, tolerating = row
        values = [np.nan] * len(quantiles) if found is None else found
        return RequestSummary(
            count,
            client,
            server,
            np.nan if mean is None else mean,
            dict(zip(quantiles, values, strict=True)),
            satisfied,
            tolerating,
        )

    def series(self, selection: RequestSelection, edges_ms: NDArray[np.int64]) -> RequestSeries:
        """See `RequestReader.request_series`."""
        figures = f"count(*), {_ERRORS}, avg(duration_us), quantile_cont(duration_us, [?, ?, ?])"
        rows = self._by_time(selection, edges_ms, Sql(figures, (0.5, 0.95, 0.99)), "bucket")
        count = len(edges_ms) - 1
        counts, durations = np.zeros((3, count), np.int64), np.full((4, count), np.nan)
        for bucket, requests, client, server, mean, quantiles in rows:
            counts[:, bucket] = requests, client, server
            durations[:, bucket] = mean, *quantiles
        return RequestSeries(*counts, *durations)

    def latency_counts(
        self, selection: RequestSelection, edges_ms: NDArray[np.int64]
    ) -> LatencyCounts:
        """See `RequestReader.latency_counts`."""
        rows = self._by_time(selection, edges_ms, Sql(f"{_BIN} as bin, count(*)"), "bucket, bin")
        if not rows:
            return LatencyCounts(0, np.zeros((len(edges_ms) - 1, 0), np.int64))
        buckets, bins, found = np.array(rows, np.int64).T
        first = int(bins.min())
        counts = np.zeros((len(edges_ms) - 1, int(bins.max()) - first + 1), np.int64)
        counts[buckets, bins - first] = found
        return LatencyCounts(first, counts)

    def by_property(
        self, selection: RequestSelection, name: RequestProperty, limit: int
    ) -> Sequence[PropertyFigures]:
        """See `RequestReader.by_property`."""
        query = Sql(
            f"select {_PROPERTIES[name]} as value, count(*) as requests, {_ERRORS},"
            " quantile_cont(duration_us, 0.5), quantile_cont(duration_us, 0.95)"
            " from requests where "
        )
        query += _where(selection)
        query += Sql(" group by value order by requests desc, value limit ?", (limit,))
        return [PropertyFigures(*row) for row in self._rows(query)]

    def _by_time(
        self, selection: RequestSelection, edges_ms: NDArray[np.int64], figures: Sql, groups: str
    ) -> list[Any]:
        """Return rows of a bucket's number and its figures."""
        query = Sql(f"select {bucket_sql(edges_ms)} as bucket, ") + figures
        query += Sql(" from requests where ") + _where(selection)
        return self._rows(query + Sql(f" group by {groups}"))

    def routes(
        self, selection: RequestSelection, order: RouteOrder, limit: int
    ) -> Sequence[RouteFigures]:
        """See `RequestReader.routes`."""
        query = Sql(
            "select method, route, count(*) as requests,"
            " count(*) filter (status between 400 and 499) as client_errors,"
            " count(*) filter (status >= 500) as server_errors, avg(duration_us),"
            " quantile_cont(duration_us, 0.5), quantile_cont(duration_us, 0.95) as p95,"
            " quantile_cont(duration_us, 0.99) from requests where "
        )
        query += _where(selection)
        query += Sql(
            f" group by method, route order by {_ORDERS[order]}, route, method limit ?", (limit,)
        )
        return [RouteFigures(*row) for row in self._rows(query)]

    def consumers(self, selection: RequestSelection, limit: int) -> Sequence[ConsumerFigures]:
        """See `RequestReader.consumers`."""
        query = Sql(
            "select consumer, count(*) as requests, count(*) filter (status >= 400), max(time_ms)"
            " from requests where "
        )
        query += _where(selection)
        query += Sql(" group by consumer order by requests desc, consumer limit ?", (limit,))
        return [ConsumerFigures(*row) for row in self._rows(query)]

    def latest(
        self, selection: RequestSelection, limit: int, before: tuple[int, int] | None
    ) -> Sequence[StoredRequest]:
        """See `RequestReader.latest_requests`."""
        query = Sql(
            "select sequence, time_ms, method, route, path, status, duration_us, request_bytes,"
            " response_bytes, consumer, client, version from requests where "
        )
        query += _where(selection)
        if before is not None:
            query += Sql(" and (time_ms, sequence) < (?, ?)", before)
        query += Sql(" order by time_ms desc, sequence desc limit ?", (limit,))
        return [StoredRequest(row[0], NewRequest(*row[1:])) for row in self._rows(query)]

    def _rows(self, query: Sql) -> list[Any]:
        return self.connection.execute(query.text, list(query.values)).fetchall()


def _where(selection: RequestSelection) -> Sql:
    condition = Sql(
        "project = ? and time_ms >= ? and time_ms < ?",
        (selection.project, selection.start_ms, selection.end_ms),
    )
    for column, values in (
        ("method", selection.methods),
        ("route", selection.routes),
        ("consumer", selection.consumers),
        ("version", selection.versions),
    ):
        if values is not None:
            condition += is_in(column, values, prefix=" and ")
    if selection.statuses is not None:
        condition += Sql(" and status between ? and ?", selection.statuses)
    if selection.search is not None:
        # The texts side by side, so that one call searches all of them.
        condition += Sql(
            " and contains(lower(concat_ws(chr(10), path, route, consumer)), lower(?))",
            (selection.search,),
        )
    return condition
