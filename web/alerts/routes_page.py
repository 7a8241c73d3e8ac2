"""The page of routes: the tree, inhibition, time intervals, receivers, and what would happen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from alerting.explanation.routes import RouteExplanation
from alerting.routing.inhibition import InhibitRule
from alerting.routing.matcher_syntax import matcher_text
from alerting.routing.time_intervals import TimeInterval
from alerting.routing.tree import AlertRoute
from alerting.routing.window_times import contains_any, end_of_windows, start_of_windows
from model.clock import Clock
from model.durations import format_duration
from storage.api.alerts import AlertRecords, Notification
from web.alerts.explanation_api import read_labels
from web.alerts.explanations import Explainer
from web.alerts.maintenance_forms import DAYS
from web.alerts.matched_alerts import matchers_text
from web.http.errors import BadRequestError
from web.http.filters import weekday
from web.http.pages import Page
from web.http.routing import Route
from web.http.viewing.texts import gettext, marked
from web.live.shell import Shell
from web.services import Alerting

_LATEST: Final = 5
_MONTHS: Final = (
    marked("Jan"),
    marked("Feb"),
    marked("Mar"),
    marked("Apr"),
    marked("May"),
    marked("Jun"),
    marked("Jul"),
    marked("Aug"),
    marked("Sep"),
    marked("Oct"),
    marked("Nov"),
    marked("Dec"),
)

ROUTES_PAGE: Final = Page(
    path="/routes", title="Routes", template="alerts/routes_page.html", parent="/alerts"
)


@dataclass(frozen=True, slots=True)
class RouteNode:
    """A node of the drawn tree.

    Attributes:
        matchers: each as text; empty for the root.
        group_by: the labels, or that there is a group for each alert.
        timings: name and duration.
        muted: whether the route sends nothing now, because of a time interval.
        intervals: what its time intervals do.
        count: the alerts in its groups.
        nodes: the nodes below.
    """

    receiver: str
    matchers: tuple[str, ...]
    group_by: str
    timings: tuple[tuple[str, str], ...]
    proceeds: bool
    muted: bool
    intervals: tuple[str, ...]
    count: int
    nodes: tuple["RouteNode", ...]


@dataclass(frozen=True, slots=True)
class IntervalView:
    """A time interval: its ranges in words, whether it is active now, and its next change."""

    name: str
    ranges: tuple[str, ...]
    is_active: bool
    changes_ms: int | None


@dataclass(frozen=True, slots=True)
class ReceiverView:
    """An integration of a receiver with its latest notifications."""

    name: str
    kind: str
    latest: Sequence[Notification]


class RoutesPages:
    """Draws the tree of routes, and explains label sets."""

    def __init__(
        self,
        alerts: AlertRecords,
        alerting: Alerting,
        shell: Shell,
        explainer: Explainer,
        clock: Clock,
    ) -> None:
        self._alerts, self._alerting, self._shell = alerts, alerting, shell
        self._explainer, self._clock = explainer, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (self._shell.route(ROUTES_PAGE, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the tree, and what would happen to the labels of the query."""
        labels = request.query.get("labels", "")
        found, problem = await self._what_if(labels)
        dispatcher = self._alerting.router.dispatcher
        configuration, now_ms = dispatcher.configuration, self._clock()
        counts: dict[str, int] = {}
        for group in dispatcher.groups:
            counts[group.route.id] = counts.get(group.route.id, 0) + len(group.alerts)
        active = {
            name: contains_any(windows, now_ms)
            for name, windows in configuration.time_intervals.items()
        }
        return await self._shell.page(
            request,
            ROUTES_PAGE,
            has_tree=self._alerting.router.has_tree,
            tree=route_node(configuration.route, active, counts),
            inhibit_rules=list(map(inhibit_rule_values, configuration.inhibit_rules)),
            intervals=[
                interval_view(name, windows, now_ms)
                for name, windows in configuration.time_intervals.items()
            ],
            receivers=await self._receivers(),
            labels=labels,
            what_if=found,
            problem=problem,
        )

    async def _what_if(self, labels: str) -> tuple[Sequence[RouteExplanation], str]:
        if not labels.strip():
            return (), ""
        try:
            return await self._explainer.of_labels(read_labels(labels)), ""
        except BadRequestError as exc:
            return (), exc.message

    async def _receivers(self) -> list[ReceiverView]:
        """Return the integrations with their latest notifications; their tests name a receiver."""
        return [
            ReceiverView(name, kind, await self._alerts.notifications(_LATEST, receiver=name))
            for name, kind in self._alerting.receivers
        ]


def route_node(route: AlertRoute, active: dict[str, bool], counts: dict[str, int]) -> RouteNode:
    """Return the node that draws a route; `active` are the time intervals that hold now."""
    mute, only = route.mute_time_intervals, route.active_time_intervals
    intervals = [
        *(gettext("muted in %(name)s") % {"name": name} for name in mute),
        *(gettext("only in %(name)s") % {"name": name} for name in only),
    ]
    muted = any(active.get(name) for name in mute)
    muted = muted or (bool(only) and not any(active.get(name) for name in only))
    group_by = (
        gettext("every alert by itself") if route.group_by is None else ", ".join(route.group_by)
    )
    timings = (
        ("group_wait", route.group_wait_ms),
        ("group_interval", route.group_interval_ms),
        ("repeat_interval", route.repeat_interval_ms),
    )
    return RouteNode(
        receiver=route.receiver,
        matchers=tuple(map(matcher_text, route.matchers)),
        group_by=group_by or gettext("all alerts together"),
        timings=tuple((name, format_duration(value)) for name, value in timings if value),
        proceeds=route.proceeds,
        muted=muted,
        intervals=tuple(intervals),
        count=counts.get(route.id, 0),
        nodes=tuple(route_node(each, active, counts) for each in route.routes),
    )


def inhibit_rule_values(rule: InhibitRule) -> dict[str, Any]:
    """Return what the page shows of an inhibit rule."""
    return {
        "name": rule.name,
        "sources": matchers_text(rule.sources) or gettext("any alert"),
        "targets": matchers_text(rule.targets) or gettext("any alert"),
        "equal": ", ".join(rule.equal),
    }


def interval_view(name: str, windows: Sequence[TimeInterval], now_ms: int) -> IntervalView:
    """Return what the page shows of a time interval."""
    is_active = contains_any(windows, now_ms)
    change = end_of_windows if is_active else start_of_windows
    return IntervalView(
        name, tuple(map(interval_text, windows)), is_active, change(windows, now_ms)
    )


def interval_text(window: TimeInterval) -> str:
    """Return a time interval in words: `Sat to Sun, 22:00 to 24:00, Europe/Berlin`."""
    parts = [
        *(_range(weekday(DAYS[first]), weekday(DAYS[last])) for first, last in window.weekdays),
        *(
            gettext("day %(days)s") % {"days": _range(str(first), str(last))}
            for first, last in window.days_of_month
        ),
        *(
            _range(gettext(_MONTHS[first - 1]), gettext(_MONTHS[last - 1]))
            for first, last in window.months
        ),
        *(_range(str(first), str(last)) for first, last in window.years),
        *(_range(_clock(first), _clock(last)) for first, last in window.times),
    ]
    return ", ".join([*(parts or [gettext("always")]), str(window.zone)])


def _range(first: str, last: str) -> str:
    if first == last:
        return first
    return gettext("%(start)s to %(end)s") % {"start": first, "end": last}


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
