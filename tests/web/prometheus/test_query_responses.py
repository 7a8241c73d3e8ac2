"""Large responses and statistics of queries."""

import numpy as np

from model.labels import Labels
from model.series import AlignedSeries
from promql.api import (
    Annotations,
    Answer,
    QueryStatistics,
    Scalar,
)
from tests.web.prometheus.requests import ask
from tests.web.world import World


async def test_large_results_are_streamed_completely(world: World) -> None:
    series, points = 300, 1_000
    labels = [Labels.of(n=str(index)) for index in range(series)]
    values = np.arange(float(series * points)).reshape(series, points)
    times = np.arange(points) * 1000
    matrix = AlignedSeries.of_source(labels, times, values)
    cost = QueryStatistics(0, 0, 0, 0, 9, np.array([3, 4]), np.array([0, 1000]))
    world.engine.answers["x"] = Answer(matrix, Annotations(("careful",)), 7, cost)
    parameters = {"query": "x", "start": "0", "end": "1000", "step": "1", "stats": "1"}
    answer = await world.client.get(
        "/api/v1/query_range", params=parameters, headers=await world.bearer()
    )
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.headers["Content-Encoding"] == "deflate"
    document = await answer.json()
    result = document["data"]["result"]
    assert [len(each["values"]) for each in result] == [points] * series
    assert result[-1]["values"][-1] == [points - 1, str(series * points - 1)]
    assert document["warnings"] == ["careful"]
    told = {"totalQueryableSamples": 7, "peakSamples": 9}
    assert document["data"]["stats"]["samples"] == told
    head = await world.client.head(
        "/api/v1/query_range", params=parameters, headers=await world.bearer()
    )
    assert (head.status, await head.read()) == (200, b"")


async def test_statistics_are_returned_on_request(world: World) -> None:
    cost = QueryStatistics(0.5, 0.25, 2, 1, 20, np.array([12]), np.array([1500]))
    world.engine.answers["up"] = Answer(Scalar(0, 1.0), statistics=cost)
    data = (await ask(world, "query", query="up", stats="all"))["data"]
    assert data["stats"] == {
        "timings": {
            "evalTotalTime": 3.25,
            "resultSortTime": 1.0,
            "queryPreparationTime": 0.25,
            "innerEvalTime": 2.0,
            "execQueueTime": 0.5,
            "execTotalTime": 3.75,
        },
        "samples": {
            "totalQueryableSamplesPerStep": [[1.5, 12]],
            "totalQueryableSamples": 12,
            "peakSamples": 20,
        },
    }
    data = (await ask(world, "query", query="up", stats="yes"))["data"]
    assert data["stats"]["samples"] == {"totalQueryableSamples": 12, "peakSamples": 20}
    assert "stats" not in (await ask(world, "query", query="up"))["data"]
