"""Quantiles and fractions of classic histograms, whose buckets are series.

Histograms with the same bucket bounds (all hosts with one exporter) are computed
together: arrays of shape (histograms, buckets, steps).

Source: Prometheus, promql/quantile.go, and documentation, "histogram_quantile()".
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from model.labels import METRIC_NAME, Labels
from promql.evaluation.annotations import Notes
from promql.kernels.ordered import beyond_quantile
from promql.kernels.vectors import Floats, Indices, Mask, Scalars, Vector, concatenated, merged
from promql.syntax.numbers import format_float

_TOLERANCE: Final = 1e-12
"""Relative difference between buckets that is no more than rounding."""
_BUCKET: Final = "le"


@dataclass(frozen=True, slots=True, eq=False)
class Classic:
    """Histograms with the same bucket bounds.

    Attributes:
        labels: the H histograms' label sets, without `le`.
        bounds: shape (B,), ascending upper bounds.
        counts: shape (H, B, S), observations up to each bound.
        present: shape (H, B, S), which buckets are there.
        metrics: their metric names, for annotations.
    """

    labels: list[Labels]
    bounds: Floats
    counts: Floats
    present: Mask
    metrics: list[str]


def classic(vector: Vector, notes: Notes, position: int) -> Iterator[Classic]:
    """Find the histograms among the series; buckets without a proper `le` are told and left."""
    histograms: dict[Labels, dict[float, list[int]]] = {}
    for row, labels in enumerate(vector.labels):
        text = labels.get(_BUCKET)
        bound = _bound(text)
        if bound is None:
            notes.bad_bucket_label(labels.metric, text, position)
            continue
        buckets = histograms.setdefault(labels.drop((_BUCKET,)), {})
        buckets.setdefault(bound, []).append(row)
    alike: dict[tuple[float, ...], list[tuple[Labels, dict[float, list[int]]]]] = {}
    for key, buckets in histograms.items():
        alike.setdefault(tuple(sorted(buckets)), []).append((key, buckets))
    for bounds, members in alike.items():
        shape = (len(members), len(bounds), vector.values.shape[1])
        counts, present = np.zeros(shape), np.zeros(shape, dtype=np.bool_)
        for index, (_, buckets) in enumerate(members):
            for place, bound in enumerate(bounds):
                for row in buckets[bound]:
                    here = vector.present[row]
                    counts[index, place] += np.where(here, vector.values[row], 0.0)
                    present[index, place] |= here
        yield Classic(
            [each.drop((METRIC_NAME,)) for each, _ in members],
            np.array(bounds),
            counts,
            present,
            [each.metric for each, _ in members],
        )


def any_bucket(histogram: Classic) -> Mask:
    """Tell where a histogram has any bucket: (H, S)."""
    found: Mask = np.logical_or.reduce(histogram.present, axis=1)
    return found


def _bound(text: str) -> float | None:
    """Return a bucket's upper bound, None where its label is no number."""
    try:
        bound = float(text)
    except ValueError:
        return None
    return None if math.isnan(bound) else bound


def quantiles(vector: Vector, wanted: Scalars, notes: Notes, position: int) -> Vector:
    """Return the φ-quantile of each classic histogram.

    Args:
        vector: buckets.
        wanted: φ at each step.
        notes: takes annotations.
        position: where the vector stands in the query.
    """
    parts = []
    for histogram in classic(vector, notes, position):
        values, fixed = _quantile(histogram, wanted)
        present = any_bucket(histogram)
        for index in np.flatnonzero((fixed & present).any(axis=1)).tolist():
            notes.forced_monotonicity(histogram.metrics[index], position)
        parts.append(Vector(histogram.labels, values, present))
    return merged(concatenated(parts, vector.values.shape[1]))


def _quantile(histogram: Classic, wanted: Scalars) -> tuple[Floats, Mask]:
    """Interpolate within buckets: values (H, S), and where counts had to be mended."""
    present, bounds = histogram.present, histogram.bounds
    counts, fixed = _monotonic(histogram)
    shape = (len(counts), counts.shape[2])
    column = np.arange(len(bounds))[:, np.newaxis]
    # Absent buckets are skipped: each takes the number of the present one before it.
    last = len(bounds) - 1 - np.argmax(present[:, ::-1], axis=1)
    buckets = present.sum(axis=1)
    total = _at(counts, last)
    rank = np.broadcast_to(wanted, shape) * total
    reaches = present & ((counts >= rank[:, np.newaxis]) | (column == last[:, np.newaxis]))
    place = np.argmax(reaches, axis=1)
    before = np.where(present & (column < place[:, np.newaxis]), column, -1).max(axis=1)
    start = np.where(before >= 0, bounds[np.maximum(before, 0)], 0.0)
    below = np.where(before >= 0, _at(counts, np.maximum(before, 0)), 0.0)
    end = bounds[place]
    inside = start + (end - start) * ((rank - below) / (_at(counts, place) - below))
    values = np.where((before < 0) & (end <= 0), end, inside)
    values = np.where(place == last, start, values)
    unusable = (bounds[last] != np.inf) | (buckets < 2) | (total == 0) | np.isnan(total)
    values = np.where(unusable, np.nan, values)
    return beyond_quantile(values, np.broadcast_to(wanted, shape)), fixed


