"""The aggregations that keep some series of each group: `topk`, `limitk`, `limit_ratio`.

Groups of equal size are ranked in one call.

Source: Prometheus documentation, "Aggregation operators".
"""

from hashlib import blake2b

import numpy as np

from model.labels import Labels
from promql.kernels.arrays import BLOCK_CELLS, Floats, Indices, Mask, Scalars
from promql.kernels.groups import Groups
from promql.kernels.interruption import check, interruptible
from promql.kernels.step_matrix import StepMatrix


def ranked(vector: StepMatrix, groups: Groups, wanted: Scalars, *, largest: bool) -> StepMatrix:
    """Keep the k largest (or smallest) series of each group at each step; NaN ranks last.

    With a single step, the series are returned in the order of their rank.
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
        check()
        # NaN sorts last, but absent cells must sort behind present NaN.
        places = np.lexsort((keys, ~here), axis=1)
        check()
        rank = np.empty_like(places)
        numbers = np.broadcast_to(np.arange(rows.shape[1])[:, np.newaxis], places.shape[1:])
        np.put_along_axis(rank, places, np.broadcast_to(numbers, places.shape), axis=1)
        check()
        kept[rows] = here & (rank < limit)
        if steps == 1:
            order.append(np.take_along_axis(rows, places[:, :, 0], axis=1))
    result = vector.with_values(vector.values, kept)
    if order:
        ranks = np.concatenate([each.reshape(-1) for each in sorted(order, key=_first_row)])
        result = result.take(ranks)
    return result.without_empty()


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


def _first_row(rows: Indices) -> int:
    return int(rows[0, 0])


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
