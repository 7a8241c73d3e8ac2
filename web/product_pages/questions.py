"""The filter and the range of an address as a definition, for all reports."""

import math
from collections.abc import Sequence
from typing import Any, Final

from multidict import MultiMapping

from storage.api.reports.conditions import Operator
from web.http.viewing.texts import marked
from web.product_pages.parts import given
from web.product_pages.ranges import ChosenRange
from web.projects.times import iso

OPERATORS: Final = {
    Operator.EQUALS: marked("is"),
    Operator.DIFFERS: marked("is not"),
    Operator.CONTAINS: marked("contains"),
    Operator.LACKS: marked("does not contain"),
    Operator.MATCHES: marked("matches the expression"),
    Operator.GREATER: marked("is greater than"),
    Operator.LESS: marked("is less than"),
    Operator.IS_SET: marked("is set"),
    Operator.IS_NOT_SET: marked("is not set"),
}
_UNARY: Final = (Operator.IS_SET, Operator.IS_NOT_SET)
_NUMERIC: Final = (Operator.GREATER, Operator.LESS)


def asked_filters(query: MultiMapping[str]) -> list[dict[str, Any]]:
    """Return the filters of an address: a condition on a property, and a segment."""
    found: list[dict[str, Any]] = []
    if name := given(query, "where"):
        operator = given(query, "op") or Operator.EQUALS
        condition: dict[str, Any] = {"property": name, "operator": operator}
        if operator not in _UNARY:
            condition["value"] = _value(operator, query.get("value", ""))
        found.append(condition)
    if segment := given(query, "segment"):
        found.append({"segment": segment})
    return found


def _value(operator: str, text: str) -> Any:
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number):
        return text
    whole = int(number) if number.is_integer() else number
    # Senders write 5 as a number or as a text.
    if operator in _NUMERIC:
        return whole
    return [text, whole] if operator in (Operator.EQUALS, Operator.DIFFERS) else text


def asked_range(chosen: ChosenRange) -> dict[str, Any]:
    """Return the range of a definition."""
    if chosen.days is not None:
        return {"days": chosen.days}
    return {"from": iso(chosen.dates.start_ms), "to": iso(chosen.dates.end_ms)}


def filter_fields(definition: dict[str, Any]) -> dict[str, str]:
    """Return the parameters that ask a definition's filters, as far as the form has them."""
    fields: dict[str, str] = {}
    filters = definition.get("filters") or []
    for each in filters if isinstance(filters, list) else [filters]:
        if isinstance(each, dict) and isinstance(each.get("property"), str):
            value = each.get("value", "")
            first = value[0] if isinstance(value, list) and value else value
            fields |= {
                "where": each["property"],
                "op": str(each.get("operator", Operator.EQUALS)),
                "value": str(first),
            }
        elif isinstance(each, dict) and isinstance(each.get("segment"), str):
            fields["segment"] = each["segment"]
    return fields


def range_fields(definition: dict[str, Any]) -> dict[str, str]:
    """Return the parameters that ask a definition's range of days."""
    days = definition.get("days")
    return {} if days is None else {"days": str(days)}


def texts(values: Sequence[str]) -> list[str]:
    """Return the parameters that are not blank."""
    return [value.strip() for value in values if value.strip()]
