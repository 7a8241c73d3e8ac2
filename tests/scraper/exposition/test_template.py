import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scraper.exposition.pieces import PiecePool
from scraper.exposition.template import Template

VALUE_AT = [0, 2, 3, 0, 2]


def body(*values: bytes, help_text: bytes = b"# HELP a A.", end: bytes = b"\n") -> bytes:
    lines = [help_text, b"a " + values[0], b"bb " + values[1], b"# comment", b"c " + values[2]]
    return b"\n".join(lines) + end


values = st.tuples(*[st.sampled_from([b"0", b"1", b"-2.5", b"1e300", b"NaN"])] * 3)


@given(st.lists(values, min_size=2, max_size=8), st.sampled_from([b"\n", b""]))
def test_tokens_are_the_values_of_the_loose_lines(
    history: list[tuple[bytes, bytes, bytes]], end: bytes
) -> None:
    template = Template(body(*history[0], end=end))
    loose: set[int] = set()
    for now in history[1:]:
        loose |= {index for index in range(3) if now[index] != history[0][index]}
        tokens = template.tokens(body(*now, end=end), VALUE_AT)
        assert template.loose.tolist() == sorted((1, 2, 4)[index] for index in loose)
        assert tokens == [now[index] for index in sorted(loose)]
        assert len(template.values) == len(template.loose)


@given(values, values)
def test_lines_come_back_with_loose_ones_equal_to_none(
    first: tuple[bytes, bytes, bytes], second: tuple[bytes, bytes, bytes]
) -> None:
    template = Template(body(*first))
    template.tokens(body(*second), VALUE_AT)
    lines, was = template.lines(), body(*second).split(b"\n")
    assert len(lines) == len(was)
    for index, (line, other) in enumerate(zip(lines, was, strict=True)):
        if index in template.loose:
            at = VALUE_AT[index]
            assert line == other[:at] + b"\n"
        else:
            assert line == other


def test_what_differs_in_more_than_values_does_not_fit() -> None:
    first = body(b"1", b"2", b"3")
    others = [
        body(b"1", b"2", b"3", help_text=b"# HELP a B."),
        body(b"1", b"2", b"3", end=b""),
        body(b"1", b"2", b"3", end=b"\n\n"),
        first.replace(b"bb ", b"bx "),
        first.replace(b"bb 2\n", b""),
        first.replace(b"bb 2\n", b"bb 2\nbb 3\n"),
        first[:-3],
        first + b"d 1\n",
        b"",
    ]
    for other in others:
        assert Template(first).tokens(other, VALUE_AT) is None
        loosened = Template(first)
        loosened.tokens(body(b"7", b"7", b"7"), VALUE_AT)
        assert loosened.tokens(other, VALUE_AT) is None


def test_very_long_value_does_not_fit() -> None:
    template = Template(body(b"1", b"2", b"3"))
    template.tokens(body(b"1", b"2", b"4"), VALUE_AT)
    assert template.tokens(body(b"1", b"2" * 1000, b"4"), VALUE_AT) is None


def test_changes_are_told_by_their_bits() -> None:
    template = Template(body(b"1", b"2", b"3"))
    template.tokens(body(b"0", b"2", b"4"), VALUE_AT)
    assert template.changes(np.array([0.0, 4.0])).tolist() == [0, 1]
    assert template.changes(np.array([0.0, 4.0])).tolist() == []
    assert template.changes(np.array([-0.0, 4.0])).tolist() == [0]
    assert template.uses == 3


def test_equal_pieces_are_kept_once() -> None:
    pool = PiecePool()
    templates = [Template(body(b"1", b"2", b"3"), pool) for _ in range(3)]
    for template in templates:
        assert template.tokens(body(b"7", b"2", b"8"), VALUE_AT) == [b"7", b"8"]
    first, *others = (template._pieces for template in templates)
    assert all(
        mine is theirs for other in others for mine, theirs in zip(first, other, strict=True)
    )


def test_pieces_that_nobody_uses_are_forgotten() -> None:
    pool = PiecePool()
    kept = pool.shared([b"kept"])
    for number in range(20_000):
        pool.shared([b"%d" % number])
    assert len(pool) <= 4096
    assert pool.shared([b"%s" % b"kept"])[0] is kept[0]
