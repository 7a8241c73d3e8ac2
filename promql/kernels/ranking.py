"""The aggregations that keep some series of each group: `topk`, `limitk`, `limit_ratio`.

At several steps, groups of equal size are ranked together.

Source: Prometheus documentation, "Aggregation operators".
"""

from collections.abc import Iterator
from hashlib import blake2b

import numpy as np

from model.labels import Labels
from promql.kernels.arrays import BLOCK_CELLS, Floats, Indices, Mask, Scalars
from promql.kernels.groups import Groups
from promql.kernels.interruption import check, interruptible
from promql.kernels.ordering import order_of, order_of_values
from promql.kernels.step_matrix import StepMatrix


def ranked(vector: StepMatrix, groups: Groups, wanted: Scalars, *, largest: bool) -> StepMatrix:
    """Keep the k largest (or smallest) series of each group at each step; NaN ranks last.

    With a single step, the series are returned group by group, in the order of their rank.
    """
    limit = np.floor(np.clip(wanted, 0, len(vector)))
    steps = vector.values.shape[1]
    if steps == 1:
        return vector.take(_ranked_rows(vector, groups, limit, largest=largest))
    kept = np.zeros_like(vector.present)
    for rows in _blocks(groups, steps):
        if rows.shape == (1, len(vector)):
            values, here = vector.values[np.newaxis], vector.present[np.newaxis]
        else:
            values, here = vector.values[rows], vector.present[rows]
        check()
        found = None
        if len(limit) == 1:
            found = _among_best(values, here, int(limit[0]), largest=largest)
        if found is None:
            found = here & (_ranks(-values if largest else values, here) < limit)
        check()
        kept[rows] = found
    return vector.with_values(vector.values, kept).without_empty()


def _blocks(groups: Groups, steps: int) -> Iterator[Indices]:
    """Yield the series of a few groups of equal size at a time: shape (k, size)."""
    for _, rows in groups.of_equal_size():
        height = max(1, BLOCK_CELLS // (rows.shape[1] * steps))
        for start in range(0, len(rows), height):
            yield rows[start : start + height]


def _ranked_rows(vector: StepMatrix, groups: Groups, limit: Scalars, *, largest: bool) -> Indices:
    """Return the rows of the best series of each group at the only step, in their order."""
    values, here = vector.values[:, 0], vector.present[:, 0]
    order = order_of_values(-values if largest else values, here)
    if len(groups.labels) > 1:
        order = order[order_of([groups.members[order]], len(order))]
    rank = np.arange(len(order)) - np.repeat(groups.starts, groups.sizes)
    return order[(rank < limit) & here[order]]


def _ranks(values: Floats, here: Mask) -> Indices:
    """Return the rank of each series in its group at each step, 0 for the smallest value.

    Args:
        values: shape (k, size, S), the values of k groups of equal size.
        here: which are present, same shape.

    Returns:
        The same shape. Equal values are ranked in the order of the series.
    """
    groups, size, steps = values.shape
    ranks = np.empty(values.shape, dtype=np.intp)
    if size > BLOCK_CELLS:
        for group, step in np.ndindex(groups, steps):
            order = order_of_values(values[group, :, step], here[group, :, step])
            check()
            ranks[group, order, step] = np.arange(size)
            check()
        return ranks
    columns = max(1, BLOCK_CELLS // size)
    for step in range(0, steps, columns):
        tall = max(1, columns // min(columns, steps))
        for group in range(0, groups, tall):
            block = np.s_[group : group + tall, :, step : step + columns]
            # NaN sorts last, but absent cells must sort behind present NaN.
            absent = ~here[block]
            places = np.lexsort((np.where(absent, np.inf, values[block]), absent), axis=1)
            numbers = np.arange(size)[:, np.newaxis]
            np.put_along_axis(ranks[block], places, np.broadcast_to(numbers, places.shape), axis=1)
            check()
    return ranks


def _among_best(values: Floats, here: Mask, limit: int, *, largest: bool) -> Mask | None:
    """Return which values are among the best of their group; None if any is NaN.

    Args:
        values: shape (k, size, S), the values of k groups of equal size.
        here: which are present, same shape.
        limit: how many of each group to keep.
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
        check()
        part = slice(start, start + width)
        # Contiguous rows are partitioned three times as fast.
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


def limited(vector: StepMatrix, groups: Groups, wanted: Scalars) -> StepMatrix:
    """Keep any k series of each group at each step."""
    here = vector.present[groups.order]
    running: Indices = np.cumsum(here, axis=0)
    before = running[groups.starts] - here[groups.starts]
    rank = running - np.repeat(before, groups.sizes, axis=0)
    limit = np.floor(np.clip(wanted, 0, len(vector)))
    kept = np.empty_like(here)
    kept[groups.order] = here & (rank <= limit)
    return vector.with_values(vector.values, kept).without_empty()


def sampled(vector: StepMatrix, ratio: Scalars) -> StepMatrix:
    """Keep a fixed share of the series; a negative ratio keeps the complement."""
    place = np.array([_label_hash(labels) for labels in interruptible(vector.labels)]).reshape(
        -1, 1
    )
    kept = np.where(ratio >= 0, place < ratio, place >= 1.0 + ratio)
    return vector.with_values(vector.values, vector.present & kept).without_empty()


def _label_hash(labels: Labels) -> float:
    """Hash the labels to a number in [0, 1)."""
    text = "\0".join(f"{name}\0{value}" for name, value in labels)
    digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
