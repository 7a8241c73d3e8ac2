"""The samples of an exposition that differ from the previous one of the same target."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class DetachedSample(NamedTuple):
    """A sample of a detached series; see `catalog`."""

    code: int
    value: float
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True, eq=False)
class ExpositionDelta:
    """The samples of an exposition that may differ from the previous one.

    Attributes:
        columns: int32, distinct, columns of the target's vector.
        values: their values, same shape.
        detached: samples of detached series.
        complete: True if the delta contains every series of the exposition; False if
            the series left out are unchanged.
        samples: number of samples in the exposition.
        kept: number of samples left after metric relabelling.
        collisions: number of samples dropped because relabelling gave them the labels
            of another sample.
    """

    columns: NDArray[np.int32]
    values: NDArray[np.float64]
    detached: tuple[DetachedSample, ...]
    complete: bool
    samples: int
    kept: int
    collisions: int = 0
