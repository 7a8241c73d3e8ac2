"""What one exposition says, as far as it may differ from the one before."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scraper.exposition.numbers import PLAIN, parse_value

_PLAIN_LIST = PLAIN + b","


class DetachedSample(NamedTuple):
    """A sample that does not belong in the target's vector; see `catalog`."""

    code: int
    value: float
    timestamp_ms: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one exposition says, as far as it may differ from the last.

    Attributes:
        columns: int32, distinct, columns of the target's vector.
        values: their values, same shape.
        detached: samples of detached series.
        complete: whether every series of the body is given; if not, those not given
            are as they were.
        samples: how many samples the body has.
        kept: how many of them are left after metric relabelling.
        collisions: samples dropped because relabelling made them one with another.
    """

    columns: NDArray[np.int32]
    values: NDArray[np.float64]
    detached: tuple[DetachedSample, ...]
    complete: bool
    samples: int
    kept: int
    collisions: int = 0


def numbers(tokens: Sequence[bytes]) -> NDArray[np.float64] | None:
    """Return the numbers that `tokens` write, None if one of them is none."""
    try:
        if not b",".join(tokens).translate(None, _PLAIN_LIST):
            values = np.fromiter(map(float, tokens), np.float64, len(tokens))
            return None if np.isinf(values).any() else values
        return np.array([parse_value(token.decode()) for token in tokens])
    except ValueError:
        return None
