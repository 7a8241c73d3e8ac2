"""Equal paths are counted together, however long they are."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.statistics.paths import CountedPaths

NAMES = st.integers(-1, 3) | st.sampled_from([50, 3000])


@st.composite
def taken_paths(draw: st.DrawFn) -> list[tuple[tuple[int, ...], int]]:
    length = draw(st.integers(1, 21))
    different = draw(
        st.lists(st.lists(NAMES, min_size=length, max_size=length), min_size=1, max_size=6)
    )
    often = st.just(1) if draw(st.booleans()) else st.integers(1, 9)
    return draw(
        st.lists(st.tuples(st.sampled_from(different).map(tuple), often), min_size=1, max_size=30)
    )


@given(taken_paths())
def test_each_path_is_counted_once(taken: list[tuple[tuple[int, ...], int]]) -> None:
    names = np.array([path for path, _ in taken], np.int64)
    found = CountedPaths.of(names, np.array([count for _, count in taken], np.int64))
    wanted: Counter[tuple[int, ...]] = Counter()
    for path, count in taken:
        wanted[path] += count
    paths = [tuple(path) for path in found.names.tolist()]
    assert len(set(paths)) == len(paths)
    assert dict(zip(paths, found.counts.tolist(), strict=True)) == wanted
