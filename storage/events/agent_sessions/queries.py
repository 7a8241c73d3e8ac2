"""The queries over coding agents' sessions on one connection."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.agent_sessions.records import TokenCounts
from storage.api.agent_sessions.reports import (
    ActionTotals,
    AgentSelection,
    AgentSession,
    AgentTotals,
    OldestRecords,
    SessionFilters,
    SessionOrder,
    SessionPage,
    SessionSpread,
    TimelineEntry,
    ToolFigures,
    UsageDimension,
    UsageGroup,
    UsageSeries,
)
from storage.events.agent_sessions.session_sums import ACTION_SUMS, ALL_TOKENS, SUMS
from storage.events.agent_sessions.tables import (
    ACTION_TOTALS,
    SESSION_COLUMNS,
    TOKENS,
    TOTALS,
    session_of,
    totals_of,
)
from storage.events.sql import Sql, bucket_sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_ORDERS: Final = {
    SessionOrder.TIMESTAMP: "last_ms",
    SessionOrder.COST: "cost_usd",
    SessionOrder.TOKENS: ALL_TOKENS,
    SessionOrder.DURATION: "last_ms - first_ms",
    SessionOrder.REQUESTS: "requests",
}
_MOST_FILTER_VALUES: Final = 500
_LONGEST_CALL_MS: Final = 86_400_000


@dataclass(slots=True)
class AgentQueries:
    """The queries on one connection.

    Attributes:
        connection: used by one thread.
    """

    connection: "DuckDBPyConnection"

    def sessions(
        self,
        selection: AgentSelection,
        order: SessionOrder,
        *,
        descending: bool,
        limit: int,
        offset: int,
        search: str | None,
    ) -> SessionPage:
        """See `AgentSessionStore.sessions`."""
        where = _of_sessions(selection) + _searched(search)
        direction = "desc" if descending else "asc"
        page = Sql(f"select {SESSION_COLUMNS} from agent_sessions") + where
        page += Sql(
            f" order by {_ORDERS[order]} {direction}, session_id limit ? offset ?", (limit, offset)
        )
        found = [session_of(row) for row in self._rows(page)]
        return SessionPage(found, self._one(Sql("select count(*) from agent_sessions") + where))

    def session(self, session_id: str) -> AgentSession | None:
        """See `AgentSessionStore.session`."""
        query = f"select {SESSION_COLUMNS} from agent_sessions where session_id = ?"
        rows = self._rows(Sql(query, (session_id,)))
        return session_of(rows[0]) if rows else None

    def session_count(self, selection: AgentSelection) -> int:
        """See `AgentSessionStore.session_count`."""
        return self._one(Sql("select count(*) from agent_sessions") + _of_sessions(selection))

    def timeline(self, session_id: str, limit: int) -> Sequence[TimelineEntry]:
        """See `AgentSessionStore.timeline`."""
        query = Sql(
            f"select time_ms, 'request' as kind, model, {TOKENS}, cost_usd, duration_ms,"
            " not is_error, null::boolean, is_sidechain, 0, 0, request_id, ''"
            " from agent_requests where session_id = ? union all"
            " select time_ms, kind, name, 0, 0, 0, 0, 0, 0, null, duration_ms, is_success,"
            " is_accepted, false, lines_added, lines_removed, reference, content"
            " from agent_actions where session_id = ? order by 1 limit ?",
            (session_id, session_id, limit),
        )
        return [_entry(row) for row in self._rows(query)]

    def totals(self, selection: AgentSelection) -> AgentTotals:
        """See `AgentSessionStore.totals`."""
        query = Sql(f"select {TOTALS} from (select {SUMS} from agent_requests")
        (row,) = self._rows(query + _of_requests(selection) + Sql(")"))
        return totals_of(row)

    def action_totals(self, selection: AgentSelection) -> ActionTotals:
        """See `AgentSessionStore.action_totals`."""
        query = Sql(f"select {ACTION_TOTALS} from (select {ACTION_SUMS} from agent_actions")
        (row,) = self._rows(query + _of_actions(selection) + Sql(")"))
        return ActionTotals(*(int(each or 0) for each in row))

    def usage(
        self, selection: AgentSelection, by: UsageDimension, limit: int
    ) -> Sequence[UsageGroup]:
        """See `AgentSessionStore.usage`."""
        query = Sql(
            f"select {by.value}, sessions, {TOTALS} from (select {by.value},"
            f" count(distinct session_hash) as sessions, {SUMS} from agent_requests"
        )
        query += _of_requests(selection) + Sql(
            f" group by {by.value}) order by cost_usd desc, {ALL_TOKENS} desc, 1 limit ?", (limit,)
        )
        return [UsageGroup(row[0], row[1], totals_of(row[2:])) for row in self._rows(query)]

    def usage_series(self, selection: AgentSelection, edges_ms: NDArray[np.int64]) -> UsageSeries:
        """See `AgentSessionStore.usage_series`."""
        query = Sql(
            f"select {bucket_sql(edges_ms)} as bucket, coalesce(sum(cost_usd), 0),"
            f" sum({ALL_TOKENS}), count(*) from agent_requests"
        )
        rows = self._rows(query + _of_requests(selection) + Sql(" group by 1"))
        size = len(edges_ms) - 1
        series = UsageSeries(np.zeros(size), np.zeros(size, np.int64), np.zeros(size, np.int64))
        for bucket, cost, tokens, requests in rows:
            if 0 <= bucket < size:
                series.cost_usd[bucket] = cost
                series.tokens[bucket], series.requests[bucket] = int(tokens), requests
        return series

    def sessions_by_bucket(
        self, selection: AgentSelection, edges_ms: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """See `AgentSessionStore.sessions_by_bucket`."""
        query = Sql(
            f"select {bucket_sql(edges_ms)} as bucket, count(*) from"
            " (select last_ms as time_ms from agent_sessions"
        )
        counts = np.zeros(len(edges_ms) - 1, np.int64)
        for bucket, count in self._rows(query + _of_sessions(selection) + Sql(") group by 1")):
            if 0 <= bucket < len(counts):
                counts[bucket] = count
        return counts

    def tools(self, selection: AgentSelection, limit: int) -> Sequence[ToolFigures]:
        """See `AgentSessionStore.tools`."""
        calls = Sql("select *, time_ms + coalesce(duration_ms, 0) as end_ms from agent_actions")
        calls += _of_actions(selection) + Sql(" and name <> ''")
        # The request that called a tool is the last one before the call's end: usage is
        # complete with the last block of a response, which may be later than its calls.
        paid = Sql(
            "select id, session_hash, time_ms, cost_usd from agent_requests"
            " where time_ms >= ? and time_ms < ?",
            (selection.start_ms - _LONGEST_CALL_MS, selection.end_ms + _LONGEST_CALL_MS),
        )
        query = Sql("with calls as (") + calls + Sql("), paid as (") + paid
        query += Sql(
            "), shares as (select calls.*,"
            " paid.cost_usd / count(*) over (partition by paid.id) as share"
            " from calls asof left join paid"
            " on calls.session_hash = paid.session_hash and calls.end_ms >= paid.time_ms)"
            " select name, count(*), count(*) filter (is_success = false"
            " and is_accepted is distinct from false), count(*) filter (is_accepted = false),"
            " avg(duration_ms), sum(share) from shares group by name order by 2 desc, 1 limit ?",
            (limit,),
        )
        return [ToolFigures(*row) for row in self._rows(query)]

    def spread(self, selection: AgentSelection, quantiles: Sequence[float]) -> SessionSpread:
        """See `AgentSessionStore.spread`."""
        wanted = f"[{', '.join(map(str, quantiles))}]"
        sessions = Sql(
            f"select quantile_cont(last_ms - first_ms, {wanted}), quantile_cont(cost_usd, {wanted})"
            " from agent_sessions"
        )
        ((lengths, costs),) = self._rows(sessions + _of_sessions(selection))
        latency = Sql(f"select quantile_cont(duration_ms, {wanted}) from agent_requests")
        ((latencies,),) = self._rows(latency + _of_requests(selection))

        def by_quantile(values: Sequence[float] | None) -> dict[float, float]:
            return dict(zip(quantiles, values or [np.nan] * len(quantiles), strict=True))

        return SessionSpread(by_quantile(lengths), by_quantile(costs), by_quantile(latencies))

    def filters(self) -> SessionFilters:
        """See `AgentSessionStore.filters`."""
        return SessionFilters(
            self._values("developer"),
            self._values("team"),
            self._texts("select distinct unnest(models) as value from agent_sessions"),
            self._values("agent"),
            self._values("project"),
        )

    def _values(self, column: str) -> tuple[str, ...]:
        return self._texts(f"select distinct {column} as value from agent_sessions")

    def _texts(self, values: str) -> tuple[str, ...]:
        query = f"select value from ({values}) where value <> '' order by 1 limit ?"
        return tuple(text for (text,) in self._rows(Sql(query, (_MOST_FILTER_VALUES,))))

    def oldest_records(self) -> OldestRecords:
        row = self.connection.execute(
            "select (select min(first_ms) from agent_sessions),"
            " min(time_ms) filter (kind = 'commit'),"
            " min(ended_ms) filter (kind = 'pull_request' and state = 'merged')"
            " from agent_outcomes"
        ).fetchone()
        return OldestRecords(*row) if row else OldestRecords()

    def models(self) -> Sequence[str]:
        """See `AgentSessionStore.models`."""
        return [name for (name,) in self._rows(Sql("select distinct model from agent_requests"))]

    def unpriced_models(self) -> Sequence[tuple[str, int]]:
        """See `AgentSessionStore.unpriced_models`."""
        query = (
            f"select model, sum({ALL_TOKENS}) as tokens from agent_requests"
            " where cost_usd is null group by model having tokens > 0 order by tokens desc, model"
        )
        return [(model, int(tokens)) for model, tokens in self._rows(Sql(query))]

    def _rows(self, query: Sql) -> list[Any]:
        return self.connection.execute(query.text, list(query.values)).fetchall()

    def _one(self, query: Sql) -> int:
        return int(self._rows(query)[0][0])


def _plain_union(query: Sql) -> Sql:
    return Sql(query.text.replace(" union all", " union all"), query.values)


def _entry(row: Sequence[Any]) -> TimelineEntry:
    return TimelineEntry(row[0], row[1], row[2], TokenCounts(*row[3:9]), *row[9:])


def _conditions(pairs: Iterable[tuple[str, object]]) -> Sql:
    found = Sql("")
    for condition, value in pairs:
        if value is not None:
            found += Sql(f" and {condition}", (value,))
    return found


def _shared(selection: AgentSelection) -> Sql:
    return _conditions(
        (
            ("developer = ?", selection.developer),
            ("team = ?", selection.team),
            ("agent = ?", selection.agent),
            ("project = ?", selection.project),
            ("session_id = ?", selection.session_id),
        )
    )


def _in_range(selection: AgentSelection, column: str) -> Sql:
    return Sql(
        f" where {column} >= ? and {column} < ?", (selection.start_ms, selection.end_ms)
    ) + _shared(selection)


def _of_sessions(selection: AgentSelection) -> Sql:
    model = ("list_contains(models, ?)", selection.model)
    return _in_range(selection, "last_ms") + _conditions((model,))


def _of_requests(selection: AgentSelection) -> Sql:
    return _in_range(selection, "time_ms") + _conditions((("model = ?", selection.model),))


def _of_actions(selection: AgentSelection) -> Sql:
    return _in_range(selection, "time_ms")


def _searched(search: str | None) -> Sql:
    if not search:
        return Sql("")
    columns = ("session_id", "developer", "project", "team")
    condition = " or ".join(f"contains(lower({column}), ?)" for column in columns)
    return Sql(f" and ({condition})", (search.lower(),) * len(columns))
