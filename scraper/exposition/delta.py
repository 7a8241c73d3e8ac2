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
        duplicates: number of samples dropped because an earlier one has their series and
            timestamp.
        added: number of series that the exposition before did not have, as written.
        new_detached: codes of the detached series among them.
    """

    columns: NDArray[np.int32]
    values: NDArray[np.float64]
    detached: tuple[DetachedSample, ...]
    complete: bool
    samples: int
    kept: int
    duplicates: int = 0
    added: int = 0
    new_detached: frozenset[int] = frozenset()
