import math

import pytest

from alerting.templates.functions.humanize import (
    humanize,
    humanize_1024,
    humanize_duration,
    humanize_percentage,
    humanize_timestamp,
)


# Expectations from Prometheus, template/template_test.go.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (1234567.0, "1.235M"),
        (0.12, "120m"),
        (-1234.0, "-1.234k"),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
        (1e30, "1e+06Y"),
    ],
)
def test_humanize(value: float, text: str) -> None:
    assert humanize(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (1.0, "1"), (1048576.0, "1Mi"), (0.12, "0.12"), (1500, "1.465ki")],
)
def test_humanize_1024(value: float, text: str) -> None:
    assert humanize_1024(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0s"),
        (-0.0, "-0s"),
        (1.0, "1s"),
        (60.0, "1m 0s"),
        (3600.0, "1h 0m 0s"),
        (86400.0, "1d 0h 0m 0s"),
        (86400 + 3600.0, "1d 1h 0m 0s"),
        (-(86400 * 2 + 3600 * 3 + 60 * 4 + 5.0), "-2d 3h 4m 5s"),
        (899.99, "14m 59s"),
        (0.1, "100ms"),
        (0.0001, "100us"),
        (0.12345, "123.5ms"),
        (12.5, "12.5s"),
        (math.nan, "NaN"),
    ],
)
def test_humanize_duration(value: float, text: str) -> None:
    assert humanize_duration(value) == text


def test_humanize_percentage() -> None:
    assert humanize_percentage(-0.22222) == "-22.22%"
    assert humanize_percentage(0.1234567) == "12.35%"
    assert humanize_percentage(math.inf) == "+Inf%"


def test_humanize_timestamp() -> None:
    # Prometheus cuts to whole milliseconds, and the product with 1e9 is just below.
    assert humanize_timestamp(1700000000.123) == "2023-11-14 22:13:20.122 +0000 UTC"
    assert humanize_timestamp(1435065584.128) == "2015-06-23 13:19:44.128 +0000 UTC"
    assert humanize_timestamp(0) == "1970-01-01 00:00:00 +0000 UTC"
    with pytest.raises(ValueError, match="overflows int64"):
        humanize_timestamp(1e300)
