"""Measures of events in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class EventMeasure(StrEnum):
    """The measure of the events of a bucket; from SUM on, of a numeric property."""

    EVENTS = "events"
    PERSONS = "persons"
    PER_PERSON = "per_person"
    """Events for each person who had one."""
    SUM = "sum"
    MEAN = "mean"
    LEAST = "min"
    GREATEST = "max"
    MEDIAN = "median"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"

    @property
    def needs_property(self) -> bool:
        """Whether it is measured of a property."""
        return self not in (EventMeasure.EVENTS, EventMeasure.PERSONS, EventMeasure.PER_PERSON)

    @property
    def is_of_persons(self) -> bool:
        """Whether each person counts once."""
        return self in (EventMeasure.PERSONS, EventMeasure.PER_PERSON)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A division of events by the values of a property.

    Attributes:
        property: its name.
        values: the values with a series of their own, None for events without the
            property; all other values share one series.
    """

    property: str
    values: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class MeasuredSeries:
    """One measure in time.

    Attributes:
        value: the value of the breakdown's property.
        is_other: whether it stands for all values without a series of their own.
        values: float64, shape (N,), by bucket; NaN where nothing is measured.
        total: the same measure of the whole range.
    """

    value: str | None
    is_other: bool
    values: NDArray[np.float64]
    total: float


@dataclass(frozen=True, slots=True)
class FirstValues:
    """The first value of a property that each person has had.

    Attributes:
        persons: uint64, shape (P,), ascending; persons without a value are missing.
        values: their first values.
    """

    persons: NDArray[np.uint64]
    values: Sequence[str]
