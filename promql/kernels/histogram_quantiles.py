"""Quantiles and fractions of classic histograms.

Source: Prometheus, promql/quantile.go, and documentation, "histogram_quantile()".
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from model.labels import Labels
from promql.kernels.arrays import Floats, Indices, Mask, Scalars
from promql.kernels.histograms import BucketSeries, ClassicHistograms
from promql.kernels.interruption import interruptible
from promql.kernels.quantiles import replace_out_of_range
from promql.kernels.step_matrix import StepMatrix, concatenated, merged
from promql.syntax.numbers import format_float

_TOLERANCE: Final = 1e-12
"""A relative difference between buckets up to this is rounding."""


def quantiles(buckets: BucketSeries, wanted: Scalars) -> tuple[StepMatrix, list[str]]:
    """Return the φ-quantile of each histogram.

    Args:
        buckets: the series of the histograms.
        wanted: φ at each step.

    Returns:
        The quantiles, and the metrics whose bucket counts had to be made monotonic.
    """
    parts, forced = [], []
    for histograms in buckets.histograms():
        values, fixed = _quantile(histograms, wanted)
        present = histograms.any_bucket()
        rows = np.flatnonzero((fixed & present).any(axis=1))
        forced += [histograms.metrics[row] for row in rows.tolist()]
        parts.append(StepMatrix(histograms.labels, values, present))
    return merged(concatenated(parts, buckets.steps)), forced


def labelled_quantiles(
    buckets: BucketSeries, label: str, wanted: Sequence[Scalars]
) -> tuple[StepMatrix, list[str]]:
    """Return several quantiles of each histogram, distinguished by a label.

    Args:
        buckets: the series of the histograms.
        label: the label whose value is φ.
        wanted: each φ at each step.

    Returns:
        As `quantiles`.
    """
    parts, forced = [], []
    for quantile in wanted:
        found, metrics = quantiles(buckets, quantile)
        forced += metrics
        text = _quantile_label(float(quantile[0]))
        labels = [each.overlaid(Labels(((label, text),))) for each in interruptible(found.labels)]
        parts.append(StepMatrix(labels, found.values, found.present))
    return merged(concatenated(parts, buckets.steps)), forced


def fractions(buckets: BucketSeries, lower: Scalars, upper: Scalars) -> StepMatrix:
    """Return the share of each histogram's observations between two values."""
    parts = [
        StepMatrix(each.labels, _fraction(each, lower, upper), each.any_bucket())
        for each in buckets.histograms()
    ]
    return merged(concatenated(parts, buckets.steps))


def _quantile(histograms: ClassicHistograms, wanted: Scalars) -> tuple[Floats, Mask]:
    """Return the quantiles, and where counts had to be made monotonic: shapes (H, S)."""
    present, bounds = histograms.present, histograms.bounds
    counts, fixed = _monotonic(histograms)
    shape = (len(counts), counts.shape[2])
    column = np.arange(len(bounds))[:, np.newaxis]
    # Absent buckets are skipped.
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
    # Without a result that depends on them, the counts need no correction.
    fixed &= (bounds[last] == np.inf) & (buckets >= 2) & (total != 0)
    fixed &= (wanted >= 0) & (wanted <= 1)
    return replace_out_of_range(values, np.broadcast_to(wanted, shape)), fixed


def _at(counts: Floats, place: Indices) -> Floats:
    return np.take_along_axis(counts, place[:, np.newaxis], axis=1)[:, 0]


def _monotonic(histograms: ClassicHistograms) -> tuple[Floats, Mask]:
    """Return monotonic counts, and where they fell by more than rounding."""
    counts, present = histograms.counts.copy(), histograms.present
    fixed = np.zeros((len(counts), counts.shape[2]), dtype=np.bool_)
    previous = np.where(present[:, 0], counts[:, 0], np.nan)
    for place in range(1, len(histograms.bounds)):
        current, here = counts[:, place], present[:, place]
        known = ~np.isnan(previous)
        close = np.abs(current - previous) <= _TOLERANCE * (np.abs(current) + np.abs(previous))
        falls = here & known & (current < previous)
        fixed |= falls & ~close
        mended = np.where(here & known & (falls | close), previous, current)
        counts[:, place] = mended
        previous = np.where(here, mended, previous)
    return counts, fixed


def _fraction(histograms: ClassicHistograms, lower: Scalars, upper: Scalars) -> Floats:
    present, bounds, counts = histograms.present, histograms.bounds, histograms.counts
    shape = (len(counts), counts.shape[2])
    last = len(bounds) - 1 - np.argmax(present[:, ::-1], axis=1)
    total = _at(counts, last)
    low, high = np.broadcast_to(lower, shape), np.broadcast_to(upper, shape)
    # Counts that fall with growing bounds may exceed the count of all observations.
    above, below = np.minimum(_rank(histograms, high), total), _rank(histograms, low)
    result = (above - np.minimum(below, total)) / total
    result = np.where(low >= high, 0.0, result)
    unusable = (bounds[last] != np.inf) | (total == 0) | np.isnan(low) | np.isnan(high)
    return np.where(unusable | np.isnan(total), np.nan, result)


def _rank(histograms: ClassicHistograms, value: Floats) -> Floats:
    """Return the number of observations up to `value`, interpolated: shape (H, S).

    A bucket with an infinite bound cannot be interpolated: its observations count as lying
    at that bound, beyond every finite value.
    """
    present, bounds, counts = histograms.present, histograms.bounds, histograms.counts
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


def _quantile_label(quantile: float) -> str:
    """Return φ as a label value, with a decimal point as in OpenMetrics: `1.0`."""
    text = format_float(quantile)
    return text if not text.lstrip("-").isdigit() else f"{text}.0"
