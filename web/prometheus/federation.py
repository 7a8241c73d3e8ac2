"""`/federate`: the latest sample of chosen series, for another Prometheus to scrape.

Source: Prometheus documentation, "Federation"; web/federate.go.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from aiohttp import web

from model.labels import METRIC_NAME, Labels, quote
from model.matchers import Matcher
from model.series import AlignedSeries, is_absent
from promql.api import InstantVector, QueryEngine, QueryOptions
from promql.syntax.printer import selector_text
from scraper.fetching.protocols import EscapingScheme
from web.http.errors import BadRequestError
from web.http.operations import Operation
from web.http.routing import Route
from web.prometheus.name_escaping import escaped_name, is_plain, negotiated_escaping
from web.prometheus.operations import FederationParameters, only_get
from web.prometheus.parameters import read_parameters, selectors_parameter
from web.prometheus.sample_rows import format_value
from web.prometheus.streaming import streamed
from web.services import Services

_LOOKBACK_MS: Final = 300_000
_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class LatestSample:
    """The newest sample of a series."""

    labels: Labels
    time_ms: int
    value: float


class FederationApi:
    """Serves the latest samples in the text format."""

    def __init__(self, services: Services) -> None:
        self._engine, self._clock = services.engine, services.clock

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        exposition = Operation(
            "prometheus",
            str,
            query=FederationParameters,
            media_type="text/plain",
            responses={400: str},
        )
        return (only_get("/federate", self.federate, exposition),)

    async def federate(self, request: web.Request) -> web.StreamResponse:
        """Return the latest sample of every series that matches any selector."""
        parameters = await read_parameters(request)
        try:
            selectors = selectors_parameter(parameters)
        except BadRequestError as exc:
            # The client is a scraper, which expects plain text.
            return web.Response(status=exc.status, text=f"{exc.message}\n")
        found: dict[Labels, LatestSample] = {}
        now_ms = self._clock()
        for matchers in selectors:
            found.update(await latest_samples(self._engine, matchers, now_ms))
        scheme = negotiated_escaping(request.headers.get("Accept", ""))
        content_type = f"{_CONTENT_TYPE}; escaping={scheme.value}"
        return await streamed(request, _exposition(found, scheme), content_type)


async def latest_samples(
    engine: QueryEngine, matchers: Sequence[Matcher], now_ms: int
) -> Mapping[Labels, LatestSample]:
    """Return the newest sample of each series that matches and has not ended.

    An instant selector skips series that have ended, but has no sample times; a range
    selector has the times, but includes ended series. So both are evaluated.
    """
    selector = selector_text(matchers)
    options = QueryOptions(lookback_ms=_LOOKBACK_MS)
    current = (await engine.instant(selector, now_ms, options)).value
    samples = (await engine.instant(f"{selector}[{_LOOKBACK_MS}ms]", now_ms, options)).value
    if not isinstance(current, InstantVector) or not isinstance(samples, AlignedSeries):
        return {}
    active = frozenset(current.labels)
    return {each.labels: each for each in _newest(samples) if each.labels in active}


def _newest(series: AlignedSeries) -> Iterator[LatestSample]:
    """Yield the newest sample of each series that has any."""
    present = ~is_absent(series.values)
    if not present.size:
        return
    last = present.shape[1] - 1 - np.argmax(present[:, ::-1], axis=1)
    every = np.arange(len(last))
    times_ms = series.times_ms[series.rows, last].tolist()
    values = series.values[every, last].tolist()
    for row in np.flatnonzero(present.any(axis=1)).tolist():
        yield LatestSample(series.labels[row], times_ms[row], values[row])


def _exposition(found: Mapping[Labels, LatestSample], scheme: EscapingScheme) -> Iterator[bytes]:
    ordered = sorted(found.values(), key=lambda sample: (sample.labels.metric, sample.labels))
    for metric, members in groupby(ordered, key=lambda sample: sample.labels.metric):
        name = _written(metric, scheme)
        lines = (_line(sample, scheme) for sample in members)
        yield "".join([f"# TYPE {name} untyped\n", *lines]).encode()


def _line(sample: LatestSample, scheme: EscapingScheme) -> str:
    pairs = [
        f"{_written(name, scheme)}={quote(value)}"
        for name, value in sample.labels
        if name != METRIC_NAME
    ]
    if not sample.labels.get("instance"):
        # Otherwise the scraper would add this server's address, even with honor_labels.
        pairs.append('instance=""')
    name = _written(sample.labels.metric, scheme)
    if name.startswith('"'):
        # A quoted name stands first inside the braces.
        pairs.insert(0, name)
        name = ""
    return f"{name}{{{','.join(pairs)}}} {format_value(sample.value)} {sample.time_ms}\n"


def _written(name: str, scheme: EscapingScheme) -> str:
    """Return a name as it is written in the exposition: escaped or quoted if it is not plain."""
    name = escaped_name(name, scheme)
    return name if is_plain(name) else quote(name)