def _at(counts: Floats, place: Indices) -> Floats:
    return np.take_along_axis(counts, place[:, np.newaxis], axis=1)[:, 0]


def _monotonic(histogram: Classic) -> tuple[Floats, Mask]:
    """Make counts grow with the bounds; tell where they fell by more than rounding."""
    counts, present = histogram.counts.copy(), histogram.present
    fixed = np.zeros((len(counts), counts.shape[2]), dtype=np.bool_)
    previous = np.where(present[:, 0], counts[:, 0], np.nan)
    for place in range(1, len(histogram.bounds)):
        current, here = counts[:, place], present[:, place]
        known = ~np.isnan(previous)
        close = np.abs(current - previous) <= _TOLERANCE * (np.abs(current) + np.abs(previous))
        falls = here & known & (current < previous)
        fixed |= falls & ~close
        mended = np.where(here & known & (falls | close), previous, current)
        counts[:, place] = mended
        previous = np.where(here, mended, previous)
    return counts, fixed


def fractions(
    vector: Vector, lower: Scalars, upper: Scalars, notes: Notes, position: int
) -> Vector:
    """Return the share of observations between two values in each classic histogram."""
    parts = []
    for histogram in classic(vector, notes, position):
        values = _fraction(histogram, lower, upper)
        parts.append(Vector(histogram.labels, values, any_bucket(histogram)))
    return merged(concatenated(parts, vector.values.shape[1]))


def _fraction(histogram: Classic, lower: Scalars, upper: Scalars) -> Floats:
    present, bounds, counts = histogram.present, histogram.bounds, histogram.counts
    shape = (len(counts), counts.shape[2])
    last = len(bounds) - 1 - np.argmax(present[:, ::-1], axis=1)
    total = _at(counts, last)
    low, high = np.broadcast_to(lower, shape), np.broadcast_to(upper, shape)
    result = (_rank(histogram, high) - _rank(histogram, low)) / total
    result = np.where(low >= high, 0.0, result)
    unusable = (bounds[last] != np.inf) | (total == 0) | np.isnan(low) | np.isnan(high)
    return np.where(unusable | np.isnan(total), np.nan, result)


def _rank(histogram: Classic, value: Floats) -> Floats:
    """Return how many observations are at most `value`, interpolated: (H, S).

    A bucket without an end to one side cannot be interpolated: its observations count
    as lying at its far end, beyond every finite value.
    """
    present, bounds, counts = histogram.present, histogram.bounds, histogram.counts
    rank = np.zeros(value.shape)
    start = np.full(value.shape, -np.inf)
    below = np.zeros(value.shape)
    first = np.ones(value.shape, dtype=np.bool_)
    for place, end in enumerate(bounds.tolist()):
        here = present[:, place]
        current = counts[:, place]
        if end > 0:
            start = np.where(first & here, 0.0, start)
        share = (value - start) / (end - start)
        interpolated = below + (current - below) * np.clip(share, 0.0, 1.0)
        flat = np.where(np.isinf(start), np.where(value > -np.inf, current, below), interpolated)
        if math.isinf(end):
            flat = np.where(value == np.inf, current, below)
        rank = np.where(here & ((value > start) | np.isinf(start)), flat, rank)
        start = np.where(here, end, start)
        below = np.where(here, current, below)
        first &= ~here
    return rank


def each_quantile(
    vector: Vector,
    label: str,
    wanted: Sequence[Scalars],
    notes: Notes,
    position: int,
) -> Vector:
    """Return several quantiles at once, told apart by a label.

    Args:
        vector: buckets.
        label: the label that takes φ.
        wanted: each φ over the steps.
        notes: takes annotations.
        position: where the vector stands in the query.
    """
    parts = []
    for quantile in wanted:
        found = quantiles(vector, quantile, notes, position)
        text = quantile_label(float(quantile[0]))
        labels = [each.overlaid(Labels(((label, text),))) for each in found.labels]
        parts.append(Vector(labels, found.values, found.present))
    return merged(concatenated(parts, vector.values.shape[1]))


def quantile_label(quantile: float) -> str:
    """Render φ as a label's value: always with a point, like OpenMetrics (`1.0`)."""
    text = format_float(quantile)
    return text if not text.lstrip("-").isdigit() else f"{text}.0"
