"""The queries behind the reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
    PersonPart,
    ProjectVolume,
    SeenProperty,
    StoredEvent,
)
from storage.events.distinct_cells import MOST_CELLS, distinct_cells
from storage.events.person_order import in_time_order, person_order
from storage.events.selection_queries import SelectionQueries, in_part
from storage.events.sql import Sql, bucket_sql, is_in, join

_MAX_STEPS: Final = 63
_BIT_FIELDS: Final = {"utinyint": 8, "usmallint": 16, "uinteger": 32, "ubigint": 64}
_BIT_ARRAYS: Final[tuple[tuple[int, type[np.unsignedinteger[Any]]], ...]] = (
    (8, np.uint8),
    (16, np.uint16),
    (32, np.uint32),
    (64, np.uint64),
)
_MOST_NARROW: Final = 2**32 - 2**28
_SAMPLED_ROWS: Final = 2_000_000
_SAMPLE_PERCENT: Final = 5
"""The sample is of blocks of 2,048 rows: the estimate is nearly always within a fifth."""
_EXAMINED_EVENTS: Final = 20_000
"""The latest events whose properties are listed."""
_EVENT_COLUMNS: Final = (
    "e.sequence, n.name, e.time_ms, e.received_ms, e.distinct_id, e.properties, e.is_future"
)
_WITH_NAMES: Final = " join names n on n.project = e.project and n.id = e.name"


@dataclass(slots=True)
class ReportQueries(SelectionQueries):
    """The queries of reports on one connection."""

    def count(self, selection: EventSelection) -> int:
        """See `EventReader.count`."""
        query = Sql("select count(*) from events e where ") + self._where(selection)
        return int(self._rows(query)[0][0])

    def estimate(self, selection: EventSelection) -> int:
        """See `EventReader.estimate`."""
        ((rows,),) = self._rows(Sql("select count(*) from events"))
        if rows < _SAMPLED_ROWS:
            return self.count(selection)
        query = Sql(f"select count(*) from events e tablesample system({_SAMPLE_PERCENT}%) where ")
        ((found,),) = self._rows(query + self._where(selection))
        return int(found) * 100 // _SAMPLE_PERCENT

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
            return self._groups_by_name(selection, limit)
        source = self._events(selection, value=self._text(selection.project, by))
        text = "select value, count(*) as events, count(distinct person) from "
        end = " group by value order by events desc, value nulls last limit ?"
        return [EventGroup(*row) for row in self._rows(Sql(text) + source + Sql(end, (limit,)))]

    def _groups_by_name(self, selection: EventSelection, limit: int) -> Sequence[EventGroup]:
        source = self._events(selection)
        counts = self._rows(Sql("select name, count(*) from ") + source + Sql(" group by name"))
        names = {number: name for name, number in self._name_numbers(selection.project).items()}
        counts.sort(key=lambda row: (-row[1], names[row[0]]))
        chosen = dict(counts[:limit])
        if not chosen:
            return []
        least = min(chosen)
        cells = max(chosen) - least + 1
        source = self._events(replace(selection, names=tuple(names[each] for each in chosen)))
        if cells <= MOST_CELLS:
            (row,) = self._rows(distinct_cells(source, f"name - {least}", cells))
            persons = dict(enumerate(row, least))
        else:
            query = Sql("select name, count(distinct person) from ") + source
            persons = dict(self._rows(query + Sql(" group by name")))
        return [EventGroup(names[each], chosen[each], persons[each]) for each in chosen]

    def series(self, selection: EventSelection, edges_ms: NDArray[np.int64]) -> EventSeries:
        """See `EventReader.series`."""
        return self._series(selection, edges_ms, None, {})[0]

    def series_by_name(
        self, selection: EventSelection, edges_ms: NDArray[np.int64]
    ) -> Sequence[EventSeries]:
        """See `EventReader.series_by_name`."""
        if selection.names is None:
            raise EventQueryError("names: a series for each name needs the names")
        return self._series(
            selection, edges_ms, selection.names, self._name_numbers(selection.project)
        )

    def _series(
        self,
        selection: EventSelection,
        edges_ms: NDArray[np.int64],
        names: Sequence[str] | None,
        numbers: Mapping[str, int],
    ) -> Sequence[EventSeries]:
        """Return the series of each name, or of all events together.

        A cell is a bucket of a series; those of the first series come first.
        """
        buckets, values = len(edges_ms) - 1, (None,) if names is None else names
        cell = bucket_sql(edges_ms)
        if names is not None:
            cases = "".join(
                f" when {numbers[name]} then {index * buckets}"
                for index, name in enumerate(names)
                if name in numbers
            )
            cell += f" + case name{cases} end" if cases else ""
        events, persons = np.zeros((2, len(values) * buckets), np.int64)
        source = self._events(selection)
        if selection.where is None and len(events) <= MOST_CELLS:
            query = Sql(f"select {cell} as cell, count(*) from ") + source + Sql(" group by cell")
            for index, count in self._rows(query):
                events[index] = count
            (row,) = self._rows(distinct_cells(source, cell, len(events)))
            persons[:] = [count or 0 for count in row]
        else:
            # Reading properties for a filter is expensive: only once.
            query = Sql(f"select {cell} as cell, count(*), count(distinct person) from ")
            for index, count, distinct in self._rows(query + source + Sql(" group by cell")):
                events[index], persons[index] = count, distinct
        return [
            EventSeries(value, *each)
            for value, *each in zip(
                values,
                events.reshape(len(values), buckets),
                persons.reshape(len(values), buckets),
                strict=True,
            )
        ]

    def occurrences(
        self,
        selection: EventSelection,
        steps: Sequence[EventStep],
        part: PersonPart,
    ) -> Occurrences:
        """See `EventReader.occurrences`."""
        if not 0 < len(steps) <= _MAX_STEPS:
            raise EventQueryError(f"steps: {len(steps)} of them; 1 to {_MAX_STEPS} are possible")
        if all(step.where is None for step in steps):
            return self._occurrences_by_name(selection, steps, part)
        numbers = self._name_numbers(selection.project)
        kind = _narrowest(len(steps))
        bits = []
        for index, step in enumerate(steps):
            condition = self._step(selection.project, step, numbers)
            bit = f"(case when {condition.text} then {1 << index}::{kind} else 0::{kind} end)"
            bits.append(Sql(bit, condition.values))
        source = self._events(selection, steps=join(" | ", bits))
        query = Sql(f"select person, time_ms, {self._sequence()}, steps from ") + source
        columns = self._arrays(query + Sql(" where steps <> 0") + in_part(part))
        return _ordered(columns)

    def _occurrences_by_name(
        self, selection: EventSelection, steps: Sequence[EventStep], part: PersonPart
    ) -> Occurrences:
        """Return the events of steps without conditions: an expression for each would cost more."""
        numbers = self._name_numbers(selection.project)
        largest, steps_column = max(numbers.values(), default=0), "name"
        if None not in {step.name for step in steps}:
            names = {step.name for step in steps if step.name is not None}
            asked = names if selection.names is None else names.intersection(selection.names)
            known = asked & numbers.keys()
            selection = replace(selection, names=tuple(known))
            largest = max((numbers[name] for name in known), default=0)
            steps_column = f"name::{_narrowest(largest.bit_length())}"
        query = Sql(f"select person, time_ms, {self._sequence()}, {steps_column} as steps from ")
        query += self._events(selection)
        columns = self._arrays(query + Sql(" where true") + in_part(part))
        # A name that was added after the numbers were read has a larger one.
        largest = max(largest, int(columns["steps"].max(initial=0)))
        return _ordered(columns, _bits_of_names(steps, numbers, largest))

    def _sequence(self) -> str:
        """Return the column of the arrival, as narrow as possible: it is copied and sorted."""
        ((last,),) = self._rows(Sql("select coalesce(max(sequence), 0) from events"))
        # The arrivals of the next moment fit too.
        return "sequence::uinteger as sequence" if last < _MOST_NARROW else "sequence"

    def numbers(
        self, selection: EventSelection, by: str, quantiles: Sequence[float]
    ) -> NumberSummary:
        """See `EventReader.numbers`."""
        source = self._events(selection, value=self._number(selection.project, by))
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


def _narrowest(bits: int) -> str:
    """Return the narrowest type of a column for numbers of so many bits."""
    return next(kind for kind, most in _BIT_FIELDS.items() if bits <= most)


def _bits_of_names(
    steps: Sequence[EventStep], numbers: Mapping[str, int], largest: int
) -> NDArray[np.unsignedinteger[Any]]:
    """Return for each number of a name, up to the largest, which steps its events satisfy."""
    kind = next(kind for most, kind in _BIT_ARRAYS if len(steps) <= most)
    bits: NDArray[np.unsignedinteger[Any]] = np.zeros(largest + 1, kind)
    for index, step in enumerate(steps):
        bit = kind(1 << index)
        if step.name is None:
            bits[:] |= bit
        elif numbers.get(step.name, len(bits)) < len(bits):
            bits[numbers[step.name]] |= bit
    return bits


def _ordered(
    columns: dict[str, NDArray[Any]], bits: NDArray[np.unsignedinteger[Any]] | None = None
) -> Occurrences:
    """Return occurrences in order.

    Args:
        columns: the columns `person`, `time_ms`, `sequence` and `steps`; empty afterwards.
        bits: what each value of `steps` stands for; None if it stands for itself.
    """
    columns = in_time_order(columns)
    order, persons = person_order(columns.pop("person"))
    steps = columns["steps"].take(order)
    if bits is not None:
        steps = bits.take(steps)
    return Occurrences(persons, columns["time_ms"].take(order), steps)
