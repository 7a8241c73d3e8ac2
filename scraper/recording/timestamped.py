"""Records series with explicit timestamps, grouped by timestamp.

All columns of a vector have one time, so series with equal timestamps share a source:
cAdvisor, for example, gives all series of a container one timestamp. A series whose
timestamp diverges from its group's moves to another group.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.labels import Labels
from model.series import ABSENT, STALE
from scraper.exposition.catalog import DETACHED, DetachedSeries
from scraper.exposition.delta import DetachedSample
from scraper.recording.detached_source import DetachedSource
from storage.api.samples import SampleAppender

# 64: more containers than one cAdvisor usually has. Beyond that, series share groups,
# and samples older than the last vector of their group are lost.
_MAX_GROUPS = 64
_MAX_AHEAD_MS = 10 * 60_000
"""How far a timestamp may lie in the future; Prometheus's limit."""
_MAX_BEHIND_MS = 60 * 60_000
"""How old a timestamp may be; about the limit of Prometheus's head."""

_Placed = defaultdict[DetachedSource, defaultdict[int, dict[int, float]]]
"""Values by group, time and column."""
_Unplaced = defaultdict[tuple[bool, int], dict[int, float]]
"""Values without a group, by `has_target_labels` and time, and then by series index."""


@dataclass(slots=True)
class TimestampCounts:
    """Numbers of samples rejected because of their explicit timestamps, by reason."""

    out_of_order: int = 0
    out_of_bounds: int = 0
    duplicate: int = 0


