"""Names for the kernels' array types, and the size of a block."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.intp]

Scalars = Floats
"""A scalar at every step: shape (S,), or (1,) if all steps have the same value."""


BLOCK_CELLS: Final = 1 << 16
"""Cells that a kernel works on at once: 512 KiB of float64. Larger blocks fall out of a core's
cache and make the allocator fault in new pages, which costs more than the arithmetic; in
smaller ones the calls themselves dominate. The query's limits are checked between blocks."""
