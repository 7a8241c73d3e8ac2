import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.durations import format_duration, parse_duration_ms


@pytest.mark.parametrize(
    ("text", "duration_ms"),
    [
        ("15s", 15_000),
        ("1h30m", 5_400_000),
        ("500ms", 500),
        ("0", 0),
        ("0s", 0),
        ("1y", 31_536_000_000),
        ("2w3d", 17 * 86_400_000),
    ],
)
def test_duration_is_read_in_milliseconds(text: str, duration_ms: int) -> None:
    assert parse_duration_ms(text) == duration_ms


@pytest.mark.parametrize("text", ["", "15", "s", "1m1h", "1s1s", "-1s", "1.5h", "1 s", "\u0661s"])
def test_text_that_is_not_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration such as 30s"):
        parse_duration_ms(text)


@given(st.integers(0, 10**15))
def test_formatted_duration_reads_back_to_the_same_length(duration_ms: int) -> None:
    assert parse_duration_ms(format_duration(duration_ms)) == duration_ms


def test_negative_duration_keeps_its_sign() -> None:
    assert format_duration(-90_000) == "-1m30s"
