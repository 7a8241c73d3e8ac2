import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scraper.exposition.skeleton import BodySkeleton

VALUE_AT = [0, 2, 3, 0, 2]


def body(*values: bytes, help_text: bytes = b"# HELP a A.", end: bytes = b"\n") -> bytes:
    lines = [help_text, b"a " + values[0], b"bb " + values[1], b"# comment", b"c " + values[2]]
    return b"\n".join(lines) + end


values = st.tuples(*[st.sampled_from([b"0", b"1", b"-2.5", b"1e300", b"NaN"])] * 3)


@given(st.lists(values, min_size=2, max_size=8), st.sampled_from([b"\n", b""]))
def test_tokens_are_the_values_of_the_variable_lines(
    history: list[tuple[bytes, bytes, bytes]], end: bytes
) -> None:
    skeleton = BodySkeleton(body(*history[0], end=end))
    variable: set[int] = set()
    for now in history[1:]:
        variable |= {index for index in range(3) if now[index] != history[0][index]}
        tokens = skeleton.value_tokens(body(*now, end=end), VALUE_AT)
        assert skeleton.variable.tolist() == sorted((1, 2, 4)[index] for index in variable)
        assert tokens == [now[index] for index in sorted(variable)]
        assert len(skeleton.values) == len(skeleton.variable)


@given(values, values)
def test_lines_are_the_body_with_variable_lines_altered(
    first: tuple[bytes, bytes, bytes], second: tuple[bytes, bytes, bytes]
) -> None:
    skeleton = BodySkeleton(body(*first))
    skeleton.value_tokens(body(*second), VALUE_AT)
    lines, expected = skeleton.lines(), body(*second).split(b"\n")
    assert len(lines) == len(expected)
    for index, (line, other) in enumerate(zip(lines, expected, strict=True)):
        if index in skeleton.variable:
            at = VALUE_AT[index]
            assert line == other[:at] + b"\n"
        else:
            assert line == other


def test_body_that_differs_in_other_text_has_no_tokens() -> None:
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
        assert BodySkeleton(first).value_tokens(other, VALUE_AT) is None
        variable = BodySkeleton(first)
        variable.value_tokens(body(b"7", b"7", b"7"), VALUE_AT)
        assert variable.value_tokens(other, VALUE_AT) is None


def test_body_with_a_very_long_value_has_no_tokens() -> None:
    skeleton = BodySkeleton(body(b"1", b"2", b"3"))
    skeleton.value_tokens(body(b"1", b"2", b"4"), VALUE_AT)
    assert skeleton.value_tokens(body(b"1", b"2" * 1000, b"4"), VALUE_AT) is None


def test_values_are_compared_by_their_bits() -> None:
    skeleton = BodySkeleton(body(b"1", b"2", b"3"))
    skeleton.value_tokens(body(b"0", b"2", b"4"), VALUE_AT)
    assert skeleton.update(np.array([0.0, 4.0])).tolist() == [0, 1]
    assert skeleton.update(np.array([0.0, 4.0])).tolist() == []
    assert skeleton.update(np.array([-0.0, 4.0])).tolist() == [0]
    assert skeleton.uses == 3
