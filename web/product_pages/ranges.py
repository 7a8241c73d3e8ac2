"""The range of dates that a page's address chooses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from multidict import MultiMapping
from pydantic import Field, ValidationError

from analytics.errors import ReportError
from analytics.statistics.calendar import zone_of
from analytics.statistics.date_ranges import DateRange, dates, latest_days
from storage.api.projects import Project
from web.http.parameters import DIGITS, Parameters, read_query
from web.http.validation import first_field_error
from web.http.viewing.texts import marked

PRESETS: Final = {
    1: marked("Today"),
    7: marked("7 days"),
    30: marked("30 days"),
    90: marked("90 days"),
    365: marked("12 months"),
}
DEFAULT_DAYS: Final = 30
MOST_DAYS: Final = 3660
_OWN: Final = ("days", "from", "to")


class RangeQuery(Parameters):
    """The last days, today included; or the dates `from` and `to`, both included."""

    days: Annotated[int | None, Field(ge=1, le=MOST_DAYS), DIGITS] = None
    from_: Annotated[date | None, Field(alias="from")] = None
    to: date | None = None


@dataclass(frozen=True, slots=True)
class ChosenRange:
    """The range of a page.

    Attributes:
        dates: the dates.
        days: the number of the last days; None if dates are given.
        problem: why the address's own range is not used, "" if it is.
    """

    dates: DateRange
    days: int | None
    problem: str = ""

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The parameters that choose this range."""
        if self.days is not None:
            return [("days", str(self.days))]
        return [("from", self.dates.first.isoformat()), ("to", self.dates.last.isoformat())]


def chosen_range(
    query: Mapping[str, str], project: Project, now_ms: int, default_days: int = DEFAULT_DAYS
) -> ChosenRange:
    """Return the range that an address chooses; an invalid one is replaced by the default."""
    zone = zone_of(project.settings.time_zone)
    try:
        return _asked(read_query(query, RangeQuery), zone, now_ms, default_days)
    except ValidationError as exc:
        field, message = first_field_error(exc)
        problem = f"{field.removesuffix('_')}: {message}"
    except ReportError as exc:
        problem = str(exc)
    return ChosenRange(latest_days(default_days, zone, now_ms), default_days, problem)


def _asked(asked: RangeQuery, zone: ZoneInfo, now_ms: int, default_days: int) -> ChosenRange:
    if asked.days is not None or (asked.from_ is None and asked.to is None):
        days = asked.days or default_days
        return ChosenRange(latest_days(days, zone, now_ms), days)
    if asked.from_ is None or asked.to is None:
        raise ReportError("is missing; give both dates", "from" if asked.from_ is None else "to")
    if (asked.to - asked.from_).days >= MOST_DAYS:
        raise ReportError(f"the range has more than {MOST_DAYS} days", "to")
    return ChosenRange(dates(asked.from_, asked.to, zone, now_ms), None)


@dataclass(frozen=True, slots=True)
class RangeLink:
    """A link that chooses one of the usual ranges and keeps the rest of the address."""

    title: str
    address: str
    is_current: bool


def range_links(path: str, query: MultiMapping[str], chosen: ChosenRange) -> list[RangeLink]:
    """Return the links to the usual ranges."""
    rest = [(name, value) for name, value in query.items() if name not in _OWN]
    return [
        RangeLink(title, f"{path}?{urlencode([*rest, ('days', days)])}", chosen.days == days)
        for days, title in PRESETS.items()
    ]
