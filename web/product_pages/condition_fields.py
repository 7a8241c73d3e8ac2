"""Conditions as the fields of a form: the filters of reports and the definitions of segments.

Each condition has the fields `where`, `op`, `value`, `within` and `in`, the name of its group.
`match` is `1.any` where one condition of group 1 is enough, and `join` is `any` where one
group is enough. So an address of one condition is `where=plan&op=equals&value=pro`.

Fields with a prefix are the conditions of single events: in `step_where`, group 2 belongs to
the second `step`. Their segments, in `step_segment`, are one for each step.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, Final

from multidict import MultiMapping

from storage.api.reports.conditions import Operator
from web.http.viewing.texts import marked

EXACT_INTEGERS: Final = 2**53
"""Below it, every integer is a number of JSON."""

ALL: Final = "all"
ANY: Final = "any"
EVENT_AT_LEAST: Final = "event_at_least"
EVENT_AT_MOST: Final = "event_at_most"

OPERATORS: Final[Mapping[str, Mapping[str, str]]] = {
    marked("Text"): {
        Operator.EQUALS: marked("is"),
        Operator.DIFFERS: marked("is not"),
        Operator.CONTAINS: marked("contains"),
        Operator.LACKS: marked("does not contain"),
        Operator.MATCHES: marked("matches the expression"),
        Operator.NOT_MATCHES: marked("does not match the expression"),
    },
    marked("Number"): {
        Operator.GREATER: marked("is greater than"),
        Operator.AT_LEAST: marked("is at least"),
        Operator.LESS: marked("is less than"),
        Operator.AT_MOST: marked("is at most"),
    },
    marked("Time"): {
        Operator.BEFORE: marked("is before"),
        Operator.AFTER: marked("is after"),
    },
    marked("Presence"): {
        Operator.IS_SET: marked("is set"),
        Operator.IS_NOT_SET: marked("is not set"),
    },
}
"""The names of the operators that the form offers for a property, grouped by type of value."""
PERSON_OPERATORS: Final[Mapping[str, Mapping[str, str]]] = {
    **OPERATORS,
    marked("Event"): {
        EVENT_AT_LEAST: marked("happened at least … times"),
        EVENT_AT_MOST: marked("happened at most … times"),
    },
}
"""The operators of a segment: beside the usual ones, how often a person had an event."""

_UNARY: Final = (Operator.IS_SET, Operator.IS_NOT_SET)
_NUMERIC: Final = (Operator.GREATER, Operator.LESS, Operator.AT_LEAST, Operator.AT_MOST)
_COUNTS: Final = {EVENT_AT_LEAST: "atLeast", EVENT_AT_MOST: "atMost"}
_ONLY_GROUP: Final = "1"


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """One row of the form.

    Attributes:
        name: the property, or the event that is counted; a row without it is no condition.
        operator: a key of `PERSON_OPERATORS`.
        value: the text of the field.
        within: in how many days events are counted; "" for all.
    """

    name: str = ""
    operator: str = Operator.EQUALS
    value: str = ""
    within: str = ""

    def filter(self) -> dict[str, Any]:
        """Return the condition in JSON; an invalid value stays, for the parser to refuse."""
        if self.operator in _COUNTS:
            counted: dict[str, Any] = {"event": self.name}
            counted[_COUNTS[self.operator]] = whole_number(self.value or "1")
            return counted | ({"days": whole_number(self.within)} if self.within else {})
        found: dict[str, Any] = {"property": self.name, "operator": self.operator}
        if self.operator not in _UNARY:
            found["value"] = _value(self.operator, self.value)
        return found


@dataclass(frozen=True, slots=True)
class ConditionGroup:
    """Conditions of which all or any must hold."""

    match: str = ALL
    conditions: Sequence[ConditionRow] = ()

    def fields(self, number: int, prefix: str = "") -> Iterator[tuple[str, str]]:
        """Return the fields of the form, in order."""
        if self.match == ANY:
            yield f"{prefix}match", f"{number}.{ANY}"
        for each in self.conditions:
            yield f"{prefix}where", each.name
            yield f"{prefix}op", each.operator
            yield f"{prefix}value", each.value
            yield f"{prefix}within", each.within
            yield f"{prefix}in", str(number)

    def shown(self, more: str = "") -> "ConditionGroup":
        """Return the group with the empty row of the form: the first one, or another one."""
        if self.conditions and more != "row":
            return self
        return replace(self, conditions=(*self.conditions, ConditionRow()))


@dataclass(frozen=True, slots=True)
class ConditionFields:
    """Groups of conditions, of which all or any must hold; and a segment, which must hold too."""

    join: str = ALL
    groups: Sequence[ConditionGroup] = field(default=())
    segment: str = ""

    def filters(self) -> list[dict[str, Any]]:
        """Return the filter in JSON that the fields mean."""
        parts: list[dict[str, Any]]
        if len(self.groups) == 1 and self.groups[0].match == ALL:
            parts = [each.filter() for each in self.groups[0].conditions]
        else:
            parts = [
                {group.match: [each.filter() for each in group.conditions]} for group in self.groups
            ]
            if self.join == ANY and len(parts) > 1:
                parts = [{ANY: parts}]
        return [*parts, {"segment": self.segment}] if self.segment else parts

    @property
    def count(self) -> int:
        """How many conditions there are, the segment included."""
        return sum(len(group.conditions) for group in self.groups) + bool(self.segment)

    def fields(self) -> Iterator[tuple[str, str]]:
        """Return the fields of the form, in order."""
        if self.join == ANY:
            yield "join", ANY
        for number, group in enumerate(self.groups, 1):
            yield from group.fields(number)
        if self.segment:
            yield "segment", self.segment

    def shown(self, more: str = "") -> Sequence[ConditionGroup]:
        """Return the groups with the empty rows of the form.

        Args:
            more: `row` for another row, `group` for another group.
        """
        empty = ConditionGroup(ALL, (ConditionRow(),))
        groups = list(self.groups)
        if not groups:
            return [empty]
        groups[-1] = groups[-1].shown(more)
        return [*groups, empty] if more == "group" else groups


def asked_conditions(query: MultiMapping[str]) -> ConditionFields:
    """Return the conditions of an address or of a form's body."""
    return ConditionFields(
        ANY if query.get("join") == ANY else ALL,
        list(asked_groups(query).values()),
        query.get("segment", "").strip(),
    )


