"""Measures components by PromQL: their state now, along a day, and their response times."""

import asyncio
import math
import zoneinfo
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import structlog

from alerting.checks.kinds import KINDS
from alerting.routing.silences import Silence
from model.labels import quote
from model.series import AlignedSeries
from model.targets import TargetStatus
from promql.api import InstantVector, PromQLError, QueryEngine
from storage.api.status.pages import ComponentDay
from web.status_pages.days import ComponentState, day_bounds_ms, state_of, tally
from web.status_pages.definition import StatusComponent, StatusPage, availability

log = structlog.get_logger(__name__)

STEP_MS: Final = 60_000
_SHORTEST_S: Final = 60.0
_CHECK_S: Final = 120
_RESPONSE_STEP_MS: Final = 30 * 60_000
_DAY_MS: Final = 86_400_000

Windows = Callable[[str], Silence | None]
"""Returns a maintenance window by its id."""


@dataclass(frozen=True, slots=True)
class ResponseTimes:
    """Response times of the last day, half an hour each, in seconds; None where nothing is known.

    Attributes:
        median_s, p95_s: of each half an hour.
        current_s: the newest median.
    """

    median_s: tuple[float | None, ...]
    p95_s: tuple[float | None, ...]

    @property
    def current_s(self) -> float | None:
        """The newest median that is known."""
        return next((each for each in reversed(self.median_s) if each is not None), None)


async def zone_of(page: StatusPage) -> zoneinfo.ZoneInfo:
    """Return the time zone of a page; in a thread, because it may be read from its file."""
    return await asyncio.to_thread(zoneinfo.ZoneInfo, page.time_zone)


