"""Hours of generated CPU counters of many hosts, and how each store loads them.

The counters are like `node_cpu_seconds_total` summed over the cores of a host: one per
mode, in hundredths of a second, mostly idle, with an occasional restart. In addition
there is `up` of these hosts and of further targets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.harness.contenders.store_import import compact, create_blocks, import_text

METRIC = "node_cpu_seconds_total"
MODES = ("idle", "iowait", "irq", "nice", "softirq", "steal", "system", "user")
_SHARES = np.array([0.8, 0.01, 0.004, 0.002, 0.004, 0.01, 0.05, 0.12])
_SPREAD = 619  # a prime, so that no two hosts share an offset
_CORES = 4
_RESTARTS_PER_HOST = 0.1
_UP_HISTORY_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class CpuHistory:
    """The size and the times of the history.

    Attributes:
        hosts: each has one counter per mode.
        targets: each has `up`; the hosts are among them.
        end_ms: the end, Unix milliseconds; each host's last sample is at most one
            interval older.
        jitter_ms: how early or late a sample may be; 0 for evenly spaced samples.
    """

    hosts: int
    targets: int
    end_ms: int
    duration_ms: int = 6 * 3_600_000
    interval_ms: int = 15_000
    jitter_ms: int = 0
    seed: int = 20_241

    @property
    def samples(self) -> int:
        """The number of samples, without those of `up`."""
        return self.hosts * len(MODES) * (self.duration_ms // self.interval_ms)

    def times_ms(self, target: int) -> NDArray[np.int64]:
        """Return the scrape times of a target; each has its own offset in the interval."""
        count = self.duration_ms // self.interval_ms
        # Neighbours are far apart, as when a server spreads its targets by a hash.
        offset_ms = target * _SPREAD % self.targets * self.interval_ms // self.targets
        times = self.end_ms - self.interval_ms * np.arange(count, 0, -1) + offset_ms
        if self.jitter_ms:
            random = np.random.default_rng((self.seed, target, 1))
            times += random.integers(-self.jitter_ms, self.jitter_ms + 1, count)
        return times

    def counters(self, host: int) -> NDArray[np.float64]:
        """Return a host's counters in seconds, shape (modes, times)."""
        count = self.duration_ms // self.interval_ms
        random = np.random.default_rng((self.seed, host))
        mean_ticks = _SHARES * _CORES * self.interval_ms / 10
        ticks = random.poisson(mean_ticks[:, np.newaxis], (len(MODES), count))
        ticks[:, 0] += random.integers(0, 10_000_000, len(MODES))
        totals = ticks.cumsum(axis=1)
        if random.random() < _RESTARTS_PER_HOST:
            at = int(random.integers(1, count))
            totals[:, at:] -= totals[:, at - 1 : at]
        return totals / 100

    def up_times_ms(self, target: int) -> NDArray[np.int64]:
        """Return the times of a target's `up`: its scrapes of the last hour."""
        times = self.times_ms(target)
        return times[times >= self.end_ms - _UP_HISTORY_MS]

    def write_open_metrics(self, path: Path) -> None:
        """Write OpenMetrics text, series by series, each sample with its timestamp."""
        with path.open("w", buffering=1 << 20) as file:
            for target in range(self.targets):
                file.writelines(self._lines(target))
            file.write("# EOF\n")

    def _lines(self, target: int) -> Iterator[str]:
        labels = f'instance="host{target:04}:9100",job="node"'
        up = f"up{{{labels}}} 1 "
        yield from (f"{up}{time_ms / 1000:.3f}\n" for time_ms in self.up_times_ms(target).tolist())
        if target >= self.hosts:
            return
        times = [f" {time_ms / 1000:.3f}\n" for time_ms in self.times_ms(target).tolist()]
        for mode, row in zip(MODES, self.counters(target).tolist(), strict=True):
            key = f'{METRIC}{{{labels},mode="{mode}"}} '
            yield from (f"{key}{value!r}{at}" for value, at in zip(row, times, strict=True))


def load_prometheus(history: CpuHistory, data: Path) -> None:
    """Load the history as Prometheus blocks."""
    text = data.parent / "history.om"
    history.write_open_metrics(text)
    create_blocks(text, data)
    text.unlink()


def load_redshank(history: CpuHistory, data: Path) -> None:
    """Import the history into Redshank and compact it."""
    text = data.parent / "history.om"
    history.write_open_metrics(text)
    import_text(text, data)
    compact(data)
    text.unlink()
