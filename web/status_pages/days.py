"""The arithmetic of bars and uptime: local days, states along steps, and what is known.

A day is a stretch of local dates in the page's zone, so that days of 23 and 25 hours count as
long as they are. Where there is no data, nothing is known: that time is neither up nor down.
"""

import zoneinfo
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final

from storage.api.status.pages import ComponentDay

DAYS: Final = 90


class ComponentState(StrEnum):
    """The state of a component, the worst first after NO_DATA."""

    DOWN = "down"
    DEGRADED = "degraded"
    MAINTENANCE = "maintenance"
    OPERATIONAL = "operational"
    NO_DATA = "no_data"


_WORST_FIRST: Final = tuple(ComponentState)


def state_of(value: float | None) -> ComponentState:
    """Return the state of an availability: 1 is operational, 0 down, between is degraded."""
    if value is None or value != value:
        return ComponentState.NO_DATA
    if value >= 1:
        return ComponentState.OPERATIONAL
    return ComponentState.DOWN if value <= 0 else ComponentState.DEGRADED


def worst(states: Iterable[ComponentState]) -> ComponentState:
    """Return the worst of some states; NO_DATA only if there is no other."""
    return min(states, key=_WORST_FIRST.index, default=ComponentState.NO_DATA)


def day_bounds_ms(day: date, zone: zoneinfo.ZoneInfo) -> tuple[int, int]:
    """Return when a local date begins, and when the next one does."""
    return _midnight_ms(day, zone), _midnight_ms(day + timedelta(days=1), zone)


def _midnight_ms(day: date, zone: zoneinfo.ZoneInfo) -> int:
    local = datetime(day.year, day.month, day.day, tzinfo=zone)
    return round(local.astimezone(UTC).timestamp() * 1000)


def local_day(time_ms: int, zone: zoneinfo.ZoneInfo) -> date:
    """Return the local date of a time."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(zone).date()


def last_days(now_ms: int, zone: zoneinfo.ZoneInfo, count: int = DAYS) -> list[date]:
    """Return the last local dates, today last."""
    today = local_day(now_ms, zone)
    return [today - timedelta(days=back) for back in range(count - 1, -1, -1)]


def tally(
    component: str, day: date, states: Sequence[ComponentState], step_s: float
) -> ComponentDay:
    """Return how long a component was in each state, of its states at each step of a day."""

    def seconds(state: ComponentState) -> float:
        return step_s * sum(1 for each in states if each is state)

    return ComponentDay(
        component,
        day.isoformat(),
        seconds(ComponentState.OPERATIONAL),
        seconds(ComponentState.DEGRADED),
        seconds(ComponentState.DOWN),
        seconds(ComponentState.MAINTENANCE),
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of a component.

    Attributes:
        day: the date.
        state: the worst state that counts: NO_DATA if nothing is known.
        known_ratio: the share of the day whose state is known, maintenance included.
        up_ratio: of the known time outside of maintenance; None if there is none.
        known_s, down_s, degraded_s, maintenance_s: the parts, in seconds.
    """

    day: str
    state: ComponentState
    known_ratio: float
    up_ratio: float | None
    known_s: float
    down_s: float
    degraded_s: float
    maintenance_s: float


def bar_of(
    day: date, zone: zoneinfo.ZoneInfo, found: ComponentDay | None, now_ms: int | None = None
) -> Bar:
    """Return the bar of a local date; of today, only the time up to now can be known."""
    first_ms, next_ms = day_bounds_ms(day, zone)
    end_ms = next_ms if now_ms is None else min(next_ms, max(now_ms, first_ms + 1000))
    length_s = (end_ms - first_ms) / 1000
    if found is None:
        return Bar(day.isoformat(), ComponentState.NO_DATA, 0.0, None, 0.0, 0.0, 0.0, 0.0)
    judged_s = found.up_s + found.degraded_s + found.down_s
    known_s = judged_s + found.maintenance_s
    if found.down_s:
        state = ComponentState.DOWN
    elif found.degraded_s:
        state = ComponentState.DEGRADED
    elif found.up_s:
        state = ComponentState.OPERATIONAL
    else:
        state = ComponentState.MAINTENANCE if found.maintenance_s else ComponentState.NO_DATA
    return Bar(
        day.isoformat(),
        state,
        min(1.0, known_s / length_s),
        (found.up_s + found.degraded_s) / judged_s if judged_s else None,
        known_s,
        found.down_s,
        found.degraded_s,
        found.maintenance_s,
    )


@dataclass(frozen=True, slots=True)
class Uptime:
    """The share of the known time in which a component was not down.

    Attributes:
        ratio: None if nothing is known. Degraded time counts as up, maintenance does not count.
        known_s: over how much time the ratio says something.
    """

    ratio: float | None
    known_s: float


def uptime(days: Iterable[ComponentDay]) -> Uptime:
    """Return the uptime over some days."""
    up_s = judged_s = 0.0
    for day in days:
        up_s += day.up_s + day.degraded_s
        judged_s += day.up_s + day.degraded_s + day.down_s
    return Uptime(up_s / judged_s if judged_s else None, judged_s)
