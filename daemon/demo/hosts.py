"""Made-up hosts: node_exporter's series, for the past and for now."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from daemon.demo.story import DAY_MS, Story, Times, Values
from model.labels import METRIC_NAME, Labels

STEP_MS: Final = 30_000
_GIB: Final = 2.0**30
_MODES: Final = {"user": 0.7, "system": 0.2, "iowait": 0.07, "softirq": 0.03}


@dataclass(frozen=True, slots=True)
class DemoHost:
    """A made-up host.

    Attributes:
        name: also its `instance`.
        cores, memory_gib, disk_gib: its size.
        base, swing: its CPU usage at night, and what a busy hour adds.
        disk_growth: the share of its disk that fills in a week.
        suffers: how much CPU the incident adds.
    """

    name: str
    cores: int
    memory_gib: float
    disk_gib: float
    base: float
    swing: float
    disk_growth: float = 0.03
    suffers: float = 0.0


HOSTS: Final = (
    DemoHost("web-1", 4, 8, 80, 0.08, 0.42),
    DemoHost("web-2", 4, 8, 80, 0.07, 0.40),
    DemoHost("api-1", 8, 16, 120, 0.10, 0.38, suffers=0.1),
    DemoHost("db-1", 8, 32, 500, 0.12, 0.30, disk_growth=0.16, suffers=0.55),
    DemoHost("cache-1", 2, 16, 40, 0.05, 0.18, disk_growth=0.0),
    DemoHost("worker-1", 4, 8, 160, 0.25, 0.15, disk_growth=0.08),
)


class HostSeries:
    """The series of one host over a story; gauges and integrated counters."""

    def __init__(self, story: Story, host: DemoHost) -> None:
        self._story, self._host = story, host
        self._seed = (story.seed, HOSTS.index(host))

    def grid(self, end_ms: int) -> Times:
        """Return the times from the story's start to the first step after `end_ms`."""
        return np.arange(self._story.start_ms, end_ms + STEP_MS, STEP_MS)

    def at(self, times_ms: Times) -> tuple[Sequence[Labels], Values]:
        """Return the series and their values, shape (series, times).

        Args:
            times_ms: a beginning of `grid`, so that the noise of a time is always the same.
        """
        host, series = self._host, dict[Labels, Values]()
        cpu = self._cpu(times_ms)
        self._add_cpu(series, cpu)
        self._add_memory(series, cpu, times_ms)
        self._add_disks(series, cpu, times_ms)
        rate = 4e4 + 4e6 * self._story.rhythm(times_ms) * host.swing * self._noise(times_ms, 3)
        for direction, share in (("receive", 1.0), ("transmit", 2.4)):
            labels = _labels(f"node_network_{direction}_bytes_total", device="eth0")
            series[labels] = _integrated(rate * share)
        for minutes in (1, 5, 15):
            smooth = _smoothed(cpu * host.cores * 1.1, minutes * 60_000 // STEP_MS)
            series[_labels(f"node_load{minutes}")] = smooth.round(2)
        ones = np.ones(len(times_ms))
        uname = {"nodename": host.name, "sysname": "Linux", "machine": "x86_64"}
        series[_labels("node_uname_info", release="6.12.0", **uname)] = ones
        boot_s = self._story.start_ms / 1000 - 40 * 86_400
        series[_labels("node_boot_time_seconds")] = ones * boot_s
        series[_labels("node_time_seconds")] = times_ms / 1000
        return tuple(series), np.array(list(series.values()))

    def _noise(self, times_ms: Times, which: int) -> Values:
        """Return factors around 1, the same for the same times."""
        rng = np.random.default_rng((*self._seed, which))
        return np.clip(_smoothed(1 + 0.35 * rng.standard_normal(len(times_ms)), 4), 0.3, 2.0)

    def _cpu(self, times_ms: Times) -> Values:
        story, host = self._story, self._host
        usage = (host.base + host.swing * story.rhythm(times_ms)) * self._noise(times_ms, 1)
        after = times_ms >= story.deploy_ms
        usage *= np.where(after & (host.swing > 0.35), 0.85, 1.0)
        # Backups at 02:00 UTC.
        night = times_ms % DAY_MS
        usage += np.where((night >= DAY_MS // 12) & (night < DAY_MS // 12 + 1_200_000), 0.2, 0.0)
        usage += host.suffers * story.in_incident(times_ms)
        return np.clip(usage, 0.01, 0.99)

    def _add_cpu(self, series: dict[Labels, Values], cpu: Values) -> None:
        for core in range(self._host.cores):
            for mode, share in _MODES.items():
                labels = _labels("node_cpu_seconds_total", cpu=str(core), mode=mode)
                series[labels] = _integrated(cpu * share)
            labels = _labels("node_cpu_seconds_total", cpu=str(core), mode="idle")
            series[labels] = _integrated(1 - cpu)

    def _add_memory(self, series: dict[Labels, Values], cpu: Values, times_ms: Times) -> None:
        total = self._host.memory_gib * _GIB
        used = total * np.clip(0.35 + 0.4 * _smoothed(cpu, 60) * self._noise(times_ms, 2), 0, 0.97)
        cached = np.full(len(times_ms), total * 0.2)
        gauges = {
            "MemTotal": np.full(len(times_ms), total),
            "MemAvailable": total - used,
            "MemFree": np.maximum(total - used - cached, total * 0.02),
            "Cached": cached,
            "Buffers": np.full(len(times_ms), total * 0.01),
            "SReclaimable": np.full(len(times_ms), total * 0.01),
            "SwapTotal": np.full(len(times_ms), 2 * _GIB),
            "SwapFree": np.full(len(times_ms), 2 * _GIB),
        }
        for name, values in gauges.items():
            series[_labels(f"node_memory_{name}_bytes")] = values.round()

    def _add_disks(self, series: dict[Labels, Values], cpu: Values, times_ms: Times) -> None:
        host = self._host
        size = host.disk_gib * _GIB
        progress = (times_ms - self._story.start_ms) / (7 * DAY_MS)
        available = np.maximum(size * (0.55 - host.disk_growth * progress), size * 0.02)
        own = {"device": "/dev/sda1", "fstype": "ext4", "mountpoint": "/"}
        series[_labels("node_filesystem_size_bytes", **own)] = np.full(len(times_ms), size)
        series[_labels("node_filesystem_avail_bytes", **own)] = available.round()
        series[_labels("node_filesystem_free_bytes", **own)] = (available * 1.02).round()
        series[_labels("node_filesystem_readonly", **own)] = np.zeros(len(times_ms))
        for name, rate in (("read", 3e6), ("written", 8e6)):
            labels = _labels(f"node_disk_{name}_bytes_total", device="sda")
            series[labels] = _integrated(rate * cpu * self._noise(times_ms, 4))


def exposition(series: Sequence[Labels], values: Values) -> bytes:
    """Return one value of each series in the text format."""
    lines = []
    for labels, value in zip(series, values.tolist(), strict=True):
        own = ",".join(f'{name}="{text}"' for name, text in labels if name != METRIC_NAME)
        lines.append(f"{labels.metric}{{{own}}} {value!r}\n")
    return "".join(lines).encode()


def _labels(metric: str, **others: str) -> Labels:
    return Labels.of({METRIC_NAME: metric, **others})


def _integrated(rate: Values) -> Values:
    """Return a counter that grows by a rate a second."""
    return (1e6 + rate.cumsum() * (STEP_MS / 1000)).round(2)


def _smoothed(values: Values, steps: int) -> Values:
    """Return the mean of the last steps; a value depends on no later one."""
    sums = np.concatenate([[0.0], values.cumsum()])
    first = np.maximum(np.arange(len(values)) + 1 - steps, 0)
    last = np.arange(len(values)) + 1
    means: Values = (sums[last] - sums[first]) / (last - first)
    return means
