"""Series that cannot share their target's vector: they go to sources of their own.

Series that lack one of the target's labels share one further source. Series with
explicit timestamps are grouped by them, because all columns of a vector have one time:
cAdvisor, say, stamps all series of one container alike. A series whose timestamp parts
from its group's moves to another group.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from model.labels import Labels
from model.series import ABSENT, STALE
from scraper.exposition.catalog import DETACHED, DetachedSeries
from scraper.exposition.readings import DetachedSample
from storage.api.samples import SampleAppender
from storage.api.vector_appender import VectorAppender

# 64: more containers than one cAdvisor usually has; beyond, groups are shared and
# samples that are older than their group's last vector are lost.
_MAX_GROUPS = 64
_MAX_AHEAD_MS = 10 * 60_000
"""How far a timestamp may lie in the future; Prometheus's bound."""
_MAX_BEHIND_MS = 60 * 60_000
"""How old a timestamp may be; about what Prometheus's head accepts."""


@dataclass(slots=True)
class TimestampCounts:
    """Samples with explicit timestamps that were not stored, by reason."""

    out_of_order: int = 0
    out_of_bounds: int = 0
    duplicate: int = 0


class _Group:
    """One source's columns, and what each was last given."""

    def __init__(self, stream: VectorAppender) -> None:
        self.stream = stream
        self._columns: dict[Labels, int] = {}
        self._given: dict[int, tuple[int, float]] = {}

    def add(self, labels: Labels) -> int:
        """Return the column of a series, made where there is none."""
        column = self._columns.setdefault(labels, len(self._columns))
        self.stream.grow(len(self._columns))
        return column

    def given(self, column: int) -> tuple[int, float] | None:
        """Return the time and value of a column's last sample."""
        return self._given.get(column)

    def clear(self) -> None:
        """Forget every column."""
        self.stream.compact(np.zeros(len(self.stream.alive), np.bool_))
        self._columns, self._given = {}, {}

    def write(self, time_ms: int, samples: dict[int, float], others: float | None) -> None:
        """Append `samples` by column; live columns not among them become `others`."""
        columns = np.fromiter(samples, np.int32, len(samples))
        values = np.fromiter(samples.values(), np.float64, len(samples))
        if others is not None:
            rest = self.stream.alive.copy()
            rest[columns] = False
            silent = np.flatnonzero(rest).astype(np.int32)
            columns = np.concatenate([columns, silent])
            values = np.concatenate([values, np.full(len(silent), others)])
        for column, value in samples.items():
            self._given[column] = time_ms, value
        self.stream.append(time_ms, tuple(self._columns), columns, values)


