"""Conditions on events: their properties, and what their persons did.

No SQL here: the engine of the event store translates them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

Scalar = str | float | bool | None

PERSON_PREFIX: Final = "person."
"""What the name of a property begins with that belongs to the person of an event."""


def person_property(name: str) -> str | None:
    """Return the name of a property of persons, None if it is one of events."""
    has_prefix = name.startswith(PERSON_PREFIX) and name != PERSON_PREFIX
    return name.removeprefix(PERSON_PREFIX) if has_prefix else None


class Operator(StrEnum):
    """How a property is compared. Numbers compare as numbers, everything else as text."""

    EQUALS = "equals"
    DIFFERS = "differs"
    CONTAINS = "contains"
    LACKS = "lacks"
    MATCHES = "matches"
    """A regular expression in RE2's syntax, found anywhere."""
    NOT_MATCHES = "not_matches"
    GREATER = "greater"
    LESS = "less"
    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    BEFORE = "before"
    """A time in ISO 8601, in UTC without an offset."""
    AFTER = "after"
    IS_SET = "is_set"
    IS_NOT_SET = "is_not_set"


@dataclass(frozen=True, slots=True)
class PropertyCondition:
    """A condition on one property of an event.

    Attributes:
        property: its name; the value of a nested object is its JSON text. A name that begins
            with `PERSON_PREFIX` is a property of the event's person, as it is now.
        operator: how the property is compared.
        values: what it is compared with; the condition holds if it holds for one of them.
            DIFFERS, LACKS and NOT_MATCHES hold if they hold for all of them, also for an
            event without the property.
    """

    property: str
    operator: Operator
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds if all parts hold."""

    parts: "tuple[EventFilter, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds if one part holds; without parts it never holds."""

    parts: "tuple[EventFilter, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Holds if its part does not hold."""

    part: "EventFilter"


@dataclass(frozen=True, slots=True)
class PersonEvents:
    """Holds for all events of the persons who had certain events a number of times.

    Attributes:
        start_ms, end_ms: the range in which those events are counted.
        name: the name of those events; None for any.
        where: a condition on those events.
        least: the fewest of them; 0 includes persons without any.
        most: the most of them; None for no bound.
    """

    start_ms: int
    end_ms: int
    name: str | None = None
    where: "EventFilter | None" = None
    least: int = 1
    most: int | None = None


@dataclass(frozen=True, slots=True)
class PersonValue:
    """Holds for all events of the persons whose latest value of a property fulfils a condition.

    The latest value is that of the person's latest event with the property, whatever the
    range of the report. A person who never had the property has none.
    """

    condition: PropertyCondition


PersonCondition = PersonEvents | PersonValue
EventFilter = PropertyCondition | AllOf | AnyOf | Not | PersonEvents | PersonValue
