"""The parameters of the Prometheus API."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.prometheus.label_names import unescape_name
from web.prometheus.parameters import EARLIEST_MS, LATEST_MS, parse_length_ms, parse_time_ms


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("0", 0),
        ("1435781451.781", 1435781451781),
        ("1e3", 1_000_000),
        ("-5", -5000),
        ("2015-06-03T13:21:58.555Z", 1433337718555),
        ("2015-07-01T20:10:51.781Z", 1435781451781),
        ("2015-06-03T14:21:58.555+01:00", 1433337718555),
        ("0001-01-01T00:00:00Z", -62135596800000),
        ("-292273086-05-16T16:47:06Z", EARLIEST_MS),
        ("292277025-08-18T07:12:54.999999999Z", LATEST_MS),
    ],
)
def test_time_is_parsed_in_every_notation(text: str, time_ms: int) -> None:
    assert parse_time_ms(text) == time_ms


@pytest.mark.parametrize(
    "text", ["", "foo", "30s", "2015-06-31T00:00:00Z", "1e300", "NaN", "Inf", "1_000", "٣", " 1"]
)
def test_invalid_times_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="to a valid timestamp"):
        parse_time_ms(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_rfc3339_time_is_parsed(at: datetime) -> None:
    assert abs(parse_time_ms(at.isoformat()) - at.timestamp() * 1000) <= 1


@given(st.text())
def test_any_text_is_a_time_or_an_error(text: str) -> None:
    for parse in (parse_time_ms, parse_length_ms):
        try:
            assert EARLIEST_MS <= parse(text) <= LATEST_MS
        except ValueError as exc:
            assert f'cannot parse "{text}" to a valid' in str(exc)  # noqa: PT017


@pytest.mark.parametrize(
    ("text", "length_ms"),
    [("5m", 300_000), ("1h30m", 5_400_000), ("0.5", 500), ("15", 15_000), ("-1", -1000)],
)
def test_duration_is_parsed_in_both_notations(text: str, length_ms: int) -> None:
    assert parse_length_ms(text) == length_ms


@pytest.mark.parametrize("text", ["123456789123456789", "1e300", "9223372037"])
def test_too_many_seconds_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="overflows int64"):
        parse_length_ms(text)


@pytest.mark.parametrize("text", ["99999999999999999999y", "300y"])
def test_durations_over_292_years_are_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r'^cannot parse "[0-9]+y" to a valid duration$'):
        parse_length_ms(text)


@pytest.mark.parametrize(
    ("escaped", "name"),
    [
        ("job", "job"),
        ("U__service_2e_name", "service.name"),
        ("U__a__b", "a_b"),
        ("U___1f600_", "😀"),
        ("U__bad_zz_", "U__bad_zz_"),
        ("U__bad_2e", "U__bad_2e"),
        ("U__d800_d800_", "U__d800_d800_"),
        ("U__", ""),
    ],
)
def test_label_name_in_a_path_may_be_escaped(escaped: str, name: str) -> None:
    assert unescape_name(escaped) == name


@given(st.text())
def test_any_name_unescapes_to_text(text: str) -> None:
    unescape_name("U__" + text).encode("utf-8", "surrogatepass")