class TimestampedSeries:
    """Appends the series of one target that have explicit timestamps.

    Attributes:
        track_staleness: whether a vanished series gets a staleness marker.
    """

    def __init__(self, appender: SampleAppender, target: Labels, *, track_staleness: bool) -> None:
        self.track_staleness = track_staleness
        self._appender, self._target = appender, target
        # The groups of series with all labels of the target, and of those without.
        self._groups: dict[bool, list[DetachedSource]] = {True: [], False: []}
        # The group and column of each series, by series index.
        self._places: dict[int, tuple[DetachedSource, int]] = {}

    def record(
        self,
        samples: Sequence[DetachedSample],
        series: Sequence[DetachedSeries],
        time_ms: int,
        *,
        complete: bool,
    ) -> TimestampCounts:
        """Append the timestamped samples of one scrape.

        Args:
            samples: samples of detached series; those without timestamps are ignored.
            series: the detached series, by index.
            time_ms: time of the scrape.
            complete: whether series without a sample have vanished.

        Raises:
            StorageError: the store refused a vector.
        """
        counts = TimestampCounts()
        for group in self.groups():
            # Staleness markers have the time of a scrape, and its clock may have been wrong.
            if (group.vectors.last_ms or 0) > time_ms + _MAX_AHEAD_MS:
                group.vectors.follow_clock()
        placed, unplaced = self._group_samples(samples, series, time_ms, counts)
        self._move_diverged(placed, unplaced, series)
        self._place(unplaced, series, placed)
        for group, by_time in placed.items():
            for timestamp_ms in sorted(by_time):
                _append(group, timestamp_ms, by_time[timestamp_ms], counts)
        if complete and self.track_staleness:
            self._end_vanished({DETACHED - sample.code for sample in samples}, time_ms)
        return counts

    def end(self, time_ms: int) -> None:
        """End every series if staleness is tracked.

        Raises:
            StorageError: the store refused a vector.
        """
        if self.track_staleness:
            for group in self.groups():
                group.vectors.end(time_ms)

    def groups(self) -> Iterator[DetachedSource]:
        """Yield the sources of all groups."""
        for groups in self._groups.values():
            yield from groups

    def reset(self) -> None:
        """Remove every column, because the series indices restart from zero."""
        for group in self.groups():
            group.clear()
        self._places = {}

    def _group_samples(
        self,
        samples: Sequence[DetachedSample],
        series: Sequence[DetachedSeries],
        time_ms: int,
        counts: TimestampCounts,
    ) -> tuple[_Placed, _Unplaced]:
        """Return the samples of series with a group, and those of new series."""
        placed: _Placed = defaultdict(lambda: defaultdict(dict))
        unplaced: _Unplaced = defaultdict(dict)
        newest: dict[int, int] = {}
        for code, value, timestamp_ms in samples:
            if timestamp_ms is None:
                continue
            if is_out_of_bounds(timestamp_ms, time_ms):
                counts.out_of_bounds += 1
                continue
            index = DETACHED - code
            if newest.setdefault(index, timestamp_ms) > timestamp_ms:
                # Like Prometheus: an earlier line of this body has a later timestamp.
                counts.out_of_order += 1
                continue
            newest[index] = timestamp_ms
            if index in self._places:
                group, column = self._places[index]
                placed[group][timestamp_ms][column] = value
            else:
                unplaced[series[index].has_target_labels, timestamp_ms][index] = value
        return placed, unplaced

    def _move_diverged(
        self, placed: _Placed, unplaced: _Unplaced, series: Sequence[DetachedSeries]
    ) -> None:
        """Take series out of their group if most of the group has another timestamp."""
        for group in [group for group, by_time in placed.items() if len(by_time) > 1]:
            by_time = placed[group]
            occurrences = Counter(column for samples in by_time.values() for column in samples)
            most_common = max(by_time, key=lambda time: (len(by_time[time]), time))
            indices = {
                column: index
                for index, (member_of, column) in self._places.items()
                if member_of is group
            }
            for timestamp_ms in [time for time in by_time if time != most_common]:
                for column in list(by_time[timestamp_ms]):
                    index = indices[column]
                    last = group.last_sample(column)
                    is_repeated = last is not None and last[0] == timestamp_ms
                    groups = self._groups[series[index].has_target_labels]
                    if is_repeated or occurrences[column] > 1 or len(groups) >= _MAX_GROUPS:
                        continue
                    value = by_time[timestamp_ms].pop(column)
                    del self._places[index]
                    unplaced[series[index].has_target_labels, timestamp_ms][index] = value

    def _place(
        self, unplaced: _Unplaced, series: Sequence[DetachedSeries], placed: _Placed
    ) -> None:
        """Assign a group to each new series and move its sample to `placed`.

        The group is the first available of: one with samples at the same time, one
        without live series, a new one, the one with the oldest last vector.
        """
        for (has_target_labels, timestamp_ms), values in unplaced.items():
            groups = self._groups[has_target_labels]
            group = next((one for one in groups if timestamp_ms in placed.get(one, ())), None)
            if group is None:
                group = next((one for one in groups if not one.vectors.alive.any()), None)
            if group is None and len(groups) < _MAX_GROUPS:
                name = f"timestamps-{len(groups)}"
                group = DetachedSource(
                    self._appender,
                    self._target,
                    name,
                    has_target_labels=has_target_labels,
                    follows_clock=False,
                )
                groups.append(group)
            if group is None:
                group = min(groups, key=lambda one: one.vectors.last_ms or 0)
            for index, value in values.items():
                column = group.add(series[index].labels)
                self._places[index] = (group, column)
                placed[group][timestamp_ms][column] = value

    def _end_vanished(self, present: set[int], time_ms: int) -> None:
        """Append staleness markers for live series whose index is not in `present`."""
        vanished: defaultdict[DetachedSource, dict[int, float]] = defaultdict(dict)
        for index, (group, column) in self._places.items():
            if index not in present and group.vectors.alive[column]:
                vanished[group][column] = STALE
        for group, columns in vanished.items():
            if group.is_newer(time_ms):
                group.append(time_ms, columns, ABSENT)


def is_out_of_bounds(timestamp_ms: int, time_ms: int) -> bool:
    """Return whether a timestamp is too far from the time of its scrape to be stored."""
    return not -_MAX_BEHIND_MS <= timestamp_ms - time_ms <= _MAX_AHEAD_MS


def _append(
    group: DetachedSource, timestamp_ms: int, samples: dict[int, float], counts: TimestampCounts
) -> None:
    """Append the samples of one group at one time, or count them as rejected."""
    if group.is_newer(timestamp_ms):
        if samples:
            group.append(timestamp_ms, samples, ABSENT)
        return
    for column, value in samples.items():
        last = group.last_sample(column)
        if last is None or last[0] != timestamp_ms:
            counts.out_of_order += 1
        elif not np.array_equal(last[1], value, equal_nan=True):
            counts.duplicate += 1
