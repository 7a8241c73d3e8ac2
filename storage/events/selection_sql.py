"""SQL of event selections and filters; every value is a parameter."""

from collections.abc import Callable
from typing import Final

import re2

from storage.api.events import (
    AllOf,
    EventFilter,
    EventQueryError,
    Operator,
    PropertyCondition,
    Scalar,
)
from storage.events.sql import Sql, join

_NEGATIVE: Final = (Operator.DIFFERS, Operator.LACKS)
_COMPARISONS: Final = {Operator.GREATER: ">", Operator.LESS: "<"}


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


def filter_sql(found: EventFilter) -> Sql:
    """Return a filter as a condition that is never NULL.

    Raises:
        EventQueryError: a regular expression or a value is invalid.
    """
    if isinstance(found, PropertyCondition):
        return _condition(found)
    if not found.parts:
        return Sql("true" if isinstance(found, AllOf) else "false")
    between = " and " if isinstance(found, AllOf) else " or "
    inside = join(between, [filter_sql(part) for part in found.parts])
    return Sql(f"({inside.text})", inside.values)


def _condition(found: PropertyCondition) -> Sql:
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
    Operator.GREATER: _compared,
    Operator.LESS: _compared,
}
