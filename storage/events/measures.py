"""Measures of events in time, and what reports about persons look up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from storage.api.events import EventQueryError, EventSelection, EventStep, PersonPart
from storage.api.reports.measures import Breakdown, EventMeasure, FirstValues, MeasuredSeries
from storage.events.selection_queries import ALWAYS, SelectionQueries, in_part
from storage.events.sql import IN_ORDER, Sql, bucket_sql, is_in, join

_EXPRESSIONS: Final = {
    EventMeasure.EVENTS: "count(*)",
    EventMeasure.PERSONS: "count(distinct person)",
    EventMeasure.PER_PERSON: "count(*) / count(distinct person)",
    EventMeasure.SUM: "coalesce(sum(number), 0)",
    EventMeasure.MEAN: "avg(number)",
    EventMeasure.LEAST: "min(number)",
    EventMeasure.GREATEST: "max(number)",
    EventMeasure.MEDIAN: "quantile_cont(number, 0.5)",
    EventMeasure.P90: "quantile_cont(number, 0.9)",
    EventMeasure.P95: "quantile_cont(number, 0.95)",
    EventMeasure.P99: "quantile_cont(number, 0.99)",
}
_ZERO_WITHOUT_EVENTS: Final = (EventMeasure.EVENTS, EventMeasure.PERSONS, EventMeasure.SUM)


@dataclass(slots=True)
class MeasureQueries(SelectionQueries):
    """The queries of measures on one connection."""

    def measured(
        self,
        selection: EventSelection,
        edges_ms: NDArray[np.int64],
        measure: EventMeasure,
        of: str | None,
        breakdown: Breakdown | None,
    ) -> Sequence[MeasuredSeries]:
        """See `EventReader.measured`."""
        if measure.needs_property and of is None:
            raise EventQueryError(f"property: {measure} needs one")
        number = (
            self._number(selection.project, of)
            if of is not None and measure.needs_property
            else None
        )
        text = None if breakdown is None else self._text(selection.project, breakdown.property)
        source = self._events(selection, value=text, number=number)
        if breakdown is not None:
            if measure.is_of_persons:
                source = _with_first_values(source)
            source = _grouped(source, breakdown.values)
        query = Sql(
            f"select bucket, grp, {_EXPRESSIONS[measure]} from (select *,"
            f" {bucket_sql(edges_ms)} as bucket{'' if breakdown else ', 0 as grp'} from "
        )
        query += source + Sql(") group by grouping sets ((bucket, grp), (grp))")
        rows = self._rows(query)
        values = (None,) if breakdown is None else breakdown.values
        return _series(rows, values, len(edges_ms) - 1, measure)

    def first_values(
        self, selection: EventSelection, steps: Sequence[EventStep], by: str, part: PersonPart
    ) -> FirstValues:
        """See `EventReader.first_values`."""
        numbers = self._name_numbers(selection.project)
        satisfied = join(" or ", [self._step(selection.project, step, numbers) for step in steps])
        source = self._events(selection, value=self._text(selection.project, by), steps=satisfied)
        query = Sql(f"select person, arg_min(value, {IN_ORDER}) as value from ") + source
        query += Sql(" where steps and value is not null") + in_part(part)
        query += Sql(" group by person order by person")
        found = self._arrays(query)
        return FirstValues(found["person"].astype(np.uint64, copy=False), found["value"].tolist())

    def persons_named(self, project: int, persons: Sequence[int]) -> dict[int, str]:
        """See `EventReader.persons_named`."""
        aliases = self._rows(
            Sql("select alias from identities where project = ?", (project,))
            + is_in("person", persons, prefix=" and ")
        )
        hashes = [*persons, *(alias for (alias,) in aliases)]
        source = self._events(
            EventSelection(project, *ALWAYS), extra="distinct_id, e.person as own"
        )
        query = Sql("select person, arg_max(distinct_id, (own = person, sequence)) from ") + source
        query += is_in("own", hashes, prefix=" where ") + Sql(" group by person")
        return dict(self._rows(query))


def _with_first_values(source: Sql) -> Sql:
    """Return a table in which each person has one value, the first one."""
    first = (
        f"select person, arg_min(value, {IN_ORDER}) as value from chosen"
        " where value is not null group by person"
    )
    return Sql(
        f"(with chosen as (select * from {source.text})"
        " select c.* replace (f.value as value) from chosen c"
        f" left join ({first}) f on f.person = c.person) events",
        source.values,
    )


def _grouped(source: Sql, values: Sequence[str | None]) -> Sql:
    """Return a table with the index of each row's value, `len(values)` for other values."""
    cases = "".join(
        f" when value is not distinct from ?::varchar then {index}" for index in range(len(values))
    )
    case = f"case{cases} else {len(values)} end" if values else "0"
    query = Sql(f"(select *, {case} as grp from ", tuple(values))
    return query + source + Sql(") events")


def _series(
    rows: Sequence[Any], values: Sequence[str | None], buckets: int, measure: EventMeasure
) -> Sequence[MeasuredSeries]:
    empty = 0.0 if measure in _ZERO_WITHOUT_EVENTS else np.nan
    points = np.full((len(values) + 1, buckets), empty)
    totals = np.full(len(values) + 1, empty)
    has_others = False
    for bucket, group, value in rows:
        has_others = has_others or group == len(values)
        if value is None:
            continue
        if bucket is None:
            totals[group] = value
        else:
            points[group, bucket] = value
    found = [
        MeasuredSeries(value, is_other=False, values=points[index], total=float(totals[index]))
        for index, value in enumerate(values)
    ]
    if has_others:
        others = MeasuredSeries(None, is_other=True, values=points[-1], total=float(totals[-1]))
        found.append(others)
    return found
