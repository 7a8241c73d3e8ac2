"""The aggregation operators over groups of series.

Series are sorted so that a group's rows lie next to each other; what can be reduced
is reduced for all groups and steps in one call, what must be ranked is ranked for all
groups of equal size in one call.

Source: Prometheus documentation, "Aggregation operators".
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import numpy as np

from model.labels import METRIC_NAME, Labels
from promql.evaluation.blocks import BLOCK_CELLS
from promql.kernels.compensated import SCALE, Pair, closed, sum_along, sum_groups
from promql.kernels.ordered import beyond_quantile
from promql.kernels.vectors import Floats, Indices, Mask, Scalars, Vector, merged
from promql.syntax.numbers import format_floats


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """How the series of a vector fall into groups.

    Attributes:
        labels: the G groups' label sets.
        order: shape (N,), series sorted by group.
        starts: shape (G,), each group's first place in `order`.
        members: shape (N,), each series' group.
    """

    labels: list[Labels]
    order: Indices
    starts: Indices
    members: Indices

    @property
    def sizes(self) -> Indices:
        """How many series each group has: shape (G,)."""
        ends = np.append(self.starts[1:], len(self.order))
        sizes: Indices = ends - self.starts
        return sizes

    def laid_out(self, values: Floats) -> tuple[Floats, int] | None:
        """Return (N, S) as three axes of which one is a group's members, and which one.

        None where the groups differ in size. Nothing is copied where series come host by
        host, or where each host has one series of each group.
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
        """Yield (groups, rows) of groups with as many series: shapes (k,), (k, size)."""
        sizes = self.sizes
        for size in np.unique(sizes).tolist():
            groups = np.flatnonzero(sizes == size)
            places = self.starts[groups][:, np.newaxis] + np.arange(size)
            yield groups, self.order[places]


def group(labels: Sequence[Labels], names: Sequence[str], *, without: bool) -> Groups:
    """Assign every label set to its group."""
    places: dict[Labels, int] = {}
    if without:
        dropped = frozenset(names) | {METRIC_NAME}
        keys = [each.drop(dropped) for each in labels]
    elif not names:
        keys = [Labels()] * len(labels)
    elif len(names) == 1:
        keys = _by_one(labels, names[0])
    else:
        kept = frozenset(names)
        keys = [each.keep(kept) for each in labels]
    members = np.array([places.setdefault(key, len(places)) for key in keys], dtype=np.intp)
    if len(places) == 1:
        order = np.arange(len(labels), dtype=np.intp)
        return Groups(list(places), order, np.zeros(1, dtype=np.intp), members)
    order = np.argsort(members, kind="stable")
    starts = np.searchsorted(members[order], np.arange(len(places)))
    return Groups(list(places), order, starts, members)


def _by_one(labels: Sequence[Labels], name: str) -> list[Labels]:
    """Return each label set's group by one label; few values, so each is made once."""
    made: dict[str, Labels] = {"": Labels()}
    keys = []
    for each in labels:
        value = ""
        for key, found in each:
            if key == name:
                value = found
                break
        if value not in made:
            made[value] = Labels(((name, value),))
        keys.append(made[value])
    return keys


Reducer = Callable[[Floats, Mask, Groups], Floats]


def ordered(values: Floats, present: Mask, groups: Groups, absent: float) -> Floats:
    """Return the values sorted by group, `absent` where there is none."""
    if groups.starts.size > 1:
        values, present = values[groups.order], present[groups.order]
    return values if present.all() else np.where(present, values, absent)


def sums(values: Floats, present: Mask, groups: Groups) -> Pair:
    """Add up the groups: sums and errors of shape (G, S)."""
    if not present.all():
        values = np.where(present, values, 0.0)
    found = groups.laid_out(values)
    if found is not None:
        return sum_along(*found)
    return sum_groups(values[groups.order], groups.starts)


def counts(present: Mask, groups: Groups) -> Indices:
    """Return how many series each group has at each step: shape (G, S)."""
    here = present[groups.order] if groups.starts.size > 1 else present
    if len(groups.starts) == len(here):
        return here.astype(np.intp)
    return np.add.reduceat(here, groups.starts, axis=0, dtype=np.intp)


def _sum(values: Floats, present: Mask, groups: Groups) -> Floats:
    return closed(sums(values, present, groups))


def _average(values: Floats, present: Mask, groups: Groups) -> Floats:
    size = np.maximum(counts(present, groups), 1)
    total = closed(sums(values, present, groups))
    overflown = ~np.isfinite(total)
    mean: Floats = total / size
    if overflown.any():
        scaled = closed(sums(values * SCALE, present, groups)) / size / SCALE
        mean = np.where(overflown, scaled, mean)
    return mean


def minimum(values: Floats, present: Mask, groups: Groups) -> Floats:
    """Return each group's least value: shape (G, S), NaN where there is nothing else."""
    return _extreme(np.fmin, values, present, groups)


def maximum(values: Floats, present: Mask, groups: Groups) -> Floats:
    """Return each group's largest value: shape (G, S), NaN where there is nothing else."""
    return _extreme(np.fmax, values, present, groups)


