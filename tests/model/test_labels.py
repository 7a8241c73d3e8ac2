from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels

pairs = st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=5)


def test_equality_ignores_order_and_empty_values() -> None:
    assert Labels.of({"b": "2", "a": "1", "c": ""}) == Labels.of(a="1", b="2")


def test_missing_label_reads_as_empty() -> None:
    assert Labels.of(a="1").get("b") == ""


def test_upper_labels_win() -> None:
    lower = Labels.of(job="node", instance="a")
    assert lower.overlaid(Labels.of(job="web", x="1")) == Labels.of(job="web", instance="a", x="1")


def test_rendering_is_promql() -> None:
    assert str(Labels.of({"__name__": "up", "job": 'a"\\\n'})) == r'up{job="a\"\\\n"}'
    assert str(Labels.of({"__name__": "up"})) == "up"
    assert str(Labels()) == "{}"


@given(pairs, st.sets(st.text(max_size=4)))
def test_keep_and_drop_split_a_label_set(mapping: dict[str, str], names: set[str]) -> None:
    labels = Labels.of(mapping)
    kept, dropped = labels.keep(names), labels.drop(names)
    assert Labels.of(tuple(kept) + tuple(dropped)) == labels
    assert set(dict(kept)) <= names
