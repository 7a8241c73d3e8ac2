"""The events of a selection as SQL, with one number for each person."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from numpy.typing import NDArray

from storage.api.events import EventSelection, EventStep, PersonPart
from storage.api.reports.conditions import (
    EventFilter,
    PersonCondition,
    PersonEvents,
    PersonValue,
    PropertyCondition,
    person_property,
)
from storage.events.hashing import Hasher
from storage.events.persons.property_sql import (
    condition_on_person,
    number_of_person,
    text_of_person,
)
from storage.events.selection_sql import filter_sql, property_number, property_text
from storage.events.sql import IN_ORDER, Sql, column_arrays, is_in

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ALWAYS: Final = (-(2**62), 2**62)
"""The range of all times."""

_TESTED_NUMBERS: Final = 64
"""Numbers of names below it are bits of one 64-bit number."""


def in_part(part: PersonPart) -> Sql:
    """Return the condition, after another one, that a person is in a part of all persons."""
    if part.count == 1:
        return Sql("")
    first, last = ((2**64 * (part.index + more) // part.count) - more for more in (0, 1))
    return Sql(f" and person between {first}::ubigint and {last}::ubigint")


def _has_name(numbers: Sequence[int]) -> Sql:
    """Return the condition, after another one, that an event has one of the names.

    Testing a bit takes half the time of a join, and a join half that of comparing with every
    number of ten.
    """
    if not numbers:
        return Sql(" and false")
    if max(numbers) < _TESTED_NUMBERS:
        bits = sum(1 << number for number in set(numbers))
        is_set = f"({bits}::ubigint >> e.name::ubigint) & 1 = 1"
        return Sql(f" and e.name < {_TESTED_NUMBERS} and {is_set}")
    return Sql(" and e.name in (select unnest(?::uinteger[]))", (list(numbers),))


@dataclass(slots=True)
class SelectionQueries:
    """The parts that all queries of events share.

    Attributes:
        connection: used by one thread.
        hasher: hashes distinct ids.
    """

    connection: "DuckDBPyConnection"
    hasher: Hasher

    def persons_of(self, project: int, distinct_id: str) -> Sequence[int]:
        """Return the hashes of all distinct ids of a person."""
        (person,) = self._persons(project, (distinct_id,))
        rows = self._rows(
            Sql("select alias from identities where project = ? and person = ?", (project, person))
        )
        return [person, *(alias for (alias,) in rows)]

    def _rows(self, query: Sql) -> list[Any]:
        return self.connection.execute(query.text, list(query.values)).fetchall()

    def _arrays(self, query: Sql) -> dict[str, NDArray[Any]]:
        return column_arrays(self.connection, query)

    def _events(
        self,
        selection: EventSelection,
        *,
        value: Sql | None = None,
        number: Sql | None = None,
        steps: Sql | None = None,
        extra: str = "",
        alias: str = "events",
    ) -> Sql:
        """Return a subquery of the selected events, with one person number for each person."""
        columns = Sql("e.time_ms, e.name, e.sequence, ")
        has_identities = self._has_identities(selection.project)
        person = "coalesce(i.person, e.person)" if has_identities else "e.person"
        columns += Sql(f"{person} as person")
        if extra:
            columns += Sql(f", e.{extra}")
        for name, expression in (("value", value), ("number", number), ("steps", steps)):
            if expression is not None:
                columns += Sql(", ") + expression + Sql(f" as {name}")
        joined = ""
        if has_identities:
            joined = " left join identities i on i.project = e.project and i.alias = e.person"
        query = Sql("(select ") + columns + Sql(f" from events e{joined} where ")
        return query + self._where(selection) + Sql(f") {alias}")

    def _where(self, selection: EventSelection) -> Sql:
        """Return the condition of a selection on the table `events e`."""
        condition = Sql(
            "e.project = ? and e.time_ms >= ? and e.time_ms < ? and not e.is_future",
            (selection.project, selection.start_ms, selection.end_ms),
        )
        if selection.names is not None:
            numbers = self._name_numbers(selection.project)
            wanted = [numbers[name] for name in selection.names if name in numbers]
            condition += _has_name(wanted)
        if selection.distinct_ids is not None:
            persons = self._persons(selection.project, selection.distinct_ids)
            aliases = self._rows(
                Sql("select alias from identities where project = ?", (selection.project,))
                + is_in("person", persons, prefix=" and ")
            )
            condition += is_in(
                "e.person", [*persons, *(alias for (alias,) in aliases)], prefix=" and "
            )
        if selection.where is not None:
            condition += Sql(" and ") + self._filter(selection.project, selection.where)
        return condition

    def _persons(self, project: int, distinct_ids: Sequence[str]) -> list[int]:
        """Return for each distinct id the hash that stands for its person."""
        hashes = self.hasher.persons(project, distinct_ids).tolist()
        rows = self._rows(
            Sql("select alias, person from identities where project = ?", (project,))
            + is_in("alias", hashes, prefix=" and ")
        )
        merged = dict(rows)
        return [merged.get(number, number) for number in hashes]

    def _has_identities(self, project: int) -> bool:
        return bool(
            self._rows(Sql("select 1 from identities where project = ? limit 1", (project,)))
        )

    def _name_numbers(self, project: int) -> dict[str, int]:
        return dict(self._rows(Sql("select name, id from names where project = ?", (project,))))

    def _step(self, project: int, step: EventStep, numbers: dict[str, int]) -> Sql:
        condition = Sql("true")
        if step.name is not None:
            condition = Sql("e.name = ?", (numbers.get(step.name, 0),))
        if step.where is not None:
            condition += Sql(" and ") + self._filter(project, step.where)
        return condition

    def _filter(self, project: int, found: EventFilter) -> Sql:
        return filter_sql(found, lambda condition: self._persons_with(project, condition))

    def _text(self, project: int, name: str) -> Sql:
        """Return an expression for a property of the event `e` or its person, as text."""
        own = person_property(name)
        return property_text(name) if own is None else text_of_person(project, own)

    def _number(self, project: int, name: str) -> Sql:
        """Return an expression for a property of the event `e` or its person, as a number."""
        own = person_property(name)
        return property_number(name) if own is None else number_of_person(project, own)

    def _persons_with(self, project: int, condition: PersonCondition | PropertyCondition) -> Sql:
        """Return a condition on the person of the event `e`."""
        if isinstance(condition, PersonValue) and person_property(condition.condition.property):
            condition = condition.condition
        if isinstance(condition, PropertyCondition):
            own = person_property(condition.property) or condition.property
            return condition_on_person(project, replace(condition, property=own))
        if isinstance(condition, PersonValue):
            return self._is_one_of(project, self._with_value(project, condition))
        if condition.least == 0:
            if condition.most is None:
                return Sql("true")
            # Persons without such events are in no group, so that the others are excluded.
            others = replace(condition, least=condition.most + 1, most=None)
            found = self._is_one_of(project, self._with_events(project, others))
            return Sql(f"(not {found.text})", found.values)
        return self._is_one_of(project, self._with_events(project, condition))

    def _with_events(self, project: int, condition: PersonEvents) -> Sql:
        names = None if condition.name is None else (condition.name,)
        selection = EventSelection(
            project, condition.start_ms, condition.end_ms, names, where=condition.where
        )
        query = Sql("select person from ") + self._events(selection)
        query += Sql(" group by person having count(*) >= ?", (condition.least,))
        if condition.most is not None:
            query += Sql(" and count(*) <= ?", (condition.most,))
        return query

    def _with_value(self, project: int, condition: PersonValue) -> Sql:
        text = property_text(condition.condition.property)
        query = Sql(
            f"select person from (select person, arg_max(properties, {IN_ORDER})"
            f" filter ({text.text} is not null) as properties from ",
            text.values,
        )
        # The alias `e` is that of the expression for a property.
        query += self._events(EventSelection(project, *ALWAYS), extra="properties", alias="e")
        query += Sql(" group by person) e where ")
        return query + self._filter(project, condition.condition)

    def _is_one_of(self, project: int, persons: Sql) -> Sql:
        """Return whether the person of the event `e` is among the persons of a query."""
        if not self._has_identities(project):
            return Sql(f"(e.person in ({persons.text}))", persons.values)
        return Sql(
            f"(e.person in (with members as ({persons.text}) select person from members union all"
            " select alias from identities where project = ? and person in"
            " (select person from members)))",
            (*persons.values, project),
        )
