"""`/federate`: the latest sample of chosen series, for another Prometheus to scrape.

Source: Prometheus documentation, "Federation"; web/federate.go.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from aiohttp import web

from model.labels import METRIC_NAME, Labels, quote
from model.matchers import Matcher
from model.series import AlignedSeries, is_absent, is_stale
from storage.api.samples import SampleReader
from web.http.errors import BadRequestError
from web.http.operations import Operation
from web.http.routing import Route
from web.prometheus.operations import FederationParameters, only_get
from web.prometheus.parameters import read_parameters, selectors_parameter
from web.prometheus.sample_rows import format_value
from web.prometheus.streaming import streamed
from web.services import Services

_LOOKBACK_MS: Final = 300_000
_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_PLAIN_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class LatestSample:
    """A series' newest sample."""

    labels: Labels
    time_ms: int
    value: float


class Federation:
    """Gives series away."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        exposition = Operation(
            "prometheus",
            str,
            query=FederationParameters,
            media_type="text/plain",
            answers={400: str},
        )
        return (only_get("/federate", self.federate, exposition),)

    async def federate(self, request: web.Request) -> web.StreamResponse:
        """Return the latest samples of every series that matches, in the text format."""
        parameters = await read_parameters(request)
        try:
            selectors = selectors_parameter(parameters, self._services)
        except BadRequestError as exc:
            # A scraper, not a client of the API, reads this.
            return web.Response(status=exc.status, text=f"{exc.message}\n")
        body = _exposition(self._services.samples, selectors, self._services.clock())
        return await streamed(request, body, _CONTENT_TYPE)


def _exposition(
    samples: SampleReader, selectors: Sequence[Sequence[Matcher]], now_ms: int
) -> Iterator[bytes]:
    found: dict[Labels, LatestSample] = {}
    for matchers in selectors:
        for part in samples.select(matchers, now_ms - _LOOKBACK_MS + 1, now_ms):
            found.update((sample.labels, sample) for sample in latest(part))
    ordered = sorted(found.values(), key=lambda sample: (sample.labels.metric, sample.labels))
    for metric, members in groupby(ordered, key=lambda sample: sample.labels.metric):
        name = metric if _PLAIN_NAME.fullmatch(metric) else quote(metric)
        lines = [f"# TYPE {name} untyped\n", *map(_line, members)]
        yield "".join(lines).encode()


def latest(series: AlignedSeries) -> Iterable[LatestSample]:
    """Return the newest sample of each series that has one and has not ended."""
    absent = is_absent(series.values)
    for index, labels in enumerate(series.labels):
        columns = np.flatnonzero(~absent[index])
        if not len(columns) or is_stale(series.values[index, columns[-1:]])[0]:
            continue
        column = columns[-1]
        yield LatestSample(
            labels,
            int(series.times_ms[series.rows[index], column]),
            float(series.values[index, column]),
        )


def _line(sample: LatestSample) -> str:
    metric = sample.labels.metric
    pairs = [
        f"{name if _PLAIN_NAME.fullmatch(name) else quote(name)}={quote(value)}"
        for name, value in sample.labels
        if name != METRIC_NAME
    ]
    if not _PLAIN_NAME.fullmatch(metric):
        # A name beyond ASCII stands in quotes, first inside the braces.
        pairs.insert(0, quote(metric))
        metric = ""
    inner = f"{{{','.join(pairs)}}}" if pairs else ""
    return f"{metric}{inner} {format_value(sample.value)} {sample.time_ms}\n"
