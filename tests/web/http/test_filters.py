import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.http import filters
from web.http.viewing.readers import viewed
from web.http.viewing.view import View
from web.requests.traffic_view import latency_text, share_text
from web.sessions.parts import dollars, share


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (filters.percent(0.424), "42"),
        (filters.percent(1.2), "100"),
        (filters.percent(None), "\N{EN DASH}"),
        (filters.size(0), "0 B"),
        (filters.size(1023), "1023 B"),
        (filters.size(1024**2 - 1), "1.0 MiB"),
        (filters.size(16 * 2**30), "16.0 GiB"),
        (filters.size(900 * 2**30), "900 GiB"),
        (filters.speed(999.6), "1.0 kB/s"),
        (filters.speed(1_234_567), "1.2 MB/s"),
        (filters.span(45), "45 s"),
        (filters.span(200), "3 min 20 s"),
        (filters.span(3600), "1 h"),
        (filters.span(12 * 3600 + 59), "12 h"),
        (filters.span(41 * 86_400 + 5), "41 d"),
        (filters.span(-3), "0 s"),
        (filters.seconds(0.0123), "12 ms"),
        (filters.seconds(1.317), "1.32 s"),
        (filters.value(math.nan), "no value"),
        (filters.value(93.20001), "93.2"),
        (filters.value(0.00001234), "1.234e-05"),
        (filters.value(-12345.6), "-12346"),
        (filters.value(25_280_000_000.0), "25.28 G"),
        (filters.value(math.inf), "inf"),
        (filters.iso_time(1_500), "1970-01-01T00:00:01Z"),
        (filters.plain(85.0), "85"),
        (filters.count(204_800), "204,800"),
        (filters.count(1_234_567), "1.2 M"),
        (filters.count(None), filters.UNKNOWN),
    ],
)
def test_figure_reads_well(text: str, expected: str) -> None:
    assert text == expected


def test_times_of_a_sentence_are_marked_for_the_browser_and_all_else_is_escaped() -> None:
    text = "<b> waits until 2026-11-29 12:03:10 UTC, not 2026-11-29 12:03 UTC."
    assert filters.local_times(text) == (
        '&lt;b&gt; waits until <time datetime="2026-11-29T12:03:10Z" data-local>'
        "2026-11-29 12:03:10 UTC</time>, not 2026-11-29 12:03 UTC."
    )


@given(st.floats(0, 1e18))
def test_every_figure_is_short(number: float) -> None:
    for write in (filters.size, filters.speed, filters.seconds, filters.plain, filters.value):
        assert 0 < len(write(number)) <= 24
    assert len(filters.span(min(number, 1e12))) <= 20
    assert 0 <= float(filters.bar_width(number)) <= 100


def test_titles_within_sentences_keep_the_capitals_of_german_nouns() -> None:
    assert (filters.uncapitalized("By Day"), filters.noun("Warning")) == ("by Day", "warning")
    with viewed(View(language="de")):
        assert (filters.uncapitalized("Je Tag"), filters.noun("Warnung")) == ("je Tag", "Warnung")


def test_amounts_and_response_times_have_the_decimal_sign_of_the_reader() -> None:
    assert dollars(1116.89) == "$1,116.89"
    assert (latency_text(31_500), share(0.125)) == ("31.5 ms", "12.5 %")
    with viewed(View(language="de")):
        assert dollars(1116.89) == "1.116,89\N{NO-BREAK SPACE}$"
        assert (latency_text(31_500), share(0.125)) == ("31,5 ms", "12,5 %")
        assert share_text(1, 3) == "33,3 %"
