"""SQL of event selections and filters; every value is a parameter."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import re2

from storage.api.events import EventQueryError
from storage.api.reports.conditions import (
    AllOf,
    EventFilter,
    Not,
    Operator,
    PersonCondition,
    PersonEvents,
    PersonValue,
    PropertyCondition,
    Scalar,
    person_property,
)
from storage.events.sql import Sql, join

_NEGATIVE: Final = (Operator.DIFFERS, Operator.LACKS, Operator.NOT_MATCHES)
_COMPARISONS: Final = {
    Operator.GREATER: ">",
    Operator.LESS: "<",
    Operator.AT_LEAST: ">=",
    Operator.AT_MOST: "<=",
    Operator.BEFORE: "<",
    Operator.AFTER: ">",
}


def pointer(name: str) -> str:
    """Return the JSON pointer of a top-level member.

    Source: RFC 6901, section 3.
    """
    return "/" + name.replace("~", "~0").replace("/", "~1")


def property_text(name: str) -> Sql:
    """Return an expression for a property as text; NULL if it is missing or null."""
    return Sql("json_extract_string(e.properties, ?)", (pointer(name),))


def property_number(name: str) -> Sql:
    """Return an expression for a property as a number; NULL if it is none."""
    text = property_text(name)
    return Sql(
        f"case when json_type(e.properties, ?) in ('BIGINT', 'UBIGINT', 'DOUBLE', 'HUGEINT')"
        f" then try_cast({text.text} as double) end",
        (pointer(name), *text.values),
    )


def filter_sql(
    found: EventFilter, persons: Callable[[PersonCondition | PropertyCondition], Sql]
) -> Sql:
    """Return a filter as a condition that is never NULL.

    Args:
        found: the filter.
        persons: returns a condition on the person of the event `e`.

    Raises:
        EventQueryError: a regular expression or a value is invalid.
    """
    if isinstance(found, PropertyCondition):
        is_of_person = person_property(found.property) is not None
        return persons(found) if is_of_person else condition_sql(found)
    if isinstance(found, PersonEvents | PersonValue):
        return persons(found)
    if isinstance(found, Not):
        part = filter_sql(found.part, persons)
        return Sql(f"(not {part.text})", part.values)
    if not found.parts:
        return Sql("true" if isinstance(found, AllOf) else "false")
    between = " and " if isinstance(found, AllOf) else " or "
    inside = join(between, [filter_sql(part, persons) for part in found.parts])
    return Sql(f"({inside.text})", inside.values)


def condition_sql(found: PropertyCondition) -> Sql:
    """Return a condition on a property of the event `e`; never NULL.

    Raises:
        EventQueryError: a regular expression or a value is invalid.
    """
    text = property_text(found.property)
    if found.operator is Operator.IS_SET:
        return Sql(f"({text.text} is not null)", text.values)
    if found.operator is Operator.IS_NOT_SET:
        return Sql(f"({text.text} is null)", text.values)
    if not found.values:
        raise EventQueryError(f"property {found.property!r}: {found.operator} needs a value")
    one = _COMPARISON_OF[found.operator]
    anyone = join(" or ", [one(found, value) for value in found.values])
    negation = "not " if found.operator in _NEGATIVE else ""
    return Sql(f"({negation}coalesce({anyone.text}, false))", anyone.values)


def _equal(found: PropertyCondition, value: Scalar) -> Sql:
    if isinstance(value, bool):
        value = "true" if value else "false"
    if value is None:
        text = property_text(found.property)
        return Sql(f"({text.text} is null)", text.values)
    if isinstance(value, str):
        text = property_text(found.property)
        return Sql(f"{text.text} = ?", (*text.values, value))
    number = property_number(found.property)
    return Sql(f"({number.text}) = ?", (*number.values, float(value)))


def _contains(found: PropertyCondition, value: Scalar) -> Sql:
    text = property_text(found.property)
    return Sql(f"contains(lower({text.text}), lower(?))", (*text.values, _text(found, value)))


def _matches(found: PropertyCondition, value: Scalar) -> Sql:
    expression = _text(found, value)
    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(expression, options)
    except re2.error as exc:
        reason = exc.args[0].decode() if isinstance(exc.args[0], bytes) else exc
        raise EventQueryError(f"property {found.property!r}: bad expression: {reason}") from exc
    text = property_text(found.property)
    return Sql(f"regexp_matches({text.text}, ?)", (*text.values, expression))


def _compared(found: PropertyCondition, value: Scalar) -> Sql:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EventQueryError(
            f"property {found.property!r}: {found.operator} needs a number, not {value!r}"
        )
    number = property_number(found.property)
    sign = _COMPARISONS[found.operator]
    return Sql(f"({number.text}) {sign} ?", (*number.values, float(value)))


def _time(found: PropertyCondition, value: Scalar) -> Sql:
    text = property_text(found.property)
    try:
        moment = datetime.fromisoformat(_text(found, value))
    except ValueError as exc:
        raise EventQueryError(
            f"property {found.property!r}: {found.operator} needs a time such as"
            f" 2026-01-31T12:00:00Z, not {value!r}"
        ) from exc
    time_ms = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    # With "Z" first: else a time without an offset would be one of the machine's zone.
    casts = [
        Sql(f"try_cast({text.text}{end} as timestamptz)", text.values)
        for end in (" || 'Z'", " || 'T00:00:00Z'", "")
    ]
    times = join(", ", casts)
    sign = _COMPARISONS[found.operator]
    return Sql(f"epoch_ms(coalesce({times.text})) {sign} ?", (*times.values, round(time_ms)))


def _text(found: PropertyCondition, value: Scalar) -> str:
    if not isinstance(value, str):
        raise EventQueryError(
            f"property {found.property!r}: {found.operator} needs a text, not {value!r}"
        )
    return value


_COMPARISON_OF: Final[dict[Operator, Callable[[PropertyCondition, Scalar], Sql]]] = {
    Operator.EQUALS: _equal,
    Operator.DIFFERS: _equal,
    Operator.CONTAINS: _contains,
    Operator.LACKS: _contains,
    Operator.MATCHES: _matches,
    Operator.NOT_MATCHES: _matches,
    Operator.GREATER: _compared,
    Operator.LESS: _compared,
    Operator.AT_LEAST: _compared,
    Operator.AT_MOST: _compared,
    Operator.BEFORE: _time,
    Operator.AFTER: _time,
}
