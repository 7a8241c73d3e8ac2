import io
import struct

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from model.series import ABSENT_BITS, ORDINARY_NAN_BITS, STALE_BITS, AlignedSeries
from scraper.exposition.history import read_history
from scraper.exposition.rendering import END, render_samples, render_time, render_value

names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
label_sets = st.builds(
    lambda metric, pairs: Labels.of({**pairs, "__name__": metric}),
    st.one_of(st.sampled_from(["up", "a:b_total"]), names),
    st.dictionaries(st.one_of(st.sampled_from(["job", "le"]), names), names, max_size=4),
)
bits = st.one_of(
    st.sampled_from([ABSENT_BITS, STALE_BITS, ORDINARY_NAN_BITS, 1 << 63, 0]),
    st.floats(width=64, allow_nan=False).map(lambda v: int(np.float64(v).view(np.uint64))),
    st.integers(-(2**53), 2**53).map(lambda v: int(np.float64(v).view(np.uint64))),
)


@given(
    labels=st.lists(label_sets, min_size=1, max_size=4, unique=True),
    times=st.lists(st.integers(-(10**13), 10**14), min_size=1, max_size=5, unique=True),
    data=st.data(),
)
def test_every_sample_but_staleness_markers_reads_back_to_the_bit(
    labels: list[Labels], times: list[int], data: st.DataObject
) -> None:
    times = sorted(times)
    size = len(labels) * len(times)
    drawn = data.draw(st.lists(bits, min_size=size, max_size=size))
    values = np.array(drawn, np.uint64).reshape(len(labels), len(times)).view(np.float64)
    series = AlignedSeries.of_source(labels, np.array(times), values)
    samples = [(one, time_ms) for one in labels for time_ms in times]
    expected = [
        (*sample, struct.pack("<Q", one))
        for sample, one in zip(samples, drawn, strict=True)
        if one not in (ABSENT_BITS, STALE_BITS)
    ]
    known: dict[Labels, int] = {}
    found = []
    text = b"".join(render_samples(series)) + END
    for batch in read_history(io.BytesIO(text), lambda one: known.setdefault(one, len(known))):
        numbers = list(known)
        found += [
            (numbers[number], time_ms, struct.pack("<d", value))
            for number, time_ms, value in zip(
                batch.series.tolist(), batch.times_ms.tolist(), batch.values.tolist(), strict=True
            )
        ]
    assert found == expected


def test_numbers_and_times_are_short() -> None:
    assert [render_value(value) for value in (5.0, -0.0, 0.1, 1e22, float("inf"))] == [
        "5",
        "-0",
        "0.1",
        "1e+22",
        "+Inf",
    ]
    assert [render_time(time_ms) for time_ms in (0, 1_700_000_000_042, -1500)] == [
        "0.000",
        "1700000000.042",
        "-1.500",
    ]
