"""Series groups: assigns the series of a backfill to sources."""

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from model.labels import Labels
from storage.api.samples import Source

_IDENTITY = ("job", "instance")


class SeriesGroups:
    """Assigns a number to each series, and groups series with the same job and instance."""

    def __init__(self, known_sources: Iterable[Source]) -> None:
        self._known = defaultdict[Labels, list[Labels]](list)
        for source in known_sources:
            if not source.stream:
                self._known[source.labels.keep(_IDENTITY)].append(source.labels)
        self._numbers: dict[Labels, int] = {}
        self._labels: list[Labels] = []
        self._groups: dict[Labels, int] = {}
        self._members: list[list[int]] = []
        self._group_of = np.empty(1024, np.uint32)

    def __len__(self) -> int:
        return len(self._labels)

    def number(self, labels: Labels) -> int:
        """Return the number of a series; assign one on first use."""
        known = self._numbers.get(labels)
        if known is not None:
            return known
        number = self._numbers[labels] = len(self._labels)
        self._labels.append(labels)
        group = self._groups.setdefault(labels.keep(_IDENTITY), len(self._members))
        if group == len(self._members):
            self._members.append([])
        self._members[group].append(number)
        if number == len(self._group_of):
            self._group_of = np.concatenate([self._group_of, np.empty_like(self._group_of)])
        self._group_of[number] = group
        return number

    def groups_of(self, series: NDArray[np.uint32]) -> NDArray[np.uint32]:
        """Return the group number of each series."""
        return self._group_of[series]

    def labels(self, series: int) -> Labels:
        """Return the labels of a series."""
        return self._labels[series]

    def source_labels(self, group: int) -> Labels:
        """Return the labels of the source that a group is stored as.

        These are the labels of a known source if all series have them, else job and
        instance.
        """
        members = self._members[group]
        identity = self._labels[members[0]].keep(_IDENTITY)
        known = self._known.get(identity)
        if not known:
            return identity
        common = set(self._labels[members[0]])
        for number in members:
            common.intersection_update(self._labels[number])
        fitting = [labels for labels in known if common.issuperset(labels)]
        return max(fitting, key=len, default=identity)
