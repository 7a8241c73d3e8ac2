"""The response to a query: its result, statistics and annotations as JSON."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from aiohttp import web

from model.series import AlignedSeries
from promql.api import Answer, InstantVector, QueryStatistics
from web.http.responses import body_response, json_bytes
from web.prometheus.encoding import encode_value, open_pieces
from web.prometheus.envelope import OPENING, TRUNCATED, closing, success
from web.prometheus.streaming import streamed

_THREAD_FROM_SAMPLES: Final = 20_000
"""About 2 ms of formatting; smaller results are formatted on the event loop."""
_STREAM_FROM_SAMPLES: Final = 60_000
"""About 6 MB of JSON; larger results are sent while they are formatted."""
_SAMPLES_A_LABEL_SET: Final = 10
"""A label set takes as long to format as this many samples."""


async def query_response(
    request: web.Request, answer: Answer, limit: int, statistics: bytes
) -> web.StreamResponse:
    """Return the response to a query.

    Args:
        request: the request to respond to.
        answer: the engine's answer.
        limit: the largest number of series to return; 0 for all.
        statistics: the JSON member `stats`, or nothing.
    """
    value, cut = answer.value, False
    if limit and isinstance(value, InstantVector | AlignedSeries) and len(value.labels) > limit:
        value, cut = _first(value, limit), True
    warnings = (TRUNCATED,) if cut else ()
    if not isinstance(value, InstantVector | AlignedSeries):
        data = encode_value(value)
        return success(data[:-1] + statistics + b"}", answer.annotations, warnings)
    pieces = _pieces(value, statistics, closing(answer.annotations, warnings))
    cost = _cost_in_samples(value)
    if cost > _STREAM_FROM_SAMPLES:
        return await streamed(request, pieces, "application/json")
    if cost > _THREAD_FROM_SAMPLES:
        body = await asyncio.to_thread(b"".join, pieces)
    else:
        body = b"".join(pieces)
    return body_response(body, "application/json")


def statistics_member(wanted: str | None, cost: QueryStatistics | None, total_s: float) -> bytes:
    """Return the JSON member `stats`, or nothing if the client did not ask for it.

    Args:
        wanted: the parameter `stats`; "all" adds the samples of each step.
        cost: the engine's statistics.
        total_s: the time of the engine's call, waiting for its thread included.
    """
    if not wanted or cost is None:
        return b""
    evaluation_s = cost.preparation_s + cost.evaluation_s + cost.sort_s
    samples: dict[str, object] = {}
    if wanted == "all":
        seconds, counts = (cost.steps_ms / 1000).tolist(), cost.step_samples.tolist()
        samples["totalQueryableSamplesPerStep"] = list(zip(seconds, counts, strict=True))
    samples["totalQueryableSamples"] = int(cost.step_samples.sum())
    samples["peakSamples"] = cost.peak_samples
    timings = {
        "evalTotalTime": evaluation_s,
        "resultSortTime": cost.sort_s,
        "queryPreparationTime": cost.preparation_s,
        "innerEvalTime": cost.evaluation_s,
        "execQueueTime": cost.queue_s,
        "execTotalTime": max(total_s, evaluation_s + cost.queue_s),
    }
    rounded = {name: round(value_s, 9) for name, value_s in timings.items()}
    return b',"stats":' + json_bytes({"timings": rounded, "samples": samples})


def _cost_in_samples(value: InstantVector | AlignedSeries) -> int:
    """Return the number of samples that take as long to format as the value."""
    if isinstance(value, InstantVector):
        return len(value.labels) * _SAMPLES_A_LABEL_SET
    return value.sample_slots


def _pieces(
    value: InstantVector | AlignedSeries, statistics: bytes, end: bytes
) -> Iterator[bytes | memoryview]:
    yield OPENING
    yield from open_pieces(value)
    yield statistics + b"}" + end


def _first(value: InstantVector | AlignedSeries, limit: int) -> InstantVector | AlignedSeries:
    """Return the first `limit` series."""
    if isinstance(value, InstantVector):
        return replace(value, labels=value.labels[:limit], values=value.values[:limit])
    return replace(
        value, labels=value.labels[:limit], values=value.values[:limit], rows=value.rows[:limit]
    )
