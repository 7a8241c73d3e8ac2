"""The aggregations that yield one value for each group.

Series are sorted so that each group's rows are contiguous; one call then reduces all
groups at all steps.

Source: Prometheus documentation, "Aggregation operators".
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from model.labels import Labels
from promql.kernels.arrays import Floats, Indices, Mask, Scalars
from promql.kernels.compensated import SCALE, Pair, closed, sum_along, sum_groups
from promql.kernels.groups import Groups
from promql.kernels.interruption import interruptible, pieces
from promql.kernels.ordering import distinct_places
from promql.kernels.quantiles import interpolation, replace_out_of_range
from promql.kernels.step_matrix import StepMatrix, merged
from promql.syntax.numbers import format_floats

Reducer = Callable[[Floats, Mask, Groups], Floats]


def _ordered(values: Floats, present: Mask, groups: Groups, absent: float) -> Floats:
    """Return the values sorted by group; `absent` stands for missing ones."""
    if groups.starts.size > 1:
        values, present = values[groups.order], present[groups.order]
    return values if present.all() else np.where(present, values, absent)


def sums(values: Floats, present: Mask, groups: Groups) -> Pair:
    """Return the sum of each group and its rounding error: shapes (G, S)."""
    if not present.all():
        values = np.where(present, values, 0.0)
    found = groups.with_member_axis(values)
    if found is not None:
        return sum_along(*found)
    return sum_groups(values[groups.order], groups.starts)


def counts(present: Mask, groups: Groups) -> Indices:
    """Return the number of series present in each group at each step: shape (G, S)."""
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
    """Return the smallest value of each group, NaN if all are NaN: shape (G, S)."""
    return _extreme(np.fmin, values, present, groups)


def maximum(values: Floats, present: Mask, groups: Groups) -> Floats:
    """Return the largest value of each group, NaN if all are NaN: shape (G, S)."""
    return _extreme(np.fmax, values, present, groups)


def _extreme(better: np.ufunc, values: Floats, present: Mask, groups: Groups) -> Floats:
    if not present.all():
        values = np.where(present, values, np.nan)
    found = groups.with_member_axis(values)
    if found is None:
        return better.reduceat(values[groups.order], groups.starts, axis=0)
    best = np.moveaxis(found[0], found[1], 0)
    # Comparing one half with the other takes a fifth of the time of `reduceat`.
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
    grouped = _ordered(values, present, groups, np.nan)
    size = np.maximum(counts(present, groups), 1)
    here = present[groups.order] if groups.starts.size > 1 else present
    # Shift by a value of the group, so that equal values deviate by exactly 0.
    anchor = np.fmax.reduceat(grouped, groups.starts, axis=0)
    sizes = groups.sizes
    shifted = np.where(here, grouped - np.repeat(anchor, sizes, axis=0), 0.0)
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
"""Operators without a parameter that yield one value for each group."""


def reduced(operator: str, vector: StepMatrix, groups: Groups) -> StepMatrix:
    """Aggregate with an operator of `REDUCERS`."""
    values = REDUCERS[operator](vector.values, vector.present, groups)
    return _grouped(vector, groups, values)


def _grouped(vector: StepMatrix, groups: Groups, values: Floats) -> StepMatrix:
    present = counts(vector.present, groups) > 0
    drop_name = None
    if vector.drop_name is not None:
        drop_name = np.logical_or.reduceat(vector.drop_name[groups.order], groups.starts)
    return StepMatrix(groups.labels, values, present, drop_name)


def quantile(vector: StepMatrix, groups: Groups, wanted: Scalars) -> StepMatrix:
    """Return the φ-quantile of each group; NaN sorts below all other values."""
    values = np.zeros((len(groups.labels), vector.values.shape[1]))
    for chosen, rows in groups.of_equal_size():
        here = vector.present[rows]
        sorted_values = np.where(here, vector.values[rows], np.nan)
        nans = (np.isnan(sorted_values) & here).sum(axis=1)
        count = here.sum(axis=1)
        sorted_values.sort(axis=1)
        lower, upper, weight = interpolation(wanted, count)
        low, high = _at(sorted_values, lower, nans), _at(sorted_values, upper, nans)
        values[chosen] = low * (1 - weight) + high * weight
    return _grouped(vector, groups, replace_out_of_range(values, wanted))


def _at(sorted_values: Floats, index: Indices, nans: Indices) -> Floats:
    columns = np.clip(index - nans, 0, sorted_values.shape[1] - 1)[:, np.newaxis]
    found = np.take_along_axis(sorted_values, columns, axis=1)[:, 0]
    return np.where(index < nans, np.nan, found)


def count_values(
    vector: StepMatrix, groups: Groups, label: str | None, hold: Callable[[int], None]
) -> StepMatrix:
    """Count equal values; each distinct value yields a series with the label `label`.

    Args:
        vector: the series.
        groups: their groups.
        label: None adds the counts of different values, whose series are then equal.
        hold: called with the number of counts before they are made; may raise.
    """
    steps = vector.values.shape[1]
    series, columns = np.nonzero(vector.present)
    found = vector.values[series, columns]
    # Compare bits: all NaN count as one value, -0 and 0 as two.
    bits = np.where(np.isnan(found), np.nan, found).view(np.uint64)
    distinct, which = distinct_places(bits)
    texts = [text for piece in pieces(distinct) for text in format_floats(piece.view(np.float64))]
    keys = groups.members[series] * max(1, len(distinct)) + which
    pairs, rows = distinct_places(keys)
    hold(len(pairs) * steps)
    tally = np.bincount(rows * steps + columns, minlength=len(pairs) * steps)
    values = tally.reshape(len(pairs), steps).astype(np.float64)
    labels = []
    for pair in interruptible(pairs.tolist()):
        member, value = divmod(pair, len(distinct))
        added = Labels() if label is None else Labels(((label, texts[value]),))
        labels.append(groups.labels[member].overlaid(added))
    drop_name = None
    if vector.drop_name is not None:
        of_group = np.logical_or.reduceat(vector.drop_name[groups.order], groups.starts)
        drop_name = of_group[[pair // len(distinct) for pair in interruptible(pairs.tolist())]]
    result = StepMatrix(labels, values, values > 0, drop_name)
    return _added_up(result)


def _added_up(vector: StepMatrix) -> StepMatrix:
    """Join series with equal labels by adding their counts."""
    places: dict[Labels, int] = {}
    rows = [places.setdefault(each, len(places)) for each in interruptible(vector.labels)]
    if len(places) == len(rows):
        return vector
    values = np.zeros((len(places), vector.values.shape[1]))
    np.add.at(values, np.array(rows, dtype=np.intp), vector.values)
    return merged(StepMatrix(list(places), values, values > 0))
