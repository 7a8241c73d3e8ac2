import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.http import figures


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (figures.percent(0.424), "42"),
        (figures.percent(1.2), "100"),
        (figures.percent(None), "\N{EN DASH}"),
        (figures.size(0), "0 B"),
        (figures.size(1023), "1023 B"),
        (figures.size(1024**2 - 1), "1.0 MiB"),
        (figures.size(16 * 2**30), "16.0 GiB"),
        (figures.size(900 * 2**30), "900 GiB"),
        (figures.speed(999.6), "1.0 kB/s"),
        (figures.speed(1_234_567), "1.2 MB/s"),
        (figures.span(45), "45 s"),
        (figures.span(200), "3 min 20 s"),
        (figures.span(3600), "1 h"),
        (figures.span(12 * 3600 + 59), "12 h"),
        (figures.span(41 * 86_400 + 5), "41 d"),
        (figures.span(-3), "0 s"),
        (figures.seconds(0.0123), "12 ms"),
        (figures.seconds(1.317), "1.32 s"),
        (figures.value(math.nan), "no value"),
        (figures.value(93.20001), "93.2"),
        (figures.iso_time(1_500), "1970-01-01T00:00:01Z"),
        (figures.plain(85.0), "85"),
        (figures.count(204_800), "204,800"),
        (figures.count(1_234_567), "1.2 M"),
        (figures.count(None), figures.UNKNOWN),
    ],
)
def test_figure_reads_well(text: str, expected: str) -> None:
    assert text == expected


@given(st.floats(0, 1e18))
def test_every_figure_is_short(number: float) -> None:
    for write in (figures.size, figures.speed, figures.seconds, figures.plain, figures.value):
        assert 0 < len(write(number)) <= 24
    assert len(figures.span(min(number, 1e12))) <= 20
    assert 0 <= float(figures.bar_width(number)) <= 100
