from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.timestamps import (
    TimestampError,
    unix_ms_of,
    unix_ms_of_each,
    unix_ms_of_texts,
)

MOMENTS = st.integers(-2_000_000_000_000, 4_000_000_000_000).map(
    lambda time_ms: datetime.fromtimestamp(time_ms / 1000, UTC).replace(tzinfo=None)
)


def one_by_one(texts: list[str]) -> list[int] | None:
    try:
        return [unix_ms_of(text) for text in texts]
    except TimestampError:
        return None


@pytest.mark.parametrize("timespec", ["seconds", "milliseconds"])
@pytest.mark.parametrize("end", ["Z", "+00:00"])
@given(moments=st.lists(MOMENTS, min_size=1, max_size=5))
def test_times_of_one_form_are_read_together(
    timespec: str, end: str, moments: list[datetime]
) -> None:
    texts = [moment.isoformat(timespec=timespec) + end for moment in moments]
    found = unix_ms_of_texts(texts)
    assert found is not None
    assert found.tolist() == one_by_one(texts)


@given(
    st.lists(
        st.builds(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z".format,
            *(st.integers(0, 9999) | st.integers(1890, 2110), st.integers(0, 13)),
            *(st.integers(0, 32), st.integers(0, 25), st.integers(0, 61), st.integers(0, 61)),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_an_invalid_time_is_left_to_the_strict_reader(texts: list[str]) -> None:
    found = unix_ms_of_texts(texts)
    assert (None if found is None else found.tolist()) == one_by_one(texts)


@given(
    st.lists(
        st.one_of(
            MOMENTS.map(lambda moment: moment.isoformat() + "Z"),
            MOMENTS.map(datetime.isoformat),
            st.datetimes(timezones=st.timezones()).map(datetime.isoformat),
            st.sampled_from(
                ["", "2025-01-06", "1899-12-31T23:59:59Z", "9999-12-31T23:59:59-23:00"]
            ),
        ),
        max_size=3,
    )
)
def test_times_of_any_form_are_read_as_the_strict_reader_reads_them(texts: list[str]) -> None:
    found = unix_ms_of_each(texts)
    assert (None if found is None else found.tolist()) == one_by_one(texts)


def test_half_a_millisecond_is_rounded_up() -> None:
    assert unix_ms_of("1970-01-01T00:00:00.0005Z") == 1
    assert unix_ms_of("1969-12-31T23:59:59.9994Z") == -1


@pytest.mark.parametrize(
    "texts",
    [
        [""],
        ["2025-01-06T10:00:00Z", "2025-01-06T10:00:00.000Z"],
        ["2025-01-06T10:00:00.000Z", "2025-01-06"],
        ["2025-01-06 10:00:00Z"],
        ["2025-01-06T10:00:0٣Z"],
        ["2025-01-06T10:00:0:Z"],
        [datetime(2025, 1, 6, tzinfo=timezone(timedelta(hours=1))).isoformat()],
        [datetime(2025, 1, 6, microsecond=1500, tzinfo=UTC).isoformat()],
    ],
)
def test_other_forms_are_left_to_the_strict_reader(texts: list[str]) -> None:
    assert unix_ms_of_texts(texts) is None
