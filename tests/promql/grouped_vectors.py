"""Generated vectors, and their aggregations by plain loops over each group."""

import math
import statistics
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.labels import Labels
from promql.kernels.step_matrix import StepMatrix

_REFERENCES: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": math.fsum,
    "avg": statistics.fmean,
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,
    "stdvar": statistics.pvariance,
    "stddev": statistics.pstdev,
}
_values = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 0.1, 5.0])


@st.composite
def vectors(draw: st.DrawFn) -> StepMatrix:
    series, steps = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    labels = [
        Labels.of(__name__="m", group=draw(st.sampled_from("abc")), id=str(number))
        for number in range(series)
    ]
    values = draw(hnp.arrays(np.float64, (series, steps), elements=_values))
    present = draw(hnp.arrays(np.bool_, (series, steps)))
    return StepMatrix(labels, values, present, None, one_name=True)


def expected_groups(vector: StepMatrix, operator: str) -> dict[tuple[str, int], float]:
    expected = {}
    for name in "abc":
        rows = [row for row, labels in enumerate(vector.labels) if labels.get("group") == name]
        for step in range(vector.values.shape[1]):
            values = [vector.values[row, step] for row in rows if vector.present[row, step]]
            if values:
                expected[name, step] = _REFERENCES[operator](values)
    return expected


def group_values(vector: StepMatrix) -> dict[tuple[str, int], float]:
    return {
        (labels.get("group"), step): vector.values[row, step]
        for row, labels in enumerate(vector.labels)
        for step in range(vector.values.shape[1])
        if vector.present[row, step]
    }
