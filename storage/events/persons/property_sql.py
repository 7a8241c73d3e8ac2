"""SQL of the properties of persons, which filters and breakdowns name `person.plan`."""

from typing import Final

from storage.api.reports.conditions import Operator, PropertyCondition
from storage.events.persons.property_rows import VALUE
from storage.events.selection_sql import condition_sql, property_number, property_text
from storage.events.sql import Sql

_HOLD_WITHOUT_VALUE: Final = (
    Operator.DIFFERS,
    Operator.LACKS,
    Operator.NOT_MATCHES,
    Operator.IS_NOT_SET,
)


def text_of_person(project: int, name: str) -> Sql:
    """Return an expression for a property of the person of the event `e`, as text."""
    return _of_person(project, name, property_text(name))


def number_of_person(project: int, name: str) -> Sql:
    """Return an expression for a property of the person of the event `e`, as a number."""
    return _of_person(project, name, property_number(name))


def condition_on_person(project: int, condition: PropertyCondition) -> Sql:
    """Return a condition on the person of the event `e`; never NULL."""
    found = condition_sql(condition)
    holds_without = condition.operator in _HOLD_WITHOUT_VALUE or (
        condition.operator is Operator.EQUALS and None in condition.values
    )
    if condition.operator is Operator.DIFFERS and None in condition.values:
        holds_without = False
    members = _values(project, condition.property)
    wanted = "not " if holds_without else ""
    return Sql(
        f"({wanted}e.person in (select own from {members.text} e where {wanted}{found.text}))",
        (*members.values, *found.values),
    )


def _of_person(project: int, name: str, expression: Sql) -> Sql:
    members = _values(project, name)
    return Sql(
        f"(select p.value from (select own, {expression.text} as value from {members.text} e) p"
        " where p.own = e.person)",
        (*expression.values, *members.values),
    )


def _values(project: int, name: str) -> Sql:
    """Return a table of distinct ids with the property alone, as a JSON object."""
    return Sql(
        "(with found as (select person, json_object(?, value::json) as properties from"
        f" (select coalesce(i.person, p.person) as person, {VALUE} as value"
        " from person_properties p left join identities i on i.project = p.project"
        " and i.alias = p.person where p.project = ? and p.name = ? group by all)"
        " where value <> 'null') select person as own, properties from found union all"
        " select i.alias, f.properties from found f join identities i on i.person = f.person"
        " where i.project = ?)",
        (name, project, name, project),
    )
