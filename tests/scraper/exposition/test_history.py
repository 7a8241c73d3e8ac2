import io
import struct
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from scraper.exposition import history
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.history import read_history
from scraper.exposition.parser import parse_exposition

Found = list[tuple[Labels, int, bytes]]


def read(text: bytes) -> Found:
    series: dict[Labels, int] = {}
    found: Found = []
    for batch in read_history(io.BytesIO(text), lambda one: series.setdefault(one, len(series))):
        known = list(series)
        found += [
            (known[number], time_ms, struct.pack("<d", value))
            for number, time_ms, value in zip(
                batch.series.tolist(), batch.times_ms.tolist(), batch.values.tolist(), strict=True
            )
        ]
    return found


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


HEADS = [
    "up",
    'a_total{x="1"}',
    'h_bucket{le="1"}',
    'h_bucket{le="1.0"}',
    'path{p="C:\\\\x \\"q\\"\\n # {"}',
    '{"my.metric",l="grüße 1"}',
    'order{a="1",b="2"}',
    'order{b="2",a="1"}',
    "up{} ",
]
VALUES = ["1", "1.5", "-0", "NaN", "+Inf", "-inf", "1e3", "5e-324", "1_0", "x", "1e999", ""]
STAMPS = ["1", "1700000000.123", "-1.5", "0", "1e9", "1.0000004", "", "x", "9e99"]
COMMENTS = ["# TYPE h histogram", "# HELP up It is.", "# UNIT a_total total", "# TYPE up what", ""]

sample_lines = st.builds(
    "{} {} {}{}".format,
    st.sampled_from(HEADS),
    st.sampled_from(VALUES),
    st.sampled_from(STAMPS),
    st.sampled_from(["", "", "", ' # {trace="1"} 0.5', " ", "  2"]),
)
good_lines = st.builds(
    "{} {} {}".format,
    st.sampled_from(HEADS[:-1]),
    st.floats(width=64).map(lambda value: repr(value).replace("inf", "Inf").replace("nan", "NaN")),
    st.integers(-(10**12), 10**13).map(lambda time_ms: f"{time_ms / 1000:.3f}"),
)
lines = st.lists(
    st.one_of(good_lines, good_lines, good_lines, sample_lines, st.sampled_from(COMMENTS)),
    max_size=12,
)


@given(lines=lines, block=st.sampled_from([1, 7, 64, 2**20]))
def test_any_text_gives_the_result_of_the_strict_parser(lines: Sequence[str], block: int) -> None:
    text = "".join(f"{line}\n" for line in lines).encode() + b"# EOF\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "_BLOCK_BYTES", block)
        assert outcome(lambda: read(text)) == outcome(lambda: one_by_one(lines))


def outcome(work: Callable[[], Found]) -> Found | int:
    """Return the samples, or the line of the first error."""
    try:
        return work()
    except ExpositionError as exc:
        return exc.line


def one_by_one(lines: Sequence[str]) -> Found:
    """Parse each line with the metadata of the lines before it."""
    found: Found = []
    metadata: list[str] = []
    for number, line in enumerate(lines, 1):
        is_comment = not line or line.startswith("#")
        metadata += [line] * is_comment
        text = "".join(f"{one}\n" for one in metadata + [line] * (not is_comment))
        try:
            exposition = parse_exposition(text.encode() + b"# EOF\n", ExpositionFormat.OPENMETRICS)
        except ExpositionError as exc:
            raise ExpositionError(number, exc.reason) from exc
        for sample in exposition.samples:
            if sample.timestamp_ms is None:
                raise ExpositionError(number, "no timestamp")
            if sample.timestamp_ms == 2**52 * 1000:
                raise ExpositionError(number, "the timestamp is out of range")
            found.append((Labels.of(sample.pairs), sample.timestamp_ms, bits(sample.value)))
    return found


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (["up 0.0 0.000", "up 1_0 1", "# TYPE up what"], 2),
        (["up 0.0 0.000", "up x 1", "a 1"], 2),
        (["up 0.0 0.000", "up 1 x", "a"], 2),
        (["up 0.0 0.000", "a 1", "up x 1"], 2),
    ],
)
@pytest.mark.parametrize("block", [1, 64, 2**20])
def test_error_names_the_first_malformed_line(
    lines: Sequence[str], line: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_BLOCK_BYTES", block)
    text = "".join(f"{one}\n" for one in lines).encode() + b"# EOF\n"
    with pytest.raises(ExpositionError) as caught:
        read(text)
    assert caught.value.line == line


@pytest.mark.parametrize("block", [1, 38, 2**20])
def test_type_makes_bounds_canonical_from_its_line_on(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "_BLOCK_BYTES", block)
    # With blocks of 38 bytes, the first two lines form one block.
    text = (
        b'h_bucket{le="1"} 1 1\nup 1 1111111111\n# TYPE h histogram\nh_bucket{le="1"} 2 2\n# EOF\n'
    )
    bounds = [labels.get("le") for labels, _, _ in read(text) if labels.metric == "h_bucket"]
    assert bounds == ["1", "1.0"]


def test_time_is_rounded_to_milliseconds() -> None:
    assert read(b"a 1 1700000000.123\na 2 -0.0004\n# EOF") == [
        (Labels.of(__name__="a"), 1_700_000_000_123, bits(1)),
        (Labels.of(__name__="a"), 0, bits(2)),
    ]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (b"", 1, "does not end"),
        (b"a 1 1\n", 2, "does not end"),
        (b"a 1 1\na 2", 2, "no timestamp"),
        (b"a 1 1\n# EOF\na 1 2\n", 2, "after"),
        (b"a 1 1\n# EOF\na 1 2", 3, "after"),
        (b"# EOF\n\n", 1, "after"),
        (b"a 1 1\n\n# EOF\n", 2, "empty line"),
        (b"a 1 1\na\n# EOF\n", 2, "expected a value"),
        (b"a 1 1\na 1\n# EOF\n", 2, "no timestamp"),
        (b"a" * (2**24 + 2), 1, "longer"),
    ],
)
def test_error_names_its_line(text: bytes, line: int, reason: str) -> None:
    with pytest.raises(ExpositionError, match=reason) as caught:
        read(text)
    assert caught.value.line == line
