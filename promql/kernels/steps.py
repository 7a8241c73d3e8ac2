"""The times at which a query is evaluated."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from promql.kernels.arrays import Floats


@dataclass(frozen=True)
class Steps:
    """The S evaluation times: `times_ms` of shape (S,), ascending, Unix milliseconds."""

    times_ms: NDArray[np.int64]

    @cached_property
    def count(self) -> int:
        """The number of steps, S."""
        return len(self.times_ms)

    @cached_property
    def first_ms(self) -> int:
        """The first step."""
        return int(self.times_ms[0])

    @cached_property
    def last_ms(self) -> int:
        """The last step."""
        return int(self.times_ms[-1])

    @property
    def step_ms(self) -> int:
        """The interval between two steps, 0 if there is only one."""
        return int(self.times_ms[1] - self.times_ms[0]) if self.count > 1 else 0

    @cached_property
    def seconds(self) -> Floats:
        """The steps in Unix seconds."""
        return self.times_ms / 1000

    def only_first(self) -> "Steps":
        """Return the first step alone."""
        return Steps(self.times_ms[:1])
