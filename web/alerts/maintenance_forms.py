"""A maintenance window as a body or a form: to the silence that keeps it, and back."""

import re
import uuid
import zoneinfo
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from alerting.routing.silences import Silence
from alerting.routing.time_intervals import TimeInterval
from model.base_models import DeferredModel
from model.labels import Labels
from model.matchers import Matcher
from web.alerts.matched_alerts import matchers_text, read_matchers
from web.http.errors import BadRequestError
from web.http.viewing.zone_names import KnownZoneName

DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NO_END_MS: Final = 4_102_444_800_000
"""2100: the end of a window that recurs until somebody deletes it."""
_DAY_MINUTES: Final = 1440
_CLOCK: Final = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d|24:00", re.ASCII)


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError("write a time of day as 22:00; 24:00 is the end of the day")
    return text


def _weekday(name: str) -> str:
    if name not in DAYS:
        raise ValueError(f"write one of {', '.join(DAYS)}")
    return name


def _matchers(text: str) -> str:
    if text.strip():
        try:
            read_matchers(text)
        except BadRequestError as exc:
            raise ValueError(exc.message) from exc
    return text


_Time = Annotated[int, Field(ge=0, le=NO_END_MS)]
_ClockText = Annotated[str, AfterValidator(_clock)]


class MaintenanceForm(DeferredModel):
    """A maintenance window: which alerts, and when.

    Attributes:
        title: why the alerts are not sent.
        matchers: all of them match; a tag of hosts is a matcher of its label.
        hosts: `instance` labels; alerts of these hosts.
        time_zone: the zone of the times of day.
        from_, to: the times of day, local; a `to` that is not after `from` is on the next day.
            Without both the window is open from `starts_ms` to `ends_ms`.
        weekdays: on which the window begins; empty for all.
        days_of_month: the first and the last day; negative ones count from the end.
        starts_ms, ends_ms: the window does not recur before and after these.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    matchers: Annotated[str, Field(max_length=10_000), AfterValidator(_matchers)] = ""
    hosts: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list, max_length=1000)
    time_zone: KnownZoneName = "UTC"
    from_: Annotated[_ClockText | None, Field(alias="from")] = None
    to: _ClockText | None = None
    weekdays: list[Annotated[str, AfterValidator(_weekday)]] = Field(default_factory=list)
    days_of_month: tuple[int, int] | None = None
    starts_ms: _Time | None = None
    ends_ms: _Time | None = None

    @model_validator(mode="after")
    def _whole(self) -> "MaintenanceForm":
        if not self.matchers.strip() and not self.hosts:
            raise ValueError("matchers: give matchers or hosts")
        if (self.from_ is None) != (self.to is None):
            raise ValueError("to: give both from and to, or none of them")
        if self.from_ is None and self.ends_ms is None:
            raise ValueError("from: a window that does not recur needs ends_ms")
        if self.from_ is None and (self.weekdays or self.days_of_month):
            raise ValueError("from: a window that recurs needs from and to")
        if self.days_of_month is not None:
            self._check_days(*self.days_of_month)
        return self

    def _check_days(self, first: int, last: int) -> None:
        if not (1 <= abs(first) <= 31 and 1 <= abs(last) <= 31) or (first > 0) != (last > 0):
            raise ValueError("days_of_month: two days from 1 to 31, or from -31 to -1")
        if first > last:
            raise ValueError("days_of_month: the first day must not be after the last")
        if self.from_ is not None and self.to is not None and _crosses(self.from_, self.to):
            raise ValueError("days_of_month: make two windows of one that crosses midnight")

    def windows(self) -> tuple[TimeInterval, ...]:
        """Return the stretches of local time; one that crosses midnight has two."""
        zone = zoneinfo.ZoneInfo(self.time_zone)
        if self.from_ is None or self.to is None:
            return (TimeInterval(zone=zone),)
        first, last = _minutes(self.from_), _minutes(self.to)
        days = tuple((day, day) for day in sorted(map(DAYS.index, set(self.weekdays))))
        of_month = () if self.days_of_month is None else (self.days_of_month,)
        if not _crosses(self.from_, self.to):
            return (TimeInterval(((first, last),), days, of_month, zone=zone),)
        next_days = tuple(sorted(((day + 1) % 7, (day + 1) % 7) for day, _ in days))
        evening = TimeInterval(((first, _DAY_MINUTES),), days, zone=zone)
        morning = TimeInterval(((0, last),), next_days, zone=zone)
        return (evening, morning) if last else (evening,)

    def silence(self, now_ms: int, author: str, before: Silence | None = None) -> Silence:
        """Return the silence that keeps the window, in place of an earlier one."""
        matchers: tuple[Matcher, ...] = ()
        if self.matchers.strip():
            matchers = read_matchers(self.matchers)
        if self.hosts:
            pattern = "|".join(map(re.escape, self.hosts))
            matchers = (*matchers, Matcher.of("instance", "=~", pattern))
        return Silence(
            id=str(uuid.uuid4()) if before is None else before.id,
            matchers=matchers,
            starts_ms=now_ms if self.starts_ms is None else self.starts_ms,
            ends_ms=NO_END_MS if self.ends_ms is None else self.ends_ms,
            updated_ms=now_ms,
            created_by=author if before is None else before.created_by,
            comment=self.title,
            windows=self.windows(),
            annotations=Labels() if before is None else before.annotations,
        )


def window_fields(silence: Silence) -> dict[str, Any]:
    """Return the fields that describe when a window is open."""
    first, last = silence.windows[0], silence.windows[-1]
    return {
        "title": silence.comment,
        "matchers": matchers_text(silence.matchers),
        "time_zone": str(first.zone),
        "from": _clock_text(first.times[0][0]) if first.times else None,
        "to": _clock_text(last.times[0][1]) if last.times else None,
        "weekdays": [DAYS[day] for day, _ in first.weekdays],
        "days_of_month": list(first.days_of_month[0]) if first.days_of_month else None,
        "starts_ms": silence.starts_ms,
        "ends_ms": None if silence.ends_ms >= NO_END_MS else silence.ends_ms,
    }


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _clock_text(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _crosses(first: str, last: str) -> bool:
    return _minutes(last) <= _minutes(first)
