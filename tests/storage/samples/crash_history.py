"""The vectors of the killed writer: each sample follows from its column and time."""

import numpy as np

from model.labels import Labels
from model.series import Values

FIRST_MS = 1_700_000_000_000
LAYOUT = [Labels.of(__name__=f"m{number % 4}", n=str(number)) for number in range(12)]
SOURCES = [Labels.of(instance=str(number)) for number in range(3)]


def values_at(source: int, tick: int) -> Values:
    """Return the vector of a source: column c changes every c + 1 ticks."""
    columns = np.arange(len(LAYOUT))
    return (tick // (columns + 1) * 100 + columns + source / 8).astype(np.float64)
