"""Filters in JSON, as requests and saved reports have them, and the conditions they mean.

A filter is a list, of which all items must hold, or one item:

- `{"property": "plan", "operator": "equals", "value": "pro"}`; `value` may be a list, of
  which one must hold. The operator is `equals` unless it is given.
- The property `person.plan` is that of the event's person, as `$set` and `$set_once` have set it.
- `{"segment": "Buyers"}`: the events of the segment's persons.
- `{"all": […]}`, `{"any": […]}` and `{"not": …}` with items inside.

The definition of a segment has the same form. There a property is that of the person: its
latest value. And `{"event": "purchase", "atLeast": 3, "atMost": 9, "days": 30, "filters": …}`
counts the person's events; each part but `event` may be missing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from analytics.errors import ReportError
from analytics.product.ingestion import LONGEST_NAME
from analytics.statistics.calendar import date_of, start_of_date
from storage.api.events import FUTURE_TOLERANCE_MS
from storage.api.reports.conditions import (
    AllOf,
    AnyOf,
    EventFilter,
    Not,
    Operator,
    PersonEvents,
    PersonValue,
    PropertyCondition,
    Scalar,
    person_property,
)

DEEPEST: Final = 8
MOST_ITEMS: Final = 100
MOST_VALUES: Final = 200
LONGEST_VALUE: Final = 1000
LARGEST_NUMBER: Final = 2**63 - 1
LONGEST_SEGMENT_NAME: Final = 100
MOST_DAYS: Final = 3660
MOST_TIMES: Final = 1_000_000

_EARLIEST_MS: Final = -(2**53)
_UNARY: Final = (Operator.IS_SET, Operator.IS_NOT_SET)
_NUMERIC: Final = (Operator.GREATER, Operator.LESS, Operator.AT_LEAST, Operator.AT_MOST)
_TEXTUAL: Final = (
    Operator.CONTAINS,
    Operator.LACKS,
    Operator.MATCHES,
    Operator.NOT_MATCHES,
    Operator.BEFORE,
    Operator.AFTER,
)
_GROUPS: Final[dict[str, type[AllOf] | type[AnyOf]]] = {"all": AllOf, "any": AnyOf}

SegmentLookup = Callable[[str], EventFilter | None]
"""Returns the condition of a segment by its name, None if there is no such segment."""


def parse_filters(
    filters: Any, segments: SegmentLookup, field: str = "filters"
) -> EventFilter | None:
    """Return the condition that a filter in JSON means, None for null or an empty list.

    Raises:
        ReportError: it is invalid; the error names the field, such as `filters[0].value`.
    """
    if filters is None or filters == []:
        return None
    return _Filters(segments).parse(filters, field, 1)


def mentions_segment(filters: Any, depth: int = 1) -> bool:
    """Report whether a filter may name a segment; cheap and without validation."""
    if depth > DEEPEST:
        return False
    if isinstance(filters, list):
        return any(mentions_segment(item, depth + 1) for item in filters[:MOST_ITEMS])
    if not isinstance(filters, dict):
        return False
    return "segment" in filters or any(
        # The list of a group is no level of its own.
        mentions_segment(filters[key], depth if isinstance(filters[key], list) else depth + 1)
        for key in ("all", "any", "not")
        if key in filters
    )


def parse_segment(
    definition: Any, zone: ZoneInfo, now_ms: int, field: str = "definition"
) -> EventFilter:
    """Return the condition on persons that the definition of a segment means now.

    Raises:
        ReportError: it is invalid or empty.
    """
    if not definition:
        raise ReportError("must have at least one condition", field)
    return _Persons(zone, now_ms).parse(definition, field, 1)


@dataclass
class _Items:
    """Parses nested items; subclasses parse the innermost ones."""

    count = 0

    def parse(self, item: Any, field: str, depth: int) -> EventFilter:
        self._require_bounds(field, depth)
        if isinstance(item, list):
            return AllOf(self._parts(item, field, depth))
        if not isinstance(item, dict):
            raise ReportError("must be a condition such as {'property': …} or a list", field)
        for key, group in _GROUPS.items():
            if key in item:
                _require_keys(item, field, (key,))
                if not isinstance(item[key], list):
                    raise ReportError("must be a list of conditions", f"{field}.{key}")
                return group(self._parts(item[key], f"{field}.{key}", depth))
        if "not" in item:
            _require_keys(item, field, ("not",))
            return Not(self.parse(item["not"], f"{field}.not", depth + 1))
        return self.innermost(item, field, depth)

    def innermost(self, item: Mapping[str, Any], field: str, depth: int) -> EventFilter:
        raise NotImplementedError

    def _parts(self, items: list[Any], field: str, depth: int) -> tuple[EventFilter, ...]:
        if len(items) > MOST_ITEMS:
            raise ReportError(f"has more than {MOST_ITEMS} conditions", field)
        return tuple(
            self.parse(item, f"{field}[{index}]", depth + 1) for index, item in enumerate(items)
        )

    def _require_bounds(self, field: str, depth: int) -> None:
        self.count += 1
        if self.count > MOST_ITEMS:
            raise ReportError(f"more than {MOST_ITEMS} conditions; use fewer", field)
        if depth > DEEPEST:
            raise ReportError(f"is nested more than {DEEPEST} deep", field)


class _Filters(_Items):
    """Conditions on events."""

    def __init__(self, segments: SegmentLookup) -> None:
        self._segments = segments

    def innermost(self, item: Mapping[str, Any], field: str, depth: int) -> EventFilter:
        if "segment" not in item:
            return _property(item, field)
        _require_keys(item, field, ("segment",))
        name = _text(item["segment"], f"{field}.segment", LONGEST_SEGMENT_NAME)
        found = self._segments(name)
        if found is None:
            raise ReportError(f"the project has no segment {name!r}", f"{field}.segment")
        return found


class _Persons(_Items):
    """Conditions on persons."""

    def __init__(self, zone: ZoneInfo, now_ms: int) -> None:
        self._zone, self._now_ms = zone, now_ms

    def innermost(self, item: Mapping[str, Any], field: str, depth: int) -> EventFilter:
        if "event" not in item:
            condition = _property(item, field)
            # The property of a person needs no look at the person's events.
            is_own = person_property(condition.property) is not None
            return condition if is_own else PersonValue(condition)
        _require_keys(item, field, ("event", "filters", "atLeast", "atMost", "days"))
        name = item["event"]
        if name is not None:
            name = _text(name, f"{field}.event", LONGEST_NAME)
        least = _whole(item.get("atLeast"), f"{field}.atLeast", 0, MOST_TIMES)
        most = _whole(item.get("atMost"), f"{field}.atMost", 0, MOST_TIMES)
        if least is None:
            # "At most twice" includes never.
            least = 1 if most is None else 0
        if most is not None and most < least:
            raise ReportError("must not be less than atLeast", f"{field}.atMost")
        filters = item.get("filters")
        where = None
        if filters not in (None, []):
            nested = _Filters(_no_segments)
            nested.count = self.count
            where = nested.parse(filters, f"{field}.filters", depth + 1)
            self.count = nested.count
        return PersonEvents(
            self._start_ms(_whole(item.get("days"), f"{field}.days", 1, MOST_DAYS)),
            self._now_ms + FUTURE_TOLERANCE_MS,
            name,
            where,
            least,
            most,
        )

    def _start_ms(self, days: int | None) -> int:
        """Return the start of the local date `days` before today's."""
        if days is None:
            return _EARLIEST_MS
        today = date_of(self._now_ms, self._zone)
        return start_of_date(today - timedelta(days), self._zone)