def _extreme(better: np.ufunc, values: Floats, present: Mask, groups: Groups) -> Floats:
    if not present.all():
        values = np.where(present, values, np.nan)
    found = groups.laid_out(values)
    if found is None:
        return better.reduceat(values[groups.order], groups.starts, axis=0)
    best = np.moveaxis(found[0], found[1], 0)
    # Halves beside each other take a fifth of the time of `reduceat`.
    while len(best) > 2:
        half = (len(best) + 1) // 2
        best = better(best[:half], best[-half:])
    result: Floats = better(best[0], best[-1])
    return result


def _count(values: Floats, present: Mask, groups: Groups) -> Floats:
    return counts(present, groups).astype(np.float64)


def _group(values: Floats, present: Mask, groups: Groups) -> Floats:
    return np.ones((len(groups.starts), values.shape[1]))


def _variance(values: Floats, present: Mask, groups: Groups) -> Floats:
    laid = ordered(values, present, groups, np.nan)
    size = np.maximum(counts(present, groups), 1)
    here = present[groups.order] if groups.starts.size > 1 else present
    # Deviations from some value of the group: equal values then differ by exactly 0.
    anchor = np.fmax.reduceat(laid, groups.starts, axis=0)
    sizes = groups.sizes
    shifted = np.where(here, laid - np.repeat(anchor, sizes, axis=0), 0.0)
    mean = closed(sum_groups(shifted, groups.starts)) / size
    shifted -= np.repeat(mean, sizes, axis=0)
    np.multiply(shifted, shifted, out=shifted)
    return closed(sum_groups(np.where(here, shifted, 0.0), groups.starts)) / size


def _deviation(values: Floats, present: Mask, groups: Groups) -> Floats:
    return np.sqrt(_variance(values, present, groups))


REDUCERS: Final[dict[str, Reducer]] = {
    "avg": _average,
    "count": _count,
    "group": _group,
    "max": maximum,
    "min": minimum,
    "stddev": _deviation,
    "stdvar": _variance,
    "sum": _sum,
}
"""Operators that make one value of each group, without a parameter."""


def reduced(operator: str, vector: Vector, groups: Groups) -> Vector:
    """Aggregate by one of `REDUCERS`."""
    values = REDUCERS[operator](vector.values, vector.present, groups)
    return _grouped(vector, groups, values)


def _grouped(vector: Vector, groups: Groups, values: Floats) -> Vector:
    present = counts(vector.present, groups) > 0
    unnamed = None
    if vector.unnamed is not None:
        unnamed = np.logical_or.reduceat(vector.unnamed[groups.order], groups.starts)
    return Vector(groups.labels, values, present, unnamed)


def quantile(vector: Vector, groups: Groups, wanted: Scalars) -> Vector:
    """Return the φ-quantile of each group; NaN counts as smaller than all else."""
    values = np.zeros((len(groups.labels), vector.values.shape[1]))
    for chosen, rows in groups.of_equal_size():
        here = vector.present[rows]
        laid = np.where(here, vector.values[rows], np.nan)
        nans = (np.isnan(laid) & here).sum(axis=1)
        count = here.sum(axis=1)
        laid.sort(axis=1)
        rank = np.clip(np.nan_to_num(wanted) * (count - 1), 0, np.maximum(count - 1, 0))
        lower = np.floor(rank).astype(np.intp)
        upper = np.minimum(lower + 1, np.maximum(count - 1, 0))
        weight = rank - lower
        low, high = _at(laid, lower, nans), _at(laid, upper, nans)
        values[chosen] = low * (1 - weight) + high * weight
    return _grouped(vector, groups, beyond_quantile(values, wanted))


def _at(laid: Floats, index: Indices, nans: Indices) -> Floats:
    columns = np.clip(index - nans, 0, laid.shape[1] - 1)[:, np.newaxis]
    found = np.take_along_axis(laid, columns, axis=1)[:, 0]
    return np.where(index < nans, np.nan, found)


def ranked(vector: Vector, groups: Groups, wanted: Scalars, *, largest: bool) -> Vector:
    """Keep the k largest (smallest) of each group at each step; NaN comes last.

    At a single step the series come out in the order of their rank.
    """
    limit = np.floor(np.clip(wanted, 0, len(vector)))
    steps = vector.values.shape[1]
    kept = np.zeros_like(vector.present)
    order: list[Indices] = []
    for _, rows in groups.of_equal_size():
        if rows.shape == (1, len(vector)):
            values, here = vector.values[np.newaxis], vector.present[np.newaxis]
        else:
            values, here = vector.values[rows], vector.present[rows]
        if steps > 1 and len(limit) == 1:
            found = _among_best(values, here, int(limit[0]), largest=largest)
            if found is not None:
                kept[rows] = found
                continue
        keys = np.where(here, -values if largest else values, np.inf)
        # NaN sorts last, but what is absent must come behind the NaN that is there.
        places = np.lexsort((keys, ~here), axis=1)
        rank = np.empty_like(places)
        numbers = np.broadcast_to(np.arange(rows.shape[1])[:, np.newaxis], places.shape[1:])
        np.put_along_axis(rank, places, np.broadcast_to(numbers, places.shape), axis=1)
        kept[rows] = here & (rank < limit)
        if steps == 1:
            order.append(np.take_along_axis(rows, places[:, :, 0], axis=1))
    result = vector.with_values(vector.values, kept)
    if order:
        ranks = np.concatenate([each.reshape(-1) for each in sorted(order, key=_first_row)])
        result = result.take(ranks)
    return result.occupied()