class DetachedStreams:
    """Appends the detached series of one target.

    Attributes:
        track_staleness: whether series with timestamps end when they vanish.
    """

    def __init__(self, appender: SampleAppender, target: Labels, *, track_staleness: bool) -> None:
        self._appender, self._target = appender, target
        self.track_staleness = track_staleness
        self._bare: _Group | None = None
        self._groups: dict[bool, list[_Group]] = {False: [], True: []}
        self._places: dict[int, tuple[_Group, int]] = {}

    def record(
        self,
        samples: Sequence[DetachedSample],
        series: Sequence[DetachedSeries],
        time_ms: int,
        *,
        complete: bool,
    ) -> TimestampCounts:
        """Append one scrape's samples.

        Args:
            samples: those of series that may have changed, or of all.
            series: what the samples' codes stand for.
            time_ms: the scrape's time, that of samples without one.
            complete: whether series without a sample here have vanished.

        Raises:
            StorageError: the store refused one of the vectors.
        """
        unstamped = {
            DETACHED - sample.code: sample.value
            for sample in samples
            if sample.timestamp_ms is None
        }
        self._record_unstamped(unstamped, series, time_ms, complete=complete)
        return self._record_stamped(samples, series, time_ms, complete=complete)

    def end(self, time_ms: int) -> None:
        """End what has staleness: series without timestamps, or all if so configured.

        Raises:
            StorageError: the store refused it.
        """
        if self._bare is not None:
            self._bare.stream.end(time_ms)
        if self.track_staleness:
            for group in self._stamped_groups():
                group.stream.end(time_ms)

    @property
    def dead(self) -> int:
        """How many columns have no samples any more."""
        groups = [*self._stamped_groups(), *([self._bare] if self._bare else [])]
        return sum(int((~group.stream.alive).sum()) for group in groups)

    def reset(self) -> None:
        """Forget every column; the caller renumbers its series from zero."""
        groups = [*self._stamped_groups(), *([self._bare] if self._bare else [])]
        for group in groups:
            group.clear()
        self._places = {}

    def _stamped_groups(self) -> Iterable[_Group]:
        return [*self._groups[False], *self._groups[True]]

    def _group(self, name: str, *, bare: bool) -> _Group:
        if not bare:
            return _Group(VectorAppender(self._appender, self._target, name))
        # Without labels of its own, the source is told from other targets' by its name.
        return _Group(VectorAppender(self._appender, Labels(), f"{self._target}/{name}"))

    def _record_unstamped(
        self,
        samples: dict[int, float],
        series: Sequence[DetachedSeries],
        time_ms: int,
        *,
        complete: bool,
    ) -> None:
        if self._bare is None:
            if not samples:
                return
            self._bare = self._group("bare", bare=True)
        group = self._bare
        by_column: dict[int, float] = {}
        for index, value in samples.items():
            if index not in self._places:
                self._places[index] = (group, group.add(series[index].labels))
            by_column[self._places[index][1]] = value
        if group.stream.last_ms is None or time_ms > group.stream.last_ms:
            group.write(time_ms, by_column, STALE if complete else None)

    def _record_stamped(
        self,
        samples: Sequence[DetachedSample],
        series: Sequence[DetachedSeries],
        time_ms: int,
        *,
        complete: bool,
    ) -> TimestampCounts:
        counts = TimestampCounts()
        placed, unplaced = self._sorted_out(samples, series, time_ms, counts)
        self._place(unplaced, series, placed)
        for group, by_time in placed.items():
            for timestamp_ms in sorted(by_time):
                self._write(group, timestamp_ms, by_time[timestamp_ms], counts)
        if complete and self.track_staleness:
            present = {DETACHED - sample.code for sample in samples}
            self._end_vanished(present, time_ms)
        return counts

    def _sorted_out(
        self,
        samples: Sequence[DetachedSample],
        series: Sequence[DetachedSeries],
        time_ms: int,
        counts: TimestampCounts,
    ) -> tuple["_Placed", "_Unplaced"]:
        """Return the samples by group and time, and those that have no group yet."""
        placed: _Placed = defaultdict(lambda: defaultdict(dict))
        unplaced: _Unplaced = defaultdict(dict)
        for code, value, timestamp_ms in samples:
            if timestamp_ms is None:
                continue
            if not -_MAX_BEHIND_MS <= timestamp_ms - time_ms <= _MAX_AHEAD_MS:
                counts.out_of_bounds += 1
                continue
            index = DETACHED - code
            if index in self._places:
                group, column = self._places[index]
                placed[group][timestamp_ms][column] = value
            else:
                unplaced[series[index].bare, timestamp_ms][index] = value
        self._move_diverged(placed, unplaced, series)
        return placed, unplaced

    def _move_diverged(
        self, placed: "_Placed", unplaced: "_Unplaced", series: Sequence[DetachedSeries]
    ) -> None:
        """Take series out of groups whose other members have another timestamp."""
        for group in [group for group, by_time in placed.items() if len(by_time) > 1]:
            by_time = placed[group]
            repeated = Counter(column for samples in by_time.values() for column in samples)
            stays = max(by_time, key=lambda time: (len(by_time[time]), time))
            indices = {
                column: index
                for index, (member_of, column) in self._places.items()
                if member_of is group
            }
            for timestamp_ms in [time for time in by_time if time != stays]:
                for column in list(by_time[timestamp_ms]):
                    given = group.given(column)
                    is_old = given is not None and given[0] == timestamp_ms
                    if (
                        is_old
                        or repeated[column] > 1
                        or len(self._groups[series[indices[column]].bare]) >= _MAX_GROUPS
                    ):
                        continue
                    index = indices[column]
                    value = by_time[timestamp_ms].pop(column)
                    del self._places[index]
                    unplaced[series[index].bare, timestamp_ms][index] = value

    def _place(
        self, unplaced: "_Unplaced", series: Sequence[DetachedSeries], placed: "_Placed"
    ) -> None:
        """Give series without a group one that is written at their time, or a new one."""
        for (bare, timestamp_ms), values in unplaced.items():
            groups = self._groups[bare]
            group = next((one for one in groups if timestamp_ms in placed.get(one, ())), None)
            if group is None:
                group = next((one for one in groups if not one.stream.alive.any()), None)
            if group is None and len(groups) < _MAX_GROUPS:
                group = self._group(f"timestamps-{len(groups)}", bare=bare)
                groups.append(group)
            if group is None:
                group = min(groups, key=lambda one: one.stream.last_ms or 0)
            for index, value in values.items():
                column = group.add(series[index].labels)
                self._places[index] = (group, column)
                placed[group][timestamp_ms][column] = value

    def _write(
        self, group: _Group, timestamp_ms: int, samples: dict[int, float], counts: TimestampCounts
    ) -> None:
        """Append the samples of one group at one time, if they are new."""
        last_ms = group.stream.last_ms
        if last_ms is None or timestamp_ms > last_ms:
            if samples:
                group.write(timestamp_ms, samples, ABSENT)
            return
        for column, value in samples.items():
            given = group.given(column)
            if given is None or given[0] != timestamp_ms:
                counts.out_of_order += 1
            elif not np.array_equal(given[1], value, equal_nan=True):
                counts.duplicate += 1

    def _end_vanished(self, present: set[int], time_ms: int) -> None:
        gone: defaultdict[_Group, dict[int, float]] = defaultdict(dict)
        for index, (group, column) in self._places.items():
            if group is not self._bare and index not in present and group.stream.alive[column]:
                gone[group][column] = STALE
        for group, columns in gone.items():
            if group.stream.last_ms is None or time_ms > group.stream.last_ms:
                group.write(time_ms, columns, ABSENT)


_Placed = defaultdict[_Group, defaultdict[int, dict[int, float]]]
_Unplaced = defaultdict[tuple[bool, int], dict[int, float]]
