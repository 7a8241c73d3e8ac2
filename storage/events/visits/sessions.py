"""The queries that find sessions."""

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import EventSelection
from storage.api.visits.sessions import SessionFigures, SessionGroup, SessionSeries
from storage.events.selection_queries import SelectionQueries
from storage.events.selection_sql import property_text
from storage.events.sql import Sql, bucket_sql, is_in

_SILENT: Final = (
    *("$pageleave", "$identify", "$set", "$create_alias", "$merge_dangerously"),
    *("$groupidentify", "$feature_flag_called"),
)
"""Events that SDKs send by themselves: a person who does nothing else has bounced."""
_GROUPS: Final = ("entry", "exit", "source")


class SessionQueries(SelectionQueries):
    """Finds sessions on one connection.

    A session belongs to its start. Pauses are looked for among all events of a person, so
    that a filter changes which sessions count but not how long they are, and events that
    arrive late count right.
    """

    __slots__ = ()

    def sessions(
        self,
        selection: EventSelection,
        idle_ms: int,
        until_ms: int,
        limit: int,
        edges_ms: NDArray[np.int64] | None = None,
    ) -> SessionFigures:
        """See `SessionReader.sessions`."""
        self.connection.execute("drop table if exists temp.found_sessions")
        found = self._found(selection, idle_ms, until_ms)
        create = Sql("create temp table found_sessions as ") + found
        self.connection.execute(create.text, list(create.values))
        try:
            (row,) = self._rows(
                Sql(
                    "select count(*), count(distinct person),"
                    " count(*) filter (acts <= 1), coalesce(sum(events), 0)::bigint,"
                    " count(*) filter (events > 1),"
                    " median(last_ms - first_ms) filter (events > 1) / 1000.0, max(last_ms)"
                    " from found_sessions"
                )
            )
            entries, exits, sources = (self._groups(column, limit) for column in _GROUPS)
            series = None if edges_ms is None else self._series(edges_ms)
        finally:
            self.connection.execute("drop table if exists temp.found_sessions")
        sessions, persons, bounces, events, timed, median_s, last_ms = row
        groups = entries, exits, sources
        return SessionFigures(
            sessions, persons, bounces, events, timed, median_s, last_ms, *groups, series
        )

    def _series(self, edges_ms: NDArray[np.int64]) -> SessionSeries:
        found = np.zeros((4, len(edges_ms) - 1), np.int64)
        found[3] = -1
        rows = self._rows(
            Sql(
                f"select {bucket_sql(edges_ms)} as bucket, count(*), count(distinct person),"
                " count(*) filter (acts <= 1), max(last_ms)"
                " from (select *, first_ms as time_ms from found_sessions) group by bucket"
            )
        )
        for bucket, *numbers in rows:
            found[:, bucket] = numbers
        return SessionSeries(*found)

    def _groups(self, column: str, limit: int) -> list[SessionGroup]:
        rows = self._rows(
            Sql(
                f"select {column}, count(*) as sessions, count(*) filter (acts <= 1)"
                f" from found_sessions group by {column}"
                f" order by sessions desc, {column} nulls last limit ?",
                (limit,),
            )
        )
        return [SessionGroup(*row) for row in rows]

    def _found(self, selection: EventSelection, idle_ms: int, until_ms: int) -> Sql:
        """Return a query of the sessions that begin in the range."""
        # An earlier event within the pause makes the first event of the range a later one.
        everything = EventSelection(
            selection.project, selection.start_ms - idle_ms, max(until_ms, selection.end_ms)
        )
        numbers = self._name_numbers(selection.project)
        silent = [numbers[name] for name in _SILENT if name in numbers]
        is_silent = is_in("e.name", silent)
        wanted = Sql("true")
        if selection.where is not None or selection.names or selection.distinct_ids:
            whole = replace(
                everything,
                names=selection.names,
                distinct_ids=selection.distinct_ids,
                where=selection.where,
            )
            wanted = Sql("(") + self._where(whole) + Sql(")")
        marks = Sql("struct_pack(acts := not ") + is_silent + Sql(", wanted := ") + wanted
        events = self._events(
            everything,
            value=property_text("$pathname"),
            number=property_text("$referring_domain"),
            steps=marks + Sql(")"),
        )
        begins = "coalesce(time_ms - lag(time_ms) over of_person > ?, true)"
        numbered = Sql(
            f"select *, sum(begins::int) over of_person as session from"
            f" (select *, {begins} as begins from ",
            (idle_ms,),
        )
        numbered += events + Sql(
            " window of_person as (partition by person order by time_ms, sequence))"
            " window of_person as (partition by person order by time_ms, sequence"
            " rows between unbounded preceding and current row)"
        )
        return (
            Sql(
                "select person, min(time_ms) as first_ms, max(time_ms) as last_ms,"
                " count(*) as events, count(*) filter (steps.acts) as acts,"
                " first(value order by time_ms, sequence) filter (value is not null) as entry,"
                " last(value order by time_ms, sequence) filter (value is not null) as exit,"
                " first(number order by time_ms, sequence) as source from ("
            )
            + numbered
            + Sql(
                ") group by person, session having min(time_ms) >= ? and min(time_ms) < ?"
                " and bool_or(steps.wanted)",
                (selection.start_ms, selection.end_ms),
            )
        )
