"""The queries behind the reports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import (
    EventGroup,
    EventQueryError,
    EventSelection,
    EventSeries,
    EventStep,
    EventTotals,
    NumberSummary,
    Occurrences,
    ProjectVolume,
    SeenProperty,
    StoredEvent,
)
from storage.events.selection_queries import SelectionQueries
from storage.events.selection_sql import property_number, property_text
from storage.events.sql import BucketTable, Sql, is_in, join

_MAX_STEPS: Final = 63
_EXAMINED_EVENTS: Final = 20_000
"""The latest events whose properties are listed."""
_EVENT_COLUMNS: Final = (
    "e.sequence, n.name, e.time_ms, e.received_ms, e.distinct_id, e.properties, e.is_future"
)
_WITH_NAMES: Final = " join names n on n.project = e.project and n.id = e.name"


@dataclass(slots=True)
class ReportQueries(SelectionQueries):
    """The queries of reports on one connection."""

    def totals(self, selection: EventSelection) -> EventTotals:
        """See `EventReader.totals`."""
        source = self._events(selection)
        row = self._rows(
            Sql("select count(*), count(distinct person), count(distinct name) from ") + source
        )[0]
        return EventTotals(*row)

    def groups(self, selection: EventSelection, limit: int, by: str | None) -> Sequence[EventGroup]:
        """See `EventReader.groups`."""
        if by is None:
            source = self._events(selection)
            text = (
                "select n.name, events, persons from (select name, count(*) as events,"
                " count(distinct person) as persons from "
            )
            end = (
                " group by name) g join names n on n.project = ? and n.id = g.name"
                " order by events desc, n.name limit ?"
            )
            rows = self._rows(Sql(text) + source + Sql(end, (selection.project, limit)))
        else:
            source = self._events(selection, value=property_text(by))
            text = "select value, count(*) as events, count(distinct person) from "
            end = " group by value order by events desc, value nulls last limit ?"
            rows = self._rows(Sql(text) + source + Sql(end, (limit,)))
        return [EventGroup(*row) for row in rows]

    def series(self, selection: EventSelection, edges_ms: NDArray[np.int64]) -> EventSeries:
        """See `EventReader.series`."""
        counted = self._by_bucket(selection, edges_ms, "")
        return _series(None, counted, len(edges_ms) - 1)

    def series_by_name(
        self, selection: EventSelection, edges_ms: NDArray[np.int64]
    ) -> Sequence[EventSeries]:
        """See `EventReader.series_by_name`."""
        if selection.names is None:
            raise EventQueryError("names: a series for each name needs the names")
        counted = self._by_bucket(selection, edges_ms, ", name")
        numbers = self._name_numbers(selection.project)
        found = []
        for name in selection.names:
            own = [row for row in counted if row[3] == numbers.get(name)]
            found.append(_series(name, own, len(edges_ms) - 1))
        return found

    def occurrences(
        self,
        selection: EventSelection,
        steps: Sequence[EventStep],
        breakdown: str | None,
        with_names: bool,
    ) -> Occurrences:
        """See `EventReader.occurrences`."""
        if not 0 < len(steps) <= _MAX_STEPS:
            raise EventQueryError(f"steps: {len(steps)} of them; 1 to {_MAX_STEPS} are possible")
        numbers = self._name_numbers(selection.project)
        bits = []
        for index, step in enumerate(steps):
            condition = self._step(selection.project, step, numbers)
            bit = f"(case when {condition.text} then {1 << index}::ubigint else 0::ubigint end)"
            bits.append(Sql(bit, condition.values))
        step_bits = join(" | ", bits)
        value = property_text(breakdown) if breakdown is not None else Sql("null::varchar")
        source = self._events(selection, value=value, steps=step_bits)
        columns = "person, time_ms, steps"
        columns += ", value" if breakdown is not None else ""
        columns += ", name" if with_names else ""
        query = Sql(f"select {columns} from ") + source
        query += Sql(" where steps <> 0 order by person, time_ms, sequence")
        arrays = self.connection.execute(query.text, list(query.values)).fetchnumpy()
        return Occurrences(
            np.asarray(arrays["person"], np.uint64),
            np.asarray(arrays["time_ms"], np.int64),
            np.asarray(arrays["steps"], np.uint64),
            _optional_texts(arrays["value"]) if breakdown is not None else None,
            _names_of(arrays["name"], numbers) if with_names else None,
        )

    def numbers(
        self, selection: EventSelection, by: str, quantiles: Sequence[float]
    ) -> NumberSummary:
        """See `EventReader.numbers`."""
        source = self._events(selection, value=property_number(by))
        asked = Sql(f", quantile_cont(value, [{', '.join('?' * len(quantiles))}])", (*quantiles,))
        head = Sql("select count(value), sum(value), avg(value), min(value), max(value)")
        row = self._rows(head + (asked if quantiles else Sql("")) + Sql(" from ") + source)[0]
        count, total, mean, least, greatest = (
            np.nan if each is None else float(each) for each in row[:5]
        )
        found = row[5] if quantiles and row[5] is not None else [np.nan] * len(quantiles)
        return NumberSummary(
            int(count),
            0.0 if np.isnan(total) else total,
            mean,
            least,
            greatest,
            dict(zip(quantiles, found, strict=True)),
        )

    def latest(
        self, selection: EventSelection, limit: int, before: tuple[int, int] | None
    ) -> Sequence[StoredEvent]:
        """See `EventReader.latest`."""
        condition = self._where(selection)
        if before is not None:
            condition += Sql(" and (e.time_ms, e.sequence) < (?, ?)", before)
        query = Sql(f"select {_EVENT_COLUMNS} from events e{_WITH_NAMES} where ") + condition
        query += Sql(" order by e.time_ms desc, e.sequence desc limit ?", (limit,))
        return [StoredEvent(*row) for row in self._rows(query)]

    def future(self, project: int, limit: int) -> tuple[int, Sequence[StoredEvent]]:
        """See `EventReader.future`."""
        (row,) = self._rows(
            Sql("select count(*) from events where project = ? and is_future", (project,))
        )
        query = Sql(
            f"select {_EVENT_COLUMNS} from events e{_WITH_NAMES}"
            " where e.project = ? and e.is_future order by e.sequence desc limit ?",
            (project, limit),
        )
        return row[0], [StoredEvent(*each) for each in self._rows(query)]

    def names(self, project: int) -> Sequence[tuple[str, int, int, int]]:
        """See `EventReader.names`."""
        query = Sql(
            "select n.name, events, first_ms, last_ms from (select name, count(*) as events,"
            " min(time_ms) as first_ms, max(time_ms) as last_ms from events"
            " where project = ? and not is_future group by name) g"
            " join names n on n.project = ? and n.id = g.name order by events desc, n.name",
            (project, project),
        )
        return [(name, events, first, last) for name, events, first, last in self._rows(query)]

    def volumes(self, start_ms: int) -> dict[int, ProjectVolume]:
        """See `EventReader.volumes`."""
        query = Sql(
            "select project, sum(events)::bigint, sum(requests)::bigint, max(latest_ms) from ("
            "select project, count(*) as events, 0 as requests, max(time_ms) as latest_ms"
            " from events where time_ms >= ? and not is_future group by project union all"
            " select project, 0, count(*), max(time_ms) from requests where time_ms >= ?"
            " group by project) group by project",
            (start_ms, start_ms),
        )
        return {row[0]: ProjectVolume(*row[1:]) for row in self._rows(query)}

    def properties(self, project: int, name: str | None) -> Sequence[SeenProperty]:
        """See `EventReader.properties`."""
        number = None if name is None else self._name_numbers(project).get(name, 0)
        condition = Sql("project = ?", (project,))
        if number is not None:
            condition += Sql(" and name = ?", (number,))
        latest = Sql("(select properties from events where ") + condition
        latest += Sql(" order by sequence desc limit ?)", (_EXAMINED_EVENTS,))
        keys = Sql("(select properties, unnest(json_keys(properties)) as key from ") + latest
        # RFC 6901: `~` and `/` are escaped in a pointer.
        query = Sql(
            "select key, list_sort(list(distinct json_type(properties,"
            " '/' || replace(replace(key, '~', '~0'), '/', '~1')))), count(*) as events from "
        )
        query += keys + Sql(") group by key order by events desc, key")
        return [SeenProperty(key, tuple(types), events) for key, types, events in self._rows(query)]

    def distinct_ids(self, project: int, distinct_id: str) -> Sequence[str]:
        """See `EventReader.distinct_ids`."""
        numbers = self._persons(project, (distinct_id,))
        query = Sql("select distinct distinct_id from ")
        query += self._events(EventSelection(project, -(2**62), 2**62), extra="distinct_id")
        query += is_in("person", numbers, prefix=" where ")
        return sorted({distinct_id, *(text for (text,) in self._rows(query))})

    def block(
        self, selection: EventSelection, after_sequence: int, limit: int
    ) -> Sequence[StoredEvent]:
        """Return events in order of arrival, from the sequence after `after_sequence` on."""
        condition = self._where(selection) + Sql(" and e.sequence > ?", (after_sequence,))
        query = Sql(f"select {_EVENT_COLUMNS} from events e{_WITH_NAMES} where ") + condition
        query += Sql(" order by e.sequence limit ?", (limit,))
        return [StoredEvent(*row) for row in self._rows(query)]

    def _by_bucket(
        self, selection: EventSelection, edges_ms: NDArray[np.int64], by: str
    ) -> list[tuple[int, int, int, int]]:
        """Return bucket, events, persons and the value of `by` of each group."""
        table = BucketTable.of(edges_ms)
        self.connection.register("buckets", table.columns)
        head = f"select bucket, count(*), count(distinct person){by or ', 0'} from "
        query = Sql(head) + self._events(selection)
        query += Sql(f" join buckets b on b.unit = {table.unit} group by bucket{by}")
        try:
            return self._rows(query)
        finally:
            self.connection.unregister("buckets")


def _series(
    value: str | None, rows: Sequence[tuple[int, int, int, int]], buckets: int
) -> EventSeries:
    events, persons = np.zeros(buckets, np.int64), np.zeros(buckets, np.int64)
    for bucket, count, distinct, _ in rows:
        events[bucket], persons[bucket] = count, distinct
    return EventSeries(value, events, persons)


def _optional_texts(array: "NDArray[np.object_] | np.ma.MaskedArray[Any, Any]") -> list[str | None]:
    masked = np.ma.getmaskarray(array)
    return [None if gone else text for text, gone in zip(array, masked, strict=True)]


def _names_of(numbers_of_events: NDArray[np.uint32], numbers: dict[str, int]) -> list[str]:
    by_number = {number: name for name, number in numbers.items()}
    return [by_number[number] for number in numbers_of_events.tolist()]
