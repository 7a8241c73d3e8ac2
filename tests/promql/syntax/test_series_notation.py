import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from model.series import STALE_BITS
from promql.syntax.printer import label_name, quoted
from promql.syntax.series_notation import (
    Histogram,
    NotationError,
    Point,
    parse_metric,
    parse_points,
    parse_series,
)

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)
FLOATS = st.floats(allow_nan=False)


def written(value: float) -> str:
    return {math.inf: "Inf", -math.inf: "-Inf"}.get(value, repr(value))


@given(st.dictionaries(TEXTS, TEXTS), st.lists(FLOATS))
def test_description_is_read_back(labels: dict[str, str], values: list[float]) -> None:
    pairs = ", ".join(f"{quoted_name(name)}={quoted(text)}" for name, text in labels.items())
    text = f"up{{{pairs}}} {' '.join(map(written, values))}"
    found, rest = parse_series(text)
    assert found == Labels.of({**labels, "__name__": labels.get("__name__", "up")})
    assert parse_points(rest) == values


def quoted_name(name: str) -> str:
    return name if label_name(name) == name else quoted(name)


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("1+2x3", [1, 3, 5, 7]),
        ("1-2x1 4", [1, -1, 4]),
        ("-1+-2x1", [-1, -3]),
        ("5x2", [5, 5, 5]),
        ("_ _x2 1", [None, None, None, 1]),
        ("{{sum:1}}x1", [Histogram("{{sum:1}}x1")] * 2),
        ("  .5\t1e3\n", [0.5, 1000]),
        ("", []),
    ],
)
def test_samples_are_repeated_and_increased(text: str, points: list[Point]) -> None:
    assert parse_points(text) == points


def test_markers_of_staleness_are_repeated() -> None:
    import numpy as np

    found = parse_points("stalex2 1")
    assert len(found) == 3
    assert np.array(found[:2], dtype=np.float64).view(np.uint64).tolist() == [STALE_BITS] * 2


@pytest.mark.parametrize(
    "text",
    [
        *("x", "1 2q", "1..2", "1x", "stales", "_y", "1+x2", "0x10000001"),
        *("1e400", "1+1e400x2", f"1x{'9' * 5000}", f"_x{'9' * 5000}"),
    ],
)
def test_malformed_samples_are_refused(text: str) -> None:
    with pytest.raises(NotationError):
        parse_points(text)


@pytest.mark.parametrize("text", ["a{", 'a{b="c" d="e"}', "a{b=c}", 'a{b="\\q"}', "a b", "inf"])
def test_malformed_label_sets_are_refused(text: str) -> None:
    with pytest.raises(NotationError):
        parse_metric(text)


def test_quoted_names_are_read() -> None:
    assert parse_metric('{"a b", "c d"=`e`}') == Labels.of({"__name__": "a b", "c d": "e"})
    assert parse_metric("") == Labels()
