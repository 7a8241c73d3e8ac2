"""What happened to a host: annotations, alerts and reboots, as marks on its charts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

import numpy as np
import structlog

from model.clock import Clock
from model.labels import quote
from model.series import AlignedSeries
from promql.api import PromQLError, QueryEngine, QueryOptions
from storage.api.alerts import Alert, AlertRecords
from storage.api.marks.annotations import AnnotationRecords
from web.hosts.charts.chart_grid import Grid
from web.hosts.documents import ChartMarkDocument

log = structlog.get_logger(__name__)

_MOST: Final = 200
_MOST_ALERTS: Final = 500
_KEPT_MS: Final = 10_000
"""All readers and all hosts share the alerts that were read within this time."""

_SAME_BOOT_S: Final = 60.0
"""The boot time is computed from two clocks: it wanders by less than this."""
_OPTIONS: Final = QueryOptions(timeout_s=10.0)


@dataclass(frozen=True, slots=True)
class HostMark:
    """A moment or a stretch of time with a text.

    Attributes:
        start_ms, end_ms: equal for a moment.
        alert_id: the alert that it is about, 0 for none.
    """

    start_ms: int
    end_ms: int
    text: str
    kind: Literal["annotation", "alert", "reboot"]
    alert_id: int = 0

    def document(self) -> ChartMarkDocument:
        """Return the mark as JSON."""
        return {
            "time": self.start_ms,
            "timeEnd": self.end_ms,
            "text": f"Alert: {self.text}" if self.kind == "alert" else self.text,
            "kind": self.kind,
        }


class HostMarks:
    """Finds the marks of a host in a range of time."""

    def __init__(
        self,
        engine: QueryEngine,
        annotations: AnnotationRecords,
        alerts: AlertRecords,
        clock: Clock,
    ) -> None:
        self._engine, self._annotations, self._alerts = engine, annotations, alerts
        self._clock = clock
        self._recent: tuple[int, Sequence[Alert]] | None = None

    async def between(self, instance: str, grid: Grid) -> list[HostMark]:
        """Return the marks in order of time."""
        marks = await self.recorded(instance, grid.start_ms, grid.end_ms)
        marks += [
            HostMark(time_ms, time_ms, "Rebooted", "reboot")
            for time_ms in await self._reboots(instance, grid)
        ]
        return sorted(marks, key=lambda mark: mark.start_ms)[-_MOST:]

    async def recorded(self, instance: str, start_ms: int, end_ms: int) -> list[HostMark]:
        """Return the annotations and the alerts of a host in a range of time."""
        found = await self._annotations.between(
            start_ms, end_ms, project="", instance=instance, limit=_MOST
        )
        marks = [HostMark(each.start_ms, each.end_ms, each.text, "annotation") for each in found]
        alerts = await self._recent_alerts()
        return [*marks, *_alert_marks(instance, start_ms, end_ms, alerts)]

    async def _recent_alerts(self) -> Sequence[Alert]:
        now_ms = self._clock()
        if self._recent is None or not 0 <= now_ms - self._recent[0] < _KEPT_MS:
            resolved = await self._alerts.resolved(_MOST_ALERTS)
            self._recent = now_ms, (*await self._alerts.open_alerts(), *resolved)
        return self._recent[1]

    async def _reboots(self, instance: str, grid: Grid) -> list[int]:
        query = f"node_boot_time_seconds{{instance={quote(instance)}}}"
        try:
            answer = await self._engine.range(
                query, grid.start_ms, grid.end_ms, grid.step_ms, _OPTIONS
            )
        except PromQLError as exc:
            log.warning("chart_query_failed", query=query, error=str(exc))
            return []
        series = answer.value
        if not isinstance(series, AlignedSeries) or not len(series.labels):
            return []
        return reboots(series.values[0][np.isfinite(series.values[0])].tolist(), grid.start_ms)


def _alert_marks(
    instance: str, start_ms: int, end_ms: int, alerts: Sequence[Alert]
) -> Iterator[HostMark]:
    for alert in alerts:
        if alert.fired_ms is None or alert.labels.get("instance") != instance:
            continue
        ended_ms = end_ms if alert.resolved_ms is None else alert.resolved_ms
        if alert.fired_ms <= end_ms and ended_ms >= start_ms:
            text = alert.annotations.get("summary") or alert.labels.get("alertname") or alert.rule
            yield HostMark(alert.fired_ms, max(ended_ms, alert.fired_ms), text, "alert", alert.id)


def reboots(boot_times_s: Sequence[float], start_ms: int) -> list[int]:
    """Return when a host booted again, by its boot times in order."""
    return [
        round(after * 1000)
        for before, after in pairwise(boot_times_s)
        if after - before > _SAME_BOOT_S and after * 1000 >= start_ms
    ]
