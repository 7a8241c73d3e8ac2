"""Doubles of the services that the web application reads: samples, discovery, configuration."""

from collections import Counter as Counts
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from model.labels import Labels
from model.matchers import Matcher, matches_all
from model.series import AlignedSeries
from model.targets import Health, Target, TargetStatus
from promql.api import Answer, InstantVector
from scraper.fetching.targets import DroppedTarget
from storage.api.sample_stats import Cardinality, StoreStats
from storage.api.samples import ReadBudget, SelectHints
from web.http.errors import ConfigurationRefusedError
from web.services import ReloadState

NOW_MS = 1_763_820_000_000


@dataclass
class MemorySamples:
    """`SampleReader` over a fixed list of label sets."""

    known: list[Labels] = field(default_factory=list)
    stored: list[AlignedSeries] = field(default_factory=list)
    asked: list[tuple[int, int]] = field(default_factory=list)
    state: StoreStats | None = None
    deleted: list[tuple[list[str], int, int]] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)

    def select(
        self,
        matchers: Sequence[Matcher],
        start_ms: int,
        end_ms: int,
        budget: ReadBudget | None = None,
        *,
        starts: bool = False,
        hints: SelectHints | None = None,
    ) -> list[AlignedSeries]:
        found = []
        for part in self.stored:
            rows = [row for row, one in enumerate(part.labels) if matches_all(matchers, one)]
            labels = [part.labels[row] for row in rows]
            found.append(AlignedSeries.of_source(labels, part.times_ms[0], part.values[rows]))
        return found

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[Labels]:
        self.asked.append((start_ms, end_ms))
        found = sorted(
            labels
            for labels in self.known
            if not selectors
            or any(all(m.matches(labels.get(m.name)) for m in each) for each in selectors)
        )
        return found[: limit or None]

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int, limit: int = 0
    ) -> list[str]:
        found = self.series(selectors, start_ms, end_ms)
        return sorted({name for labels in found for name, _ in labels})[: limit or None]

    def label_values(
        self,
        name: str,
        selectors: Sequence[Sequence[Matcher]],
        start_ms: int,
        end_ms: int,
        limit: int = 0,
    ) -> list[str]:
        found = self.series(selectors, start_ms, end_ms)
        return sorted({labels.get(name) for labels in found} - {""})[: limit or None]

    def stats(self) -> StoreStats:
        return self.state or StoreStats(len(self.known), 1, 1, 0, 0, 0, 0, None, None)

    def delete_series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> None:
        texts = [",".join(map(str, matchers)) for matchers in selectors]
        self.deleted.append((texts, start_ms, end_ms))

    def clean_tombstones(self) -> None:
        self.changes.append("clean")

    def snapshot(self, *, skip_head: bool) -> str:
        self.changes.append(f"snapshot {skip_head}")
        return "20251122T140000Z-0123456789abcdef"

    def cardinality(self, limit: int) -> Cardinality:
        pairs = Counts(pair for labels in self.known for pair in labels)
        names = Counts(labels.metric for labels in self.known)
        return Cardinality(
            len(self.known),
            len(pairs),
            1,
            None,
            None,
            series_by_metric=tuple(names.most_common(limit)),
            values_by_label=tuple(Counts(name for name, _ in pairs).most_common(limit)),
            series_by_pair=tuple((f"{a}={b}", n) for (a, b), n in pairs.most_common(limit)),
        )


def target_status(
    name: str = "web-1",
    instance: str = "10.0.0.5:9100",
    health: Health = Health.UP,
    error: str = "",
    host_id: int | None = None,
    now_ms: int = NOW_MS,
) -> TargetStatus:
    """Return the status of a host's target."""
    target = Target(
        url=f"http://{instance}/metrics",
        labels=Labels.of(job="node", instance=instance),
        interval_s=15.0,
        timeout_s=10.0,
        discovered=Labels.of(__address__=instance, __scheme__="http"),
        host=name,
        host_id=host_id,
    )
    return TargetStatus(
        target=target,
        health=health,
        last_error=error,
        last_scrape_ms=now_ms - 4_000,
        last_up_ms=now_ms - 4_000 if health is Health.UP else now_ms - 600_000,
        duration_s=0.0123,
        samples=507,
        next_scrape_ms=now_ms + 11_000,
    )


def vector(values: Mapping[Labels, float], time_ms: int = NOW_MS) -> Answer:
    """Return the answer to an instant query."""
    return Answer(InstantVector(time_ms, tuple(values), np.array(list(values.values()))))


@dataclass
class DiscoveryDouble:
    """Discovered targets that a test sets."""

    names: list[str] = field(default_factory=list)
    dropped_targets: list[DroppedTarget] = field(default_factory=list)
    refused_targets: list[DroppedTarget] = field(default_factory=list)

    def pools(self) -> Sequence[str]:
        return sorted(self.names)

    def dropped(self) -> Sequence[DroppedTarget]:
        return self.dropped_targets

    def dropped_counts(self) -> Mapping[str, int]:
        counts = Counts(each.pool for each in self.dropped_targets)
        return {name: counts[name] for name in self.pools()}

    def refused(self) -> Sequence[DroppedTarget]:
        return self.refused_targets


@dataclass
class FixedConfiguration:
    """A configuration whose reload ends as the test sets."""

    text: str = "global:\n  scrape_interval: 15s\n"
    flags: Mapping[str, str] = field(default_factory=lambda: {"config.file": "/etc/redshank.yml"})
    retention: str = "730d"
    state: ReloadState = field(default_factory=lambda: ReloadState(True, NOW_MS - 60_000))  # noqa: FBT003
    restart_needed: tuple[str, ...] = ()
    error: str = ""
    reloads: int = 0

    async def reload(self) -> Sequence[str]:
        self.reloads += 1
        if self.error:
            raise ConfigurationRefusedError(self.error)
        return self.restart_needed