def _no_segments(name: str) -> None:
    """A segment is not made of others: their definitions could form a circle."""


def _property(item: Mapping[str, Any], field: str) -> PropertyCondition:
    if "property" not in item:
        raise ReportError("needs property, segment, event, all, any or not", field)
    _require_keys(item, field, ("property", "operator", "value"))
    name = _text(item["property"], f"{field}.property", LONGEST_NAME)
    try:
        operator = Operator(item.get("operator", Operator.EQUALS))
    except ValueError:
        known = ", ".join(Operator)
        raise ReportError(f"must be one of {known}", f"{field}.operator") from None
    values = _values(item, f"{field}.value")
    if operator in _UNARY and values:
        raise ReportError(f"{operator} takes no value", f"{field}.value")
    if operator not in _UNARY and not values:
        raise ReportError(f"is missing; {operator} needs one", f"{field}.value")
    for value in values:
        _require_type(operator, value, f"{field}.value")
    return PropertyCondition(name, operator, values)


def _values(item: Mapping[str, Any], field: str) -> tuple[Scalar, ...]:
    if "value" not in item:
        return ()
    value = item["value"]
    values = value if isinstance(value, list) else [value]
    if len(values) > MOST_VALUES:
        raise ReportError(f"has more than {MOST_VALUES} values", field)
    for each in values:
        if each is not None and not isinstance(each, str | int | float | bool):
            raise ReportError("must be a text, a number, true, false, null, or a list", field)
        if isinstance(each, int | float) and not abs(each) <= LARGEST_NUMBER:
            raise ReportError("must be a number within the range of 64-bit integers", field)
        if isinstance(each, str) and len(each) > LONGEST_VALUE:
            raise ReportError(f"is longer than {LONGEST_VALUE} characters", field)
    return tuple(values)


def _require_type(operator: Operator, value: Scalar, field: str) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if operator in _NUMERIC and not is_number:
        raise ReportError(f"must be a number for {operator}", field)
    if operator in _TEXTUAL and not isinstance(value, str):
        raise ReportError(f"must be a text for {operator}", field)


def _require_keys(item: Mapping[str, Any], field: str, known: tuple[str, ...]) -> None:
    for key in item:
        if key not in known:
            raise ReportError(f"is unknown here; known are {', '.join(known)}", f"{field}.{key}")


def _text(value: Any, field: str, longest: int) -> str:
    if not isinstance(value, str) or not value:
        raise ReportError("must be a text that is not empty", field)
    if len(value) > longest:
        raise ReportError(f"is longer than {longest} characters", field)
    return value


def _whole(value: Any, field: str, least: int, most: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ReportError(f"must be a whole number from {least} to {most}", field)
    return value