class Measuring:
    """Asks the query engine about components.

    Args:
        engine: answers PromQL.
        targets: returns all targets: how often each is scraped decides how long a sample counts.
        windows: returns maintenance windows.
    """

    def __init__(
        self,
        engine: QueryEngine,
        targets: Callable[[], Sequence[TargetStatus]],
        windows: Windows,
    ) -> None:
        self._engine, self._targets, self.windows = engine, targets, windows

    def expressions(self, page: StatusPage) -> dict[str, str]:
        """Return the PromQL of each component's availability, "" for one that is unknown."""
        intervals = _Intervals(self._targets())
        return {one.id: _expression(one, intervals) for one in page.components}

    async def states(self, page: StatusPage, now_ms: int) -> dict[str, ComponentState]:
        """Return the state of each component now."""
        found = {}
        for one, expression in self.expressions(page).items():
            if self.in_maintenance(page, one, now_ms):
                found[one] = ComponentState.MAINTENANCE
            else:
                found[one] = state_of(await self._value(expression, now_ms))
        return found

    async def _value(self, expression: str, now_ms: int) -> float | None:
        if not expression:
            return None
        try:
            answer = await self._engine.instant(expression, now_ms)
        except PromQLError as exc:
            log.warning("status_component_not_measured", error=str(exc)[:300])
            return None
        value = answer.value
        if not isinstance(value, InstantVector) or not len(value.values):
            return None
        return float(value.values[0])

    def in_maintenance(self, page: StatusPage, component: str, time_ms: int) -> bool:
        """Report whether a window that the page shows holds for a component."""
        for planned in page.maintenance:
            if planned.components and component not in planned.components:
                continue
            window = self.windows(planned.window)
            if window is not None and window.holds(time_ms):
                return True
        return False

    async def day(
        self, page: StatusPage, day: date, now_ms: int, only: Iterable[str] | None = None
    ) -> list[ComponentDay]:
        """Return what the components were like on a local date, up to now."""
        first_ms, next_ms = day_bounds_ms(day, await zone_of(page))
        end_ms = min(next_ms, now_ms + 1)
        times = range(first_ms, end_ms, STEP_MS)
        wanted = None if only is None else set(only)
        found = []
        for one, expression in self.expressions(page).items():
            if not times or (wanted is not None and one not in wanted):
                continue
            states = [state_of(value) for value in await self._values(expression, times)]
            if page.maintenance:
                states = [
                    ComponentState.MAINTENANCE if self.in_maintenance(page, one, at_ms) else state
                    for at_ms, state in zip(times, states, strict=True)
                ]
            found.append(tally(one, day, states, STEP_MS / 1000))
        return found

    async def _values(self, expression: str, times: range) -> list[float | None]:
        if not expression:
            return [None] * len(times)
        try:
            answer = await self._engine.range(expression, times[0], times[-1], times.step)
        except PromQLError as exc:
            log.warning("status_component_not_measured", error=str(exc)[:300])
            return [None] * len(times)
        return _along(answer.value, times)

    async def response(self, page: StatusPage, now_ms: int) -> Mapping[str, ResponseTimes]:
        """Return the response times of the components that show them."""
        intervals = _Intervals(self._targets())
        end_ms = -(-now_ms // _RESPONSE_STEP_MS) * _RESPONSE_STEP_MS
        times = range(end_ms - _DAY_MS + _RESPONSE_STEP_MS, end_ms + 1, _RESPONSE_STEP_MS)
        found = {}
        for one in page.components:
            selector = intervals.probes.get(one.probe)
            if one.kind != "probe" or not one.show_response or selector is None:
                continue
            durations = f"probe_duration_seconds{selector[0]}[30m]"
            lines = [
                await self._values(f"max(quantile_over_time({share}, {durations}))", times)
                for share in (0.5, 0.95)
            ]
            found[one.id] = ResponseTimes(tuple(lines[0]), tuple(lines[1]))
        return found


class _Intervals:
    """The selector of each probe and host, and how long a sample of it counts, in seconds."""

    def __init__(self, statuses: Sequence[TargetStatus]) -> None:
        self.probes: dict[str, tuple[str, int]] = {}
        self.hosts: dict[str, tuple[str, int]] = {}
        for status in statuses:
            target = status.target
            counts_s = math.ceil(max(_SHORTEST_S, 2 * target.interval_s))
            selector = f"{{job={quote(target.job)},instance={quote(target.instance)}"
            if name := target.labels.get("probe"):
                selector = f"{{job={quote(target.job)},probe={quote(name)}"
                self.probes[name] = f"{selector}}}", counts_s
            elif target.host is not None:
                self.hosts[target.instance] = f"{selector}}}", counts_s


def _expression(one: StatusComponent, intervals: _Intervals) -> str:
    if one.kind == "query":
        return availability(one.expression)
    if one.kind == "probe":
        known = intervals.probes.get(one.probe)
        return "" if known is None else _last("probe_success", *known)
    # A host that pushes has no target: its `up` is written with each report.
    instance = f"instance={quote(one.host)}"
    up = _last("up", *intervals.hosts.get(one.host, (f"{{{instance}}}", _CHECK_S)))
    if one.kind == "host":
        return up
    firing = f'{instance},alertstate="firing"'
    if one.check:
        firing += f",alertname={quote(KINDS[one.check].alert)}"
    critical = f'last_over_time(ALERTS{{{firing},severity="critical"}}[{_CHECK_S}s])'
    warning = f'last_over_time(ALERTS{{{firing},severity!="critical"}}[{_CHECK_S}s])'
    return f"(min(1 - {critical}) or min(1 - 0.5 * {warning}) or {up})"


def _last(metric: str, selector: str, counts_s: int) -> str:
    return f"min(last_over_time({metric}{selector}[{counts_s}s]))"


def _along(value: object, times: range) -> list[float | None]:
    """Return the value of the only series at each step, None where it has none."""
    found: list[float | None] = [None] * len(times)
    if not isinstance(value, AlignedSeries) or not len(value.labels):
        return found
    steps = value.times_ms[value.rows[0]]
    numbers = np.asarray(value.values[0], np.float64)
    for time_ms, number in zip(steps.tolist(), numbers.tolist(), strict=True):
        place = (time_ms - times[0]) // times.step
        if 0 <= place < len(found) and number == number:
            found[place] = number
    return found
