"""Metric families as collectors return them: lists of label values and numbers.

A scrape makes a thousand samples, so a sample is one tuple, and its labels' names are kept once
per family. Names are literal: a counter's name ends with `_total` where node_exporter's does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, NamedTuple

from exporter.pairs import pairs

Row = tuple[tuple[str, ...], float]
"""The label values and the value of one sample."""


class FamilySample(NamedTuple):
    """One sample with its name and labels, as tests and text files read it."""

    name: str
    labels: Mapping[str, str]
    value: float


class Family:
    """One metric family.

    Args:
        name: the name of its samples, literally.
        documentation: the text of its HELP line.
        value: the value of a family without labels, None for no sample yet.
        labels: the names of the labels.

    Attributes:
        rows: the samples whose labels are all of `labels`, in order.
        others: samples with other names or labels, as those of histograms.
    """

    __slots__ = ("documentation", "labels", "name", "others", "rows")
    type: ClassVar[str] = "untyped"

    def __init__(
        self,
        name: str,
        documentation: str,
        value: float | None = None,
        labels: Sequence[str] = (),
    ) -> None:
        self.name, self.documentation = name, documentation
        self.labels = tuple(labels)
        self.rows: list[Row] = [] if value is None else [((), value)]
        self.others: list[FamilySample] = []

    def add(self, labels: Iterable[str], value: float) -> None:
        """Add a sample with these label values."""
        self.rows.append((tuple(labels), value))

    def add_sample(self, name: str, labels: Mapping[str, str], value: float) -> None:
        """Add a sample with a name and labels of its own."""
        self.others.append(FamilySample(name, labels, value))

    @property
    def samples(self) -> list[FamilySample]:
        """All samples with their labels by name."""
        own = [
            FamilySample(self.name, dict(pairs(self.labels, values)), value)
            for values, value in self.rows
        ]
        return own + self.others

    def __bool__(self) -> bool:
        """Whether there is a sample."""
        return bool(self.rows or self.others)


class UntypedFamily(Family):
    """Values of unknown type: OpenMetrics calls them unknown."""

    __slots__ = ()


class GaugeFamily(Family):
    """Values that go up and down."""

    __slots__ = ()
    type = "gauge"


class CounterFamily(Family):
    """Values that only go up, or start again from zero."""

    __slots__ = ()
    type = "counter"


class HistogramFamily(Family):
    """Buckets, sums and counts; all samples are in `others`."""

    __slots__ = ()
    type = "histogram"


class SummaryFamily(Family):
    """Quantiles, sums and counts; all samples are in `others`."""

    __slots__ = ()
    type = "summary"
