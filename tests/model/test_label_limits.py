import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.label_limits import LabelExcess, LabelLimit, LabelLimits, length_of, memory_of

LIMITS = LabelLimits(labels=3, name_length=4, value_length=6, label_bytes=12)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        ((), None),
        ((("name", "valueé"[:6]),), LabelExcess(LabelLimit.VALUE_LENGTH, 7, 6, "name")),
        ((("name", "values"), ("a", "b")), None),
        ((("a", "b"),) * 4, LabelExcess(LabelLimit.LABELS, 4, 3)),
        ((("longer", ""),), LabelExcess(LabelLimit.NAME_LENGTH, 6, 4, "longer")),
        ((("name", "values"), ("a", "bc")), LabelExcess(LabelLimit.LABEL_BYTES, 13, 12)),
    ],
)
def test_first_limit_that_a_series_exceeds(
    labels: tuple[tuple[str, str], ...], found: LabelExcess | None
) -> None:
    assert LIMITS.excess(labels, len(labels)) == found


def test_limits_of_zero_refuse_nothing() -> None:
    assert LabelLimits().excess([("n" * 10_000, "v" * 10_000)] * 500, 500) is None


@given(st.text())
def test_length_is_that_of_utf8_also_of_lone_surrogates(text: str) -> None:
    assert length_of(text) == len(text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(("text", "size"), [("abc", 3), ("é" + "a" * 9, 10), ("ł", 2), ("😀a", 8)])
def test_memory_of_a_text_follows_its_widest_character(text: str, size: int) -> None:
    assert memory_of([("", text)]) == size
