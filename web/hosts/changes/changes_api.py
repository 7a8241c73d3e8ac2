"""`/api/hosts/{key}/changes`: the series of a host that changed around a moment."""

import asyncio
import re
from typing import Annotated, Final

import numpy as np
from aiohttp import web
from pydantic import Field

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from model.durations import format_duration
from model.labels import METRIC_NAME, Labels, quote
from model.series import AlignedSeries
from promql.api import PromQLError, QueryEngine, QueryOptions
from web.fleet.fleet import Fleet
from web.hosts.changes.ranking import ChangedSeries, ComparedWindows, Ranking, rank
from web.hosts.lookup import find_host
from web.http.errors import BadRequestError
from web.http.host_paths import HOST_KEY
from web.http.operations import Operation
from web.http.parameters import DIGITS, Parameters, read_query
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

STATISTIC: Final = (
    "Kolmogorov-Smirnov: the largest distance between the distributions of a series in the"
    " two windows"
)
_MOST: Final = 100
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_OPTIONS: Final = QueryOptions(timeout_s=30.0)
_AT_ONCE: Final = 2
"""Comparisons that run at a time; the others wait."""


class ChangesQuery(Parameters):
    """The moment, the length of the window around it, and how many series to return."""

    time_ms: Annotated[int, Field(ge=1, le=2**53), DIGITS]
    window_ms: Annotated[int, Field(ge=60_000, le=7 * 86_400_000), DIGITS] = 900_000
    limit: Annotated[int, Field(ge=1, le=_MOST), DIGITS] = 30


class ChangeDocument(TypedDict):
    """One series; `query` is the PromQL of its course.

    `distance` is the statistic, 0 to 1. `chance` is the probability of so large a distance
    if nothing had changed, and `share_of_chance` how much of the series that rank as high is
    chance. `shift` is the difference of the medians in units of the usual spread. `values` are
    means over equal parts of both windows.
    """

    series: str
    query: str
    is_rate: bool
    distance: float
    chance: float
    share_of_chance: float
    shift: float
    median_before: float
    median_after: float
    values: list[float | None]


class ChangesDocument(TypedDict):
    """The series that changed most, those first.

    The window from `split_ms` to `end_ms` is compared with the one from `start_ms` to
    `split_ms`. `compared` counts the series with enough samples, `constant` those of them
    that stood still, `too_few` the others.
    """

    statistic: str
    start_ms: int
    split_ms: int
    end_ms: int
    compared: int
    constant: int
    too_few: int
    changes: list[ChangeDocument]


class ChangesApi:
    """Changes as JSON."""

    def __init__(self, fleet: Fleet, engine: QueryEngine) -> None:
        self._fleet, self._engine = fleet, engine
        self._places = asyncio.Semaphore(_AT_ONCE)

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation("hosts", ChangesDocument, query=ChangesQuery, errors=(404,))
        path, surface = f"/api/hosts/{HOST_KEY}/changes", Surface.JSON
        return (Route("GET", path, self.changes, Access.VIEWER, surface, operation=operation),)

    async def changes(self, request: web.Request) -> web.Response:
        """Rank the host's series by how unlike themselves they were around a moment."""
        host = await find_host(self._fleet, request)
        query = read_query(request.query, ChangesQuery)
        windows = ComparedWindows.around(query.time_ms, query.window_ms)
        async with self._places:
            series = await self._samples(host.instance, windows)
            metadata = await self._engine.metadata()
            counters = frozenset(
                name for name, found in metadata.items() if any(m.type == "counter" for m in found)
            )
            ranking = await asyncio.to_thread(rank, series, counters, windows, query.limit)
        rate_ms = max(4 * round((host.interval_s or 15.0) * 1000), 60_000)
        return json_response(_document(ranking, windows, host.labels, rate_ms))

    async def _samples(self, instance: str, windows: ComparedWindows) -> AlignedSeries:
        """Return the raw samples of the host, within the limits of queries.

        Raises:
            BadRequestError: they exceed a limit.
        """
        length = format_duration(windows.end_ms - windows.start_ms)
        query = f"{{instance={quote(instance)}}}[{length}]"
        try:
            answer = await self._engine.instant(query, windows.end_ms, _OPTIONS)
        except PromQLError as exc:
            problem = f"window_ms: {exc}; choose a shorter window"
            raise BadRequestError(problem, "window_ms") from exc
        if isinstance(answer.value, AlignedSeries):
            return answer.value
        return AlignedSeries.of_source([], np.empty(0, np.int64), np.empty((0, 0)))


def _name(label: str) -> str:
    return label if _LABEL_NAME.fullmatch(label) else quote(label)


def _document(
    ranking: Ranking, windows: ComparedWindows, host: Labels, rate_ms: int
) -> ChangesDocument:
    return {
        "statistic": STATISTIC,
        "start_ms": windows.start_ms,
        "split_ms": windows.split_ms,
        "end_ms": windows.end_ms,
        "compared": ranking.compared,
        "constant": ranking.constant,
        "too_few": ranking.too_few,
        "changes": [_change(each, host, rate_ms) for each in ranking.changes],
    }


def _change(change: ChangedSeries, host: Labels, rate_ms: int) -> ChangeDocument:
    own = [pair for pair in change.labels if pair[0] != METRIC_NAME and not host.get(pair[0])]
    shown = ", ".join(f"{name}={quote(value)}" for name, value in own)
    matchers = ",".join(
        f"{_name(name)}={quote(value)}" for name, value in change.labels if name != METRIC_NAME
    )
    selector = f"{{__name__={quote(change.labels.metric)},{matchers}}}"
    query = f"rate({selector}[{format_duration(rate_ms)}])" if change.is_rate else selector
    return {
        "series": change.labels.metric + (f"{{{shown}}}" if shown else ""),
        "query": query,
        "is_rate": change.is_rate,
        "distance": change.distance,
        "chance": change.chance,
        "share_of_chance": change.share_of_chance,
        "shift": change.shift,
        "median_before": change.median_before,
        "median_after": change.median_after,
        "values": [None if np.isnan(value) else value for value in change.course.tolist()],
    }
