import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import MalformedMessageError
from ingest.hosts.exposition_report import ExpositionReader, ExpositionReport
from model.labels import Labels

OWN = Labels.of({"job": "node", "instance": "nas"})
NUMBER = st.floats() | st.integers(-(2**60), 2**60)
LINE = st.tuples(st.sampled_from(["a", "b", "c_total"]), st.text(max_size=4), NUMBER)


def exposition(lines: list[tuple[str, str, float]], comment: str = "# HELP a An A.") -> bytes:
    texts = [comment]
    for name, label, value in lines:
        escaped = label.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        texts.append(f'{name}{{l="{escaped}",job="theirs"}} {value}')
    return ("\n".join(texts) + "\n").encode("utf-8", "surrogatepass")


def outcome(reader: ExpositionReader, body: bytes, known: Any = None) -> Any:
    try:
        report = reader.read(body, 1, OWN, known)
    except MalformedMessageError as exc:
        return str(exc)
    return [
        (labels, repr(float(value)))
        for labels, value in zip(report.series, report.values, strict=True)
    ]


@given(
    before=st.lists(LINE, min_size=1, max_size=6),
    data=st.data(),
    rest=st.sampled_from(
        ["", "a 1_0", "a nan", "a 1 5", "a", "# TYPE a counter", 'a{l="x y"} 2', "{"]
    ),
)
def test_report_is_the_same_whatever_lines_are_known(
    before: list[tuple[str, str, float]], data: st.DataObject, rest: str
) -> None:
    first = exposition(before)
    values = data.draw(st.lists(NUMBER, min_size=len(before), max_size=len(before)))
    second = exposition([(n, label, v) for (n, label, _), v in zip(before, values, strict=True)])
    if data.draw(st.booleans()):
        second += rest.encode()
    reader = ExpositionReader()
    try:
        known = reader.read(first, 1, OWN).known
    except MalformedMessageError:
        return
    assert outcome(reader, second, known) == outcome(ExpositionReader(), second)


def test_lines_that_are_known_keep_their_series() -> None:
    reader = ExpositionReader()
    first = reader.read(exposition([("a", "x", 1), ("b", "y", math.nan)]), 1, OWN)
    second = reader.read(exposition([("a", "x", 2), ("b", "y", math.inf)]), 2, OWN, first.known)
    assert second.series is first.series
    assert list(second.values) == [2, math.inf]
    assert second.known is first.known
    third = reader.read(exposition([("a", "x", 2)], "# HELP a Another."), 3, OWN, second.known)
    assert third.known is not first.known
    assert third.series == (Labels.of({"__name__": "a", "l": "x"}),)


def test_hosts_share_the_labels_of_their_lines() -> None:
    reader = ExpositionReader()
    reports = [reader.read(exposition([("a", "x", 1)]), 1, OWN) for _ in range(2)]
    assert reports[0].series[0] is reports[1].series[0]


@pytest.mark.parametrize("body", [b'a{l="x"} 1 5\n', b'a{l="x\ny"} 1\n'])
def test_lines_that_do_not_end_with_their_value_are_not_known(body: bytes) -> None:
    report: ExpositionReport = ExpositionReader().read(body, 1, OWN)
    assert report.known is None