def _among_best(values: Floats, here: Mask, limit: int, *, largest: bool) -> Mask | None:
    """Tell which values are among the best of their group; None where one is NaN.

    Args:
        values: shape (k, size, S), the values of k groups of equal size.
        here: which are present, same shape.
        limit: how many of each group are wanted.
        largest: whether large values are better.
    """
    groups, size, steps = values.shape
    if limit >= size:
        return here
    chosen = np.zeros(here.shape, dtype=np.bool_)
    if limit <= 0:
        return chosen
    edge = size - limit if largest else limit - 1
    better, as_good = (np.greater, np.greater_equal) if largest else (np.less, np.less_equal)
    whole = bool(here.all())
    width = max(1, BLOCK_CELLS // (groups * size))
    for start in range(0, steps, width):
        part = slice(start, start + width)
        # Rows that lie in one piece are partitioned three times as fast.
        across = np.array(values[:, :, part].swapaxes(1, 2), order="C")
        if not whole:
            across[~here[:, :, part].swapaxes(1, 2)] = -np.inf if largest else np.inf
        if np.isnan(across).any():
            return None
        across.partition(edge, axis=2)
        least = across[:, np.newaxis, :, edge]
        kept = as_good(values[:, :, part], least) & here[:, :, part]
        if kept.sum(axis=1).max() > limit:
            best = better(values[:, :, part], least) & kept
            kept &= ~best
            kept &= np.cumsum(kept, axis=1) <= limit - best.sum(axis=1, keepdims=True)
            kept |= best
        chosen[:, :, part] = kept
    return chosen


def _first_row(rows: Indices) -> int:
    return int(rows[0, 0])


def limited(vector: Vector, groups: Groups, wanted: Scalars) -> Vector:
    """Keep some k series of each group at each step."""
    here = vector.present[groups.order]
    running: Indices = np.cumsum(here, axis=0)
    before = running[groups.starts] - here[groups.starts]
    rank = running - np.repeat(before, groups.sizes, axis=0)
    limit = np.floor(np.clip(wanted, 0, len(vector)))
    kept = np.empty_like(here)
    kept[groups.order] = here & (rank <= limit)
    return vector.with_values(vector.values, kept).occupied()


def sampled(vector: Vector, ratio: Scalars) -> Vector:
    """Keep a share of the series, always the same ones; a negative ratio keeps the others."""
    place = np.array([_place(labels) for labels in vector.labels]).reshape(-1, 1)
    kept = np.where(ratio >= 0, place < ratio, place >= 1.0 + ratio)
    return vector.with_values(vector.values, vector.present & kept).occupied()


def _place(labels: Labels) -> float:
    """Return a number in [0, 1) that depends on the labels alone."""
    text = "\0".join(f"{name}\0{value}" for name, value in labels)
    digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def count_values(vector: Vector, groups: Groups, label: str) -> Vector:
    """Count equal values; each value becomes the label `label` of a series."""
    steps = vector.values.shape[1]
    series, columns = np.nonzero(vector.present)
    found = vector.values[series, columns]
    # All NaN are one value here, -0 and 0 are two: compare bits.
    bits = np.where(np.isnan(found), np.nan, found).view(np.uint64)
    distinct, which = np.unique(bits, return_inverse=True)
    texts = format_floats(distinct.view(np.float64))
    keys = groups.members[series] * max(1, len(distinct)) + which
    pairs, rows = np.unique(keys, return_inverse=True)
    tally = np.bincount(rows * steps + columns, minlength=len(pairs) * steps)
    values = tally.reshape(len(pairs), steps).astype(np.float64)
    labels = []
    for pair in pairs.tolist():
        member, value = divmod(pair, len(distinct))
        labels.append(groups.labels[member].overlaid(Labels(((label, texts[value]),))))
    unnamed = None
    if vector.unnamed is not None:
        of_group = np.logical_or.reduceat(vector.unnamed[groups.order], groups.starts)
        unnamed = of_group[[pair // len(distinct) for pair in pairs.tolist()]]
    result = Vector(labels, values, values > 0, unnamed)
    return _added_up(result)


def _added_up(vector: Vector) -> Vector:
    """Make one of series that came out with the same labels; their counts add up."""
    if len(set(vector.labels)) == len(vector.labels):
        return vector
    places: dict[Labels, int] = {}
    rows = np.array([places.setdefault(each, len(places)) for each in vector.labels])
    values = np.zeros((len(places), vector.values.shape[1]))
    np.add.at(values, rows, vector.values)
    return merged(Vector(list(places), values, values > 0))
