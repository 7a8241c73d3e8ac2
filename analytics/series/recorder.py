"""Writes the counters of projects into the sample store, as a source of their own."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from analytics.projects import Projects
from analytics.series.counters import DURATION, EVENTS, REQUESTS, ProjectCounters
from analytics.series.session_counters import COST, TOKENS, SessionCounters
from model.clock import Clock
from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher
from model.metadata import MetricMetadata
from model.series import is_absent, is_stale
from storage.api.errors import StorageError
from storage.api.rewinding import REWIND_MS
from storage.api.samples import SampleAppender, SampleReader
from storage.api.vector_appender import SeriesAppender

log = structlog.get_logger(__name__)

JOB: Final = "analytics"
METADATA: Final = {
    EVENTS: MetricMetadata("counter", "Product events that were stored."),
    REQUESTS: MetricMetadata("counter", "Tracked requests that were stored."),
    DURATION: MetricMetadata("histogram", "How long tracked requests took."),
    COST: MetricMetadata("counter", "What the models of coding agents cost, in US dollars."),
    TOKENS: MetricMetadata("counter", "Tokens that coding agents used."),
}

_SOURCE: Final = Labels.of(job=JOB)
_STREAM: Final = "analytics"
_LOOK_MS: Final = 6 * 3_600_000
_OLDEST_MS: Final = 31 * 86_400_000
"""A server that was off for longer begins to count from zero."""


class SeriesRecorder:
    """Appends every counter at each scrape interval."""

    def __init__(
        self,
        counters: ProjectCounters,
        sessions: SessionCounters,
        projects: Projects,
        appender: SampleAppender,
        reader: SampleReader,
        clock: Clock,
        interval_s: Callable[[], float],
    ) -> None:
        self._counters, self._sessions, self._projects = counters, sessions, projects
        self._series = SeriesAppender(appender, _SOURCE, _STREAM)
        self._reader, self._clock, self._interval_s = reader, clock, interval_s
        self._last_ms: int | None = None

    async def run(self) -> None:
        """Continue the stored counters, then append at multiples of the interval.

        When it is cancelled, it appends once more.
        """
        stored = await asyncio.to_thread(last_values, self._reader, self._clock())
        self._counters.restore(_of(stored, (EVENTS, REQUESTS, DURATION)))
        self._sessions.restore(_of(stored, (COST, TOKENS)))
        try:
            while True:
                now_ms, interval_ms = self._clock(), round(self._interval_s() * 1000)
                due_ms = (now_ms // interval_ms + 1) * interval_ms
                await asyncio.sleep((due_ms - now_ms) / 1000)
                await self.record(due_ms)
        finally:
            self.append(self._clock())

    async def record(self, time_ms: int) -> None:
        """Append every counter; those of deleted projects end."""
        for key in self._counters.projects:
            if await self._projects.find(key) is None:
                self._counters.remove(key)
        self.append(time_ms)

    def append(self, time_ms: int) -> None:
        """Append the value of every counter.

        If the store refuses it, a warning is logged; the next call appends the values again.
        """
        series = {**self._counters.series(), **self._sessions.series()}
        last_ms = self._last_ms
        if last_ms is None and not series:
            return
        if last_ms is not None and last_ms - REWIND_MS < time_ms <= last_ms:
            return
        try:
            self._series.append(time_ms, series)
            self._last_ms = time_ms
        except StorageError as exc:
            log.warning("project_series_not_appended", error=str(exc))


def _of(series: Mapping[Labels, float], metrics: tuple[str, ...]) -> dict[Labels, float]:
    """Return the series whose metrics begin with one of these names."""
    return {labels: n for labels, n in series.items() if labels.metric.startswith(metrics)}


def last_values(reader: SampleReader, now_ms: int) -> Mapping[Labels, float]:
    """Return the last stored value of each series, without the source's labels; blocks."""
    metrics = "|".join(
        (EVENTS, REQUESTS, COST, TOKENS, *(f"{DURATION}_{end}" for end in ("bucket", "sum")))
    )
    matchers = [
        Matcher.of("job", "=", JOB),
        Matcher.of(METRIC_NAME, "=~", metrics),
    ]
    for end_ms in range(now_ms, now_ms - _OLDEST_MS, -_LOOK_MS):
        found: dict[Labels, float] = {}
        for aligned in reader.select(matchers, end_ms - _LOOK_MS, end_ms):
            for labels, values in zip(aligned.labels, aligned.values, strict=True):
                present = values[~is_absent(values)]
                # An ended series is that of a project that has been deleted.
                if len(present) and not is_stale(present[-1:])[0]:
                    found[labels.drop({"job"})] = float(present[-1])
        if found:
            return found
    return {}
