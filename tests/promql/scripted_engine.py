"""A query engine whose answers a test sets."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from model.labels import Labels
from promql.api import (
    Answer,
    BatchOutcome,
    ExemplarSeries,
    InstantVector,
    MetadataByMetric,
    ParseError,
    QueryOptions,
    Selectors,
)
from promql.evaluation.timing import QueryRange
from promql.syntax.parser import parse
from storage.api.samples import SampleReader

Script = Mapping[Labels, float] | Answer | Exception
"""An instant vector, any other answer, or an error to raise."""


@dataclass
class ScriptedEngine:
    """A `QueryEngine` that returns the answers of a script, and an empty vector otherwise.

    It rejects what every engine must reject: empty queries and invalid ranges.

    Attributes:
        reader: answers the calls that list series and labels.
        answers: the answer to each query.
        by_part: look for the first key of `answers` that occurs in the query, not for an
            equal one.
        asked: query, start, end and step of each call.
        options: the options of the last call.
        by_metric: the metadata.
        series_exemplars: the exemplars.
    """

    reader: SampleReader | None = None
    answers: dict[str, Script] = field(default_factory=dict)
    by_part: bool = False
    asked: list[tuple[str, int, int, int]] = field(default_factory=list)
    options: QueryOptions | None = None
    by_metric: MetadataByMetric = field(default_factory=dict)
    series_exemplars: list[ExemplarSeries] = field(default_factory=list)

    async def instant(
        self, query: str, time_ms: int, options: QueryOptions | None = None
    ) -> Answer:
        self.asked.append((query, time_ms, time_ms, 0))
        self.options = options
        await asyncio.sleep(0)
        return self._answer(query, time_ms)

    async def instant_batch(
        self, queries: Sequence[str], time_ms: int, options: QueryOptions | None = None
    ) -> list[BatchOutcome]:
        # Two at a time, so that callers must ask for the others again.
        outcomes = []
        for query in queries[:2]:
            try:
                outcomes.append(BatchOutcome(await self.instant(query, time_ms, options)))
            except Exception as exc:  # noqa: BLE001 - the outcome passes it on
                outcomes.append(BatchOutcome(exc))
        return outcomes

    async def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions | None = None,
    ) -> Answer:
        QueryRange.checked(start_ms, end_ms, step_ms)
        self.asked.append((query, start_ms, end_ms, step_ms))
        self.options = options
        return self._answer(query, start_ms)

    def _answer(self, query: str, time_ms: int) -> Answer:
        if not query:
            raise ParseError("unknown position: parse error: no expression found in input", 0, 0)
        answer = self._scripted(query)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, Answer):
            return answer
        values = np.fromiter(answer.values(), np.float64, len(answer))
        return Answer(InstantVector(time_ms, tuple(answer), values))

    def _scripted(self, query: str) -> Script:
        if not self.by_part:
            return self.answers.get(query, {})
        return next((answer for part, answer in self.answers.items() if part in query), {})

    @property
    def _samples(self) -> SampleReader:
        assert self.reader is not None
        return self.reader

    async def series(
        self, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        return self._samples.series(selectors, start_ms, end_ms, limit)

    async def label_names(
        self, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        return self._samples.label_names(selectors, start_ms, end_ms, limit)

    async def label_values(
        self, name: str, selectors: Selectors, start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        return self._samples.label_values(name, selectors, start_ms, end_ms, limit)

    async def metadata(self, metric: str = "") -> MetadataByMetric:
        return {metric: self.by_metric.get(metric, ())} if metric else self.by_metric

    async def exemplars(self, query: str, start_ms: int, end_ms: int) -> list[ExemplarSeries]:
        parse(query)
        return self.series_exemplars

    async def close(self) -> None:
        """Hold nothing."""
