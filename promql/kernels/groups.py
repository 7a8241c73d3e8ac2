"""How `by` and `without` put series into groups."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.distinct import distinct
from model.labels import METRIC_NAME, Labels
from promql.kernels.arrays import Floats, Indices
from promql.kernels.interruption import check, interruptible
from promql.kernels.ordering import order_of


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The assignment of N series to G groups.

    Attributes:
        labels: the G groups' label sets.
        order: shape (N,), the series sorted by group.
        starts: shape (G,), the index in `order` at which each group begins.
        members: shape (N,), the group of each series.
    """

    labels: list[Labels]
    order: Indices
    starts: Indices
    members: Indices

    @property
    def sizes(self) -> Indices:
        """The number of series in each group: shape (G,)."""
        ends = np.append(self.starts[1:], len(self.order))
        sizes: Indices = ends - self.starts
        return sizes

    def with_member_axis(self, values: Floats) -> tuple[Floats, int] | None:
        """Reshape (N, S) to three axes; return it and the axis of a group's members.

        Returns None if the groups differ in size. The result is a view if the series are
        sorted by group, or if the groups repeat in a fixed order (one series of each
        group for every host).
        """
        count, (rows, steps) = len(self.starts), values.shape
        size = rows // count
        if size * count != rows:
            return None
        groups, members = np.arange(count), self.members.reshape(count, size)
        if (members == groups[:, np.newaxis]).all():
            return values.reshape(count, size, steps), 1
        if (self.members.reshape(size, count) == groups).all():
            return values.reshape(size, count, steps), 0
        if (self.starts != groups * size).any():
            return None
        return values[self.order].reshape(count, size, steps), 1

    def of_equal_size(self) -> Iterator[tuple[Indices, Indices]]:
        """Yield the groups of each size, and their series: shapes (k,) and (k, size)."""
        sizes = self.sizes
        for size in distinct(sizes).tolist():
            groups = np.flatnonzero(sizes == size)
            places = self.starts[groups][:, np.newaxis] + np.arange(size)
            yield groups, self.order[places]


def group(labels: Sequence[Labels], names: Sequence[str], *, without: bool) -> Groups:
    """Group series by the values of their labels `names`, or by all other labels."""
    if without:
        dropped = frozenset(names) | {METRIC_NAME}
        places: dict[Labels, int] = {}
        members = [
            places.setdefault(each.drop(dropped), len(places)) for each in interruptible(labels)
        ]
        found = list(places)
    elif not names:
        return _groups([Labels()] if labels else [], np.zeros(len(labels), dtype=np.intp))
    elif len(names) == 1:
        members, found = _by_one(labels, names[0])
    else:
        members, found = _by_several(labels, frozenset(names))
    check()
    return _groups(found, np.array(members, dtype=np.intp))


def _groups(labels: list[Labels], members: Indices) -> Groups:
    if len(labels) == 1:
        order = np.arange(len(members), dtype=np.intp)
        return Groups(labels, order, np.zeros(1, dtype=np.intp), members)
    sizes = np.bincount(members, minlength=len(labels))
    return Groups(labels, order_of([members], len(members)), np.cumsum(sizes) - sizes, members)


def values_of(labels: Sequence[Labels], name: str) -> tuple[list[int], list[str]]:
    """Return the distinct values of one label, and for each label set the index of its value.

    The value of a missing label is "".
    """
    places: dict[str, int] = {}
    members = []
    for each in interruptible(labels):
        value = ""
        for key, found in each:
            if key == name:
                value = found
                break
        members.append(places.setdefault(value, len(places)))
    return members, list(places)


def _by_one(labels: Sequence[Labels], name: str) -> tuple[list[int], list[Labels]]:
    """Return the group of each label set by one label, and the groups' labels."""
    members, values = values_of(labels, name)
    return members, [Labels(((name, value),) if value else ()) for value in interruptible(values)]


def _by_several(labels: Sequence[Labels], names: frozenset[str]) -> tuple[list[int], list[Labels]]:
    """Return the group of each label set by some labels, and the groups' labels."""
    # Plain tuples: a `Labels` for each series instead of each group costs a third more.
    places: dict[tuple[tuple[str, str], ...], int] = {}
    members = []
    for each in interruptible(labels):
        key = tuple([pair for pair in each if pair[0] in names])
        members.append(places.setdefault(key, len(places)))
    return members, [Labels(key) for key in interruptible(list(places))]
