"""The filter and the range of an address as a definition, for all reports."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from multidict import MultiDict, MultiMapping

from web.product_pages.condition_fields import asked_conditions, conditions_of
from web.product_pages.ranges import ChosenRange
from web.projects.times import iso


def asked_filters(query: MultiMapping[str]) -> list[dict[str, Any]]:
    """Return the filters of an address."""
    return asked_conditions(query).filters()


def asked_range(chosen: ChosenRange) -> dict[str, Any]:
    """Return the range of a definition."""
    if chosen.days is not None:
        return {"days": chosen.days}
    return {"from": iso(chosen.dates.start_ms), "to": iso(chosen.dates.end_ms)}


def common_fields(definition: dict[str, Any]) -> MultiDict[str]:
    """Return the parameters that ask a definition's filters, as far as the form has them."""
    return MultiDict(conditions_of(definition.get("filters") or []).fields())


def fields_of_range(definition: dict[str, Any], zone: ZoneInfo) -> list[tuple[str, str]]:
    """Return the parameters that ask a saved definition's range, in whole local dates."""
    if definition.get("days") is not None:
        return [("days", str(definition["days"]))]
    start, end = definition.get("from"), definition.get("to")
    if start is None or end is None:
        return []
    first, last = (datetime.fromisoformat(each).astimezone(zone) for each in (start, end))
    # The end is not part of the range.
    last -= timedelta(milliseconds=1)
    return [("from", first.date().isoformat()), ("to", last.date().isoformat())]


def texts(values: Sequence[str]) -> list[str]:
    """Return the parameters that are not blank."""
    return [value.strip() for value in values if value.strip()]
