"""Columns of numpy that DuckDB reads."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def text_column(texts: Sequence[str]) -> NDArray[np.object_]:
    """Return texts as an array of objects: numpy's own strings end at a NUL."""
    array = np.empty(len(texts), np.object_)
    array[:] = texts
    return array
