"""Blocks of series: every series once, with its own times, beside series with equal windows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from model.series import ABSENT, AlignedSeries, stack
from promql.evaluation.blocks import in_blocks
from promql.kernels.arrays import BLOCK_CELLS
from storage.api.examined_series import ExaminedSeries


def _hosts(series: list[int], width: int) -> AlignedSeries:
    times = np.arange(width, dtype=np.int64)
    return stack(
        [
            AlignedSeries.of_source(
                [Labels.of(host=str(host), n=str(n)) for n in range(count)],
                times + host,
                np.full((count, width), float(host)),
            )
            for host, count in enumerate(series)
        ]
    )


@given(
    series=st.lists(st.integers(1, 9), min_size=1, max_size=9),
    edges=st.tuples(st.integers(-2, 12), st.integers(-2, 12)),
    examined=st.booleans(),
)
def test_blocks_hold_every_series_once_with_its_own_times(
    series: list[int], edges: tuple[int, int], *, examined: bool
) -> None:
    whole = _hosts(series, 3)
    if examined:
        whole.values[::3, 1] = ABSENT
        whole = ExaminedSeries.examine(whole)
    seen = []
    for part, block in in_blocks(whole, BLOCK_CELLS // 5, edges):
        places = np.arange(len(whole.labels))[part].tolist()
        assert list(block.labels) == [whole.labels[place] for place in places]
        assert block.times_ms[block.rows, 0].tolist() == block.values[:, 0].tolist()
        seen += places
    assert sorted(seen) == list(range(len(whole.labels)))


def test_blocks_end_between_hosts() -> None:
    sizes = [len(block) for _, block in in_blocks(_hosts([4] * 6, 3), BLOCK_CELLS // 10, (9, 9))]
    assert sizes == [8, 8, 8]


def test_hosts_with_other_windows_get_their_own_block() -> None:
    whole = _hosts([2] * 8, 3)
    # Hosts are scraped at 0, 1, 2, ...: four of eight have their first sample by 3.
    blocks = [block for _, block in in_blocks(whole, 10, (3, 99))]
    assert sorted(len(block.counts(np.array([3, 99]))) for block in blocks) == [1] * len(blocks)
