"""The queries behind the reports over tracked requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.requests import (
    ConsumerFigures,
    NewRequest,
    RequestSelection,
    RequestSeries,
    RequestSummary,
    RouteFigures,
    RouteOrder,
    StoredRequest,
)
from storage.events.sql import BucketTable, Sql, is_in

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ERRORS: Final = "count(*) filter (status between 400 and 499), count(*) filter (status >= 500)"
_ORDERS: Final = {
    "requests": "requests desc",
    "errors": "client_errors + server_errors desc",
    "slowest": "p95 desc",
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
        table = BucketTable.of(edges_ms)
        self.connection.register("buckets", table.columns)
        query = Sql(
            f"select bucket, count(*), {_ERRORS}, avg(duration_us),"
            f" quantile_cont(duration_us, 0.95) from requests"
            f" join buckets b on b.unit = {table.unit} where "
        )
        try:
            rows = self._rows(query + _where(selection) + Sql(" group by bucket"))
        finally:
            self.connection.unregister("buckets")
        count = len(edges_ms) - 1
        counts, durations = np.zeros((3, count), np.int64), np.full((2, count), np.nan)
        for bucket, requests, client, server, mean, p95 in rows:
            counts[:, bucket] = requests, client, server
            durations[:, bucket] = mean, p95
        return RequestSeries(*counts, *durations)

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
        condition += Sql(" and contains(lower(path), lower(?))", (selection.search,))
    return condition