def asked_groups(query: MultiMapping[str], prefix: str = "") -> dict[str, ConditionGroup]:
    """Return the groups of an address or of a form's body by their names."""
    columns = (query.getall(prefix + name, []) for name in ("where", "op", "value", "within", "in"))
    matches = {text.strip() for text in query.getall(f"{prefix}match", [])}
    rows: dict[str, list[ConditionRow]] = {}
    for row in zip_longest(*columns, fillvalue=""):
        name, operator, value, within, group = (text.strip() for text in row)
        if name:
            condition = ConditionRow(name, operator or Operator.EQUALS, value, within)
            rows.setdefault(group or _ONLY_GROUP, []).append(condition)
    return {
        name: ConditionGroup(ANY if f"{name}.{ANY}" in matches else ALL, tuple(conditions))
        for name, conditions in rows.items()
    }


def conditions_of(filters: Any) -> ConditionFields:
    """Return the conditions that mean a filter in JSON, as far as the form has them."""
    single: list[ConditionRow] = []
    groups: list[ConditionGroup] = []
    join, segment = ALL, ""
    for item in filters if isinstance(filters, list) else [filters]:
        if not isinstance(item, dict):
            continue
        if isinstance(item.get("segment"), str):
            segment = item["segment"]
        elif (condition := _condition(item)) is not None:
            single.append(condition)
        elif (group := _group(item)) is not None:
            groups.append(group)
        elif item.keys() == {ANY} and isinstance(item[ANY], list):
            join = ANY
            for part in item[ANY]:
                one = _condition(part)
                nested = _group(part) if one is None else ConditionGroup(ALL, (one,))
                groups += [] if nested is None else [nested]
    if single:
        groups.insert(0, ConditionGroup(ALL, tuple(single)))
    return ConditionFields(join, groups, segment)


def has_form(filters: Any) -> bool:
    """Report whether the form has the whole of a filter in JSON."""
    items = filters if isinstance(filters, list) else [filters] if filters else []
    return bool(_canonical(conditions_of(items).filters()) == _canonical(items))


def event_conditions_of(filters: Any) -> ConditionFields:
    """Return the conditions of a single event, as far as the form has them: a group, a segment."""
    found = conditions_of(filters or [])
    return ConditionFields(ALL, found.groups[:1], found.segment)


def has_event_form(filters: Any) -> bool:
    """Report whether the form has the whole of a single event's filter in JSON."""
    items = filters if isinstance(filters, list) else [filters] if filters else []
    return bool(_canonical(event_conditions_of(items).filters()) == _canonical(items))


def _condition(item: Any) -> ConditionRow | None:
    if not isinstance(item, dict):
        return None
    if isinstance(item.get("property"), str):
        value = item.get("value", "")
        first = value[0] if isinstance(value, list) and value else value
        return ConditionRow(
            item["property"], str(item.get("operator", Operator.EQUALS)), _text(first)
        )
    if isinstance(item.get("event"), str):
        operator = EVENT_AT_MOST if "atMost" in item else EVENT_AT_LEAST
        count, days = item.get(_COUNTS[operator], 1), item.get("days")
        return ConditionRow(item["event"], operator, _text(count), _text(days))
    return None


def _group(item: Any) -> ConditionGroup | None:
    """Return a group of nothing but conditions."""
    if not isinstance(item, dict) or len(item) != 1:
        return None
    ((match, parts),) = item.items()
    if match not in (ALL, ANY) or not isinstance(parts, list) or not parts:
        return None
    found = [_condition(part) for part in parts]
    conditions = tuple(each for each in found if each is not None)
    return ConditionGroup(match, conditions) if len(conditions) == len(found) else None


def _canonical(item: Any) -> Any:
    """Return a filter without the differences that mean nothing, to compare it with another."""
    if isinstance(item, list):
        return _joined(ALL, item)
    if not isinstance(item, dict):
        return item
    for match in (ALL, ANY):
        if item.keys() == {match} and isinstance(item[match], list):
            return _joined(match, item[match])
    if "property" in item:
        filled = {"operator": Operator.EQUALS, **item}
        if "value" in item and not isinstance(item["value"], list):
            filled["value"] = [item["value"]]
        return filled
    if "event" in item:
        given = {name: value for name, value in item.items() if value not in (None, [])}
        return given if given.keys() & {"atLeast", "atMost"} else {**given, "atLeast": 1}
    return item


def _joined(match: str, items: Iterable[Any]) -> Any:
    parts: list[Any] = []
    for part in map(_canonical, items):
        # A group in a group of its own kind is no other condition.
        inner = part.get(match) if isinstance(part, dict) else None
        parts += inner if isinstance(inner, list) else [part]
    return parts[0] if len(parts) == 1 else {match: parts}


def _value(operator: str, text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    whole = int(number) if number.is_integer() and abs(number) < EXACT_INTEGERS else number
    # Senders write 5 as a number or as a text.
    if operator in _NUMERIC:
        return whole
    return [text, whole] if operator in (Operator.EQUALS, Operator.DIFFERS) else text


def whole_number(text: str) -> Any:
    """Return a whole number, any other text as it is, for the definition to refuse."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
