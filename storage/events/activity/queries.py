"""Queries about persons over time."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from storage.api.activity import (
    FoundPerson,
    PersonProperty,
    PersonSummary,
    Presences,
    PropertyUse,
    SeenName,
    Trails,
)
from storage.api.events import (
    EventQueryError,
    EventSelection,
    EventStep,
    PersonPart,
    StoredEvent,
)
from storage.events.person_order import in_time_order, person_order
from storage.events.persons.property_rows import VALUE
from storage.events.reports import ReportQueries
from storage.events.selection_queries import in_part
from storage.events.sql import Sql, bucket_sql, is_in, join

_BLOCK_EVENTS: Final = 1_000_000
_MOST_EDGES: Final = 2_000
_EXAMINED: Final = 20_000
"""Events that show whether properties repeat themselves."""
_EVER: Final = (-(2**62), 2**62)
_JSON_TYPES: Final = {
    "VARCHAR": "string",
    "BIGINT": "number",
    "UBIGINT": "number",
    "HUGEINT": "number",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "OBJECT": "object",
    "ARRAY": "array",
    "NULL": "null",
}


class ActivityQueries(ReportQueries):
    """Queries about persons over time on one connection."""

    __slots__ = ()

    def presences(
        self,
        selection: EventSelection,
        start: EventStep,
        back: EventStep,
        edges_ms: NDArray[np.int64],
    ) -> Presences:
        """See `ActivityReader.presences`."""
        edges = edges_ms.tolist()
        if not 2 <= len(edges) <= _MOST_EDGES:
            raise EventQueryError(f"edges: {len(edges)} of them; 2 to {_MOST_EDGES} are possible")
        order = self._order(edges[0], edges[-1])
        source = self._events(selection, steps=self._step_bits(selection.project, (start, back)))
        query = Sql(
            "select person, bucket, first is not null as starts, last is not null as returns,"
            " coalesce(last > first, false) as later from (select person, bucket,"
            " min(case when steps & 1 <> 0 then place end) as first,"
            " max(case when steps & 2 <> 0 then place end) as last"
            f" from (select person, steps, {order} as place,"
            f" {bucket_sql(edges_ms)}::usmallint as bucket from "
        )
        query += source + Sql(" where steps <> 0) group by person, bucket)")
        found = self._arrays(query)
        return Presences(
            np.asarray(found["person"], np.uint64),
            np.asarray(found["bucket"], np.int64),
            np.asarray(found["starts"], np.bool_),
            np.asarray(found["returns"], np.bool_),
            np.asarray(found["later"], np.bool_),
        )

    def persons_with(self, selection: EventSelection, step: EventStep) -> NDArray[np.uint64]:
        """See `ActivityReader.persons_with`."""
        source = self._events(selection, steps=self._step_bits(selection.project, (step,)))
        query = Sql("select distinct person from ") + source
        found = self._arrays(query + Sql(" where steps <> 0 order by person"))
        return np.asarray(found["person"], np.uint64)

    def blocks(self, selection: EventSelection) -> int:
        """Return into how many blocks of persons the events of a selection are cut."""
        # A filter would have to read properties: more blocks than needed are cheaper.
        return 1 + self.estimate(replace(selection, where=None)) // _BLOCK_EVENTS

    def trails(
        self,
        selection: EventSelection,
        steps: Sequence[EventStep],
        all_events: bool,
        block: tuple[int, int],
    ) -> Trails:
        """Return one block: its index and the number of blocks are in `block`."""
        source = self._events(selection, steps=self._step_bits(selection.project, steps))
        query = Sql(f"select person, time_ms, {self._sequence()}, steps, name from ") + source
        query += Sql(" where true" if all_events else " where steps <> 0")
        # Ranges of hashes are of equal size too, and cheaper to compare than remainders.
        columns = in_time_order(self._arrays(query + in_part(PersonPart(*block))))
        # Read after the events, so that no event has an unknown name.
        numbers = self._name_numbers(selection.project)
        ordered = sorted((number, name) for name, number in numbers.items())
        places = np.zeros(ordered[-1][0] + 1 if ordered else 0, np.int64)
        places[[number for number, _ in ordered]] = np.arange(len(ordered))
        order, persons = person_order(columns["person"])
        return Trails(
            persons,
            columns["time_ms"].take(order),
            columns["steps"].take(order),
            places.take(columns["name"].take(order)),
            [name for _, name in ordered],
        )

    def person_ids(self, project: int, persons: NDArray[np.uint64]) -> Sequence[str]:
        """See `ActivityReader.person_ids`."""
        source = self._events(EventSelection(project, *_EVER), extra="distinct_id")
        query = Sql("select person, distinct_id from ") + source
        query += Sql(" where person in (select id from wanted) group by all")
        self.connection.register("wanted", {"id": persons})
        try:
            rows = self._rows(query)
        finally:
            self.connection.unregister("wanted")
        shown: dict[int, str] = {}
        own = self.hasher.persons(project, [distinct_id for _, distinct_id in rows]).tolist()
        for (person, distinct_id), number in sorted(zip(rows, own, strict=True)):
            # The id that the others were merged into; without events of its own, any of them.
            if number == person or person not in shown:
                shown[person] = distinct_id
        return [shown.get(person, "") for person in persons.tolist()]

    def person(self, project: int, distinct_id: str) -> PersonSummary:
        """See `ActivityReader.person`."""
        selection = EventSelection(project, *_EVER, distinct_ids=(distinct_id,))
        ids = self.distinct_ids(project, distinct_id)
        source = self._events(selection)
        query = Sql(
            "select n.name, events, first_ms, last_ms from (select name, count(*) as events,"
            " min(time_ms) as first_ms, max(time_ms) as last_ms from "
        )
        query += source + Sql(
            " group by name) g join names n on n.project = ? and n.id = g.name"
            " order by events desc, n.name",
            (project,),
        )
        names = [SeenName(*row) for row in self._rows(query)]
        (person,) = self._persons(project, (distinct_id,))
        hashes = self.hasher.persons(project, ids).tolist()
        shown = next((each for each, own in zip(ids, hashes, strict=True) if own == person), None)
        return PersonSummary(
            shown or distinct_id,
            ids,
            sum(name.events for name in names),
            min((name.first_ms for name in names), default=None),
            max((name.last_ms for name in names), default=None),
            names,
        )

    def person_properties(self, project: int, distinct_id: str) -> Sequence[PersonProperty]:
        """See `ActivityReader.person_properties`."""
        query = Sql(
            f"select name, {VALUE} as value, coalesce(max(time_ms) filter (not initial),"
            " min(time_ms) filter (initial)) from person_properties where project = ?",
            (project,),
        )
        query += is_in("person", self.persons_of(project, distinct_id), prefix=" and ")
        query += Sql(" group by name having value <> 'null' order by name")
        return [PersonProperty(*row) for row in self._rows(query)]

    def find_persons(self, project: int, prefix: str, limit: int) -> Sequence[FoundPerson]:
        """See `ActivityReader.find_persons`."""
        query = Sql(
            "select distinct_id, count(*), min(time_ms), max(time_ms) as last_ms from events"
            " where project = ? and not is_future and starts_with(distinct_id, ?)"
            " group by distinct_id order by last_ms desc, distinct_id limit ?",
            (project, prefix, limit),
        )
        return [FoundPerson(*row) for row in self._rows(query)]

    def arrivals(self, project: int, after: int, limit: int) -> Sequence[StoredEvent]:
        """See `ActivityReader.arrivals`."""
        query = Sql(
            "select e.sequence, n.name, e.time_ms, e.received_ms, e.distinct_id, e.properties,"
            " e.is_future from events e join names n on n.project = e.project and n.id = e.name"
            " where e.project = ? and e.sequence > ? and not e.is_future"
            " order by e.sequence desc limit ?",
            (project, after, limit),
        )
        return [StoredEvent(*row) for row in self._rows(query)]

    def known_names(self, project: int) -> frozenset[str]:
        """See `ActivityReader.known_names`."""
        return frozenset(self._name_numbers(project))

    def seen_names(self, project: int) -> Sequence[SeenName]:
        """See `ActivityReader.seen_names`."""
        return [SeenName(*row) for row in self.names(project)]

    def property_uses(self, selection: EventSelection, limit: int) -> Sequence[PropertyUse]:
        """See `ActivityReader.property_uses`."""
        events = self._events(selection, extra="properties")
        figures, groups = "1 as events, time_ms as first, time_ms as last", ""
        if self._are_repetitive(events):
            figures = "count(*) as events, min(time_ms) as first, max(time_ms) as last"
            groups = " group by properties"
        # RFC 6901: `~` and `/` are escaped in a pointer.
        query = Sql(
            "select key, list_sort(list(distinct type)), sum(events)::bigint as events,"
            " min(first), max(last) from (select key, events, first, last, json_type(properties,"
            " '/' || replace(replace(key, '~', '~0'), '/', '~1')) as type from"
            " (select *, unnest(json_keys(properties)) as key from (select "
        )
        query += Sql(f"properties, {figures} from ") + events + Sql(groups)
        query += Sql("))) group by key order by events desc, key limit ?", (limit,))
        return [
            PropertyUse(
                key, tuple(sorted({_JSON_TYPES[each] for each in types})), events, first, last
            )
            for key, types, events, first, last in self._rows(query)
        ]

    def _are_repetitive(self, events: Sql) -> bool:
        """Return whether many events have equal properties, so that each text is parsed once."""
        query = Sql("select count(*), count(distinct properties) from (select properties from ")
        query += events + Sql(" limit ?)", (_EXAMINED,))
        ((count, texts),) = self._rows(query)
        return int(count) > 2 * int(texts)

    def _order(self, first_ms: int, last_ms: int) -> str:
        """Return an expression that orders events by time, then arrival, in one number."""
        (row,) = self._rows(Sql("select coalesce(max(sequence), 0) from events"))
        shift = int(row[0]).bit_length()
        is_short = shift + (last_ms - first_ms).bit_length() <= 64
        number = "ubigint" if is_short else "hugeint"
        return f"(((time_ms - {first_ms})::{number} << {shift}) | sequence::{number})"

    def _step_bits(self, project: int, steps: Sequence[EventStep]) -> Sql:
        numbers = self._name_numbers(project)
        bits = []
        for index, step in enumerate(steps):
            condition = self._step(project, step, numbers)
            text = f"(case when {condition.text} then {1 << index}::ubigint else 0::ubigint end)"
            bits.append(Sql(text, condition.values))
        return join(" | ", bits) if bits else Sql("0::ubigint")
