"""A query engine that asks another server through its Prometheus API.

It proves that the web application needs nothing but `promql.api.QueryEngine`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from model.labels import Labels
from model.metadata import MetricMetadata
from model.series import AlignedSeries, absent_matrix
from promql.api import (
    Annotations,
    Answer,
    BatchOutcome,
    EvaluationError,
    Exemplar,
    ExemplarSeries,
    InstantVector,
    MetadataByMetric,
    ParseError,
    QueryOptions,
    Scalar,
    Selectors,
    String,
)
from promql.evaluation.timing import QueryRange
from promql.syntax.printer import selector_text
from tests.web.world import Client

Parameters = list[tuple[str, str]]


class RemoteEngine:
    """Implements `QueryEngine` with HTTP requests."""

    def __init__(self, client: Client, headers: Mapping[str, str]) -> None:
        self._client, self._headers = client, headers

    async def instant(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        parameters = [("query", query), ("time", str(time_ms / 1000))]
        return _answer(await self._get("query", parameters + _limits(options)), time_ms)

    async def instant_batch(
        self, queries: Sequence[str], time_ms: int, options: QueryOptions | None = None
    ) -> list[BatchOutcome]:
        return [BatchOutcome(await self.instant(queries[0], time_ms, options))]

    async def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        QueryRange.checked(start_ms, end_ms, step_ms)
        parameters = [("query", query), *_bounds(start_ms, end_ms), ("step", str(step_ms / 1000))]
        return _answer(await self._get("query_range", parameters + _limits(options)), start_ms)

    async def series(
        self, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        found = await self._get("series", _listing(selectors, start_ms, end_ms, limit))
        return [Labels.of(each) for each in found["data"]]

    async def label_names(
        self, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        found = await self._get("labels", _listing(selectors, start_ms, end_ms, limit))
        return list(found["data"])

    async def label_values(
        self, name: str, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        parameters = _listing(selectors, start_ms, end_ms, limit)
        return list((await self._get(f"label/{name}/values", parameters))["data"])

    async def metadata(self, metric: str = "") -> MetadataByMetric:
        found = await self._get("metadata", [("metric", metric)] if metric else [])
        return {
            name: [MetricMetadata(**entry) for entry in entries]
            for name, entries in found["data"].items()
        }

    async def exemplars(self, query: str, start_ms: int, end_ms: int) -> list[ExemplarSeries]:
        parameters = [("query", query), *_bounds(start_ms, end_ms)]
        return [
            ExemplarSeries(
                Labels.of(series["seriesLabels"]),
                tuple(
                    Exemplar(
                        Labels.of(each["labels"]),
                        float(each["value"]),
                        round(each["timestamp"] * 1000),
                    )
                    for each in series["exemplars"]
                ),
            )
            for series in (await self._get("query_exemplars", parameters))["data"]
        ]

    async def close(self) -> None:
        """Hold nothing: the client belongs to the test."""

    async def _get(self, path: str, parameters: Parameters) -> Any:
        response = await self._client.get(
            f"/api/v1/{path}", params=parameters, headers=self._headers
        )
        document = await response.json()
        if document["status"] == "success":
            return document
        message = document["error"].removeprefix('invalid parameter "query": ')
        if "parse error" in message:
            raise ParseError(message, 0, 0)
        raise EvaluationError(message)


def _bounds(start_ms: int, end_ms: int) -> Parameters:
    return [("start", str(start_ms / 1000)), ("end", str(end_ms / 1000))]


def _limits(options: QueryOptions | None) -> Parameters:
    if options is None or options.lookback_ms is None:
        return []
    return [("lookback_delta", str(options.lookback_ms / 1000))]


def _listing(selectors: Selectors, start_ms: int, end_ms: int, limit: int) -> Parameters:
    chosen = [("match[]", selector_text(matchers)) for matchers in selectors]
    return [*chosen, *_bounds(start_ms, end_ms), ("limit", str(limit))]


def _answer(document: Any, time_ms: int) -> Answer:
    annotations = Annotations(tuple(document.get("warnings", ())), tuple(document.get("infos", ())))
    data = document["data"]
    result = data["result"]
    match data["resultType"]:
        case "scalar":
            return Answer(Scalar(time_ms, float(result[1])), annotations)
        case "string":
            return Answer(String(time_ms, result[1]), annotations)
        case "vector":
            labels = tuple(Labels.of(each["metric"]) for each in result)
            values = np.array([float(each["value"][1]) for each in result])
            return Answer(InstantVector(time_ms, labels, values), annotations)
        case _:
            return Answer(_matrix(result), annotations)


def _matrix(result: Any) -> AlignedSeries:
    samples = [{round(at * 1000): float(value) for at, value in each["values"]} for each in result]
    times = sorted({at for values in samples for at in values})
    columns = {at: column for column, at in enumerate(times)}
    matrix = absent_matrix(len(samples), len(times))
    for row, values in enumerate(samples):
        for at, value in values.items():
            matrix[row, columns[at]] = value
    labels = [Labels.of(each["metric"]) for each in result]
    return AlignedSeries.of_source(labels, np.array(times, dtype=np.int64), matrix)
