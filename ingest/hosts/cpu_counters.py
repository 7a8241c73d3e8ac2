"""CPU counters made of the CPU percentages in reports."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from model.labels import METRIC_NAME, Labels

EVERY_CPU: Final = "all"
"""The `cpu` label: a report has one percentage for all cores."""
CPU_METRIC: Final = "node_cpu_seconds_total"
IDLE: Final = "idle"
BUSY: Final = "user"
"""The mode of all CPU time that is not idle: a report has no finer modes."""

CPU_SERIES: Final[Mapping[str, Labels]] = {
    mode: Labels.of({METRIC_NAME: CPU_METRIC, "cpu": EVERY_CPU, "mode": mode})
    for mode in (IDLE, BUSY)
}


@dataclass(slots=True)
class CpuCounters:
    """Counters whose rate is the reported percentage.

    Between two reports the CPU counts as busy as the later report says.

    Attributes:
        time_ms: the time of the last report, None before the first.
        idle_s, busy_s: totals.
    """

    time_ms: int | None = None
    idle_s: float = 0.0
    busy_s: float = 0.0

    def add(self, time_ms: int, used_ratio: float) -> dict[Labels, float]:
        """Add a report and return the counters at its time.

        Returns:
            Nothing for a late report, because its time is already counted.
        """
        if self.time_ms is not None:
            if time_ms <= self.time_ms:
                return {}
            length_s = (time_ms - self.time_ms) / 1000
            self.idle_s += length_s * (1 - used_ratio)
            self.busy_s += length_s * used_ratio
        self.time_ms = time_ms
        return {CPU_SERIES[IDLE]: self.idle_s, CPU_SERIES[BUSY]: self.busy_s}

    @classmethod
    def resumed(cls, samples: Iterable[tuple[str, int, float]]) -> "CpuCounters":
        """Continue from stored samples.

        Args:
            samples: mode, timestamp and value of the last sample of each mode.
        """
        counters = cls()
        for mode, time_ms, value in samples:
            counters.time_ms = max(time_ms, counters.time_ms or time_ms)
            if mode == IDLE:
                counters.idle_s = value
            else:
                counters.busy_s = value
        return counters
