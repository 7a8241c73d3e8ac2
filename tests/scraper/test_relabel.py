import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.matchers import BadPatternError
from scraper.relabel import RelabelAction, RelabelRule, relabel

LABELS = {"a": "foo", "b": "bar", "c": "baz", "__meta_x": "1"}


def applied(*rules: RelabelRule, **labels: str) -> dict[str, str] | None:
    result = dict(labels or LABELS)
    return result if relabel(result, rules) else None


def rule(action: str, *source_labels: str, **fields: object) -> RelabelRule:
    return RelabelRule(RelabelAction(action), source_labels, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({"regex": "f(.*)", "target_label": "d", "replacement": "ch${1}-${1}"}, {"d": "choo-oo"}),
        ({"regex": "f(.*)", "target_label": "d", "replacement": "$1x"}, {}),
        ({"regex": "f(?P<rest>.*)", "target_label": "d", "replacement": "$rest"}, {"d": "oo"}),
        ({"target_label": "d", "replacement": "$$1"}, {"d": "$1"}),
        ({"target_label": "d", "replacement": "$9"}, {}),
        ({"target_label": "d", "replacement": "a$-b"}, {"d": "a$-b"}),
        ({"regex": "o+", "target_label": "d", "replacement": "x"}, {}),
        ({"regex": "(f).*", "target_label": "${1}x", "replacement": "y"}, {"fx": "y"}),
        ({"regex": "(z)?.*", "target_label": "${1}", "replacement": "y"}, {}),
        ({"target_label": "b", "replacement": ""}, {"b": None}),
    ],
)
def test_replace(fields: dict[str, object], changed: dict[str, str | None]) -> None:
    wanted = {name: value for name, value in (LABELS | changed).items() if value is not None}
    assert applied(rule("replace", "a", **fields)) == wanted


def test_source_labels_are_joined_by_the_separator() -> None:
    assert applied(rule("replace", "a", "none", "b", target_label="d")) == LABELS | {
        "d": "foo;;bar"
    }
    joined = rule("replace", "a", "b", separator="/", target_label="d")
    assert applied(joined) == LABELS | {"d": "foo/bar"}


def test_dot_matches_line_feeds() -> None:
    assert applied(rule("replace", "a", target_label="d"), a="x\ny") == {"a": "x\ny", "d": "x\ny"}


@pytest.mark.parametrize(
    ("kept", "a_rule"),
    [
        (True, rule("keep", "a", regex="f.*")),
        (False, rule("keep", "a", regex="f")),
        (False, rule("drop", "a", regex="f.*")),
        (True, rule("drop", "a", regex="f")),
        (False, rule("drop", "none", regex="")),
        (True, rule("keepequal", "a", target_label="a")),
        (False, rule("keepequal", "a", target_label="b")),
        (False, rule("dropequal", "a", target_label="a")),
        (True, rule("dropequal", "a", target_label="b")),
    ],
)
def test_keep_and_drop_actions(kept: bool, a_rule: RelabelRule) -> None:
    assert applied(a_rule) == (LABELS if kept else None)


def test_no_rule_runs_after_a_drop() -> None:
    labels = dict(LABELS)
    drop, replace = rule("drop", "a", regex="foo"), rule("replace", "a", target_label="d")
    assert not relabel(labels, [drop, replace])
    assert "d" not in labels


def test_hashmod_equals_prometheus() -> None:
    # The figures are those of Prometheus's own test of this action.
    assert applied(rule("hashmod", "c", target_label="d", modulus=1000)) == LABELS | {"d": "976"}
    escaped = rule("hashmod", "a", target_label="d", modulus=1000)
    assert applied(escaped, a="foo\nbar") == {"a": "foo\nbar", "d": "734"}


def test_labelmap_copies_by_name() -> None:
    mapped = rule("labelmap", regex="__meta_(.*)", replacement="m_$1")
    assert applied(mapped) == LABELS | {"m_x": "1"}


def test_labeldrop_and_labelkeep_select_by_name() -> None:
    assert applied(rule("labeldrop", regex="__.*|a")) == {"b": "bar", "c": "baz"}
    assert applied(rule("labelkeep", regex="__.*|a")) == {"a": "foo", "__meta_x": "1"}


def test_lowercase_and_uppercase() -> None:
    upper = rule("uppercase", "a", target_label="a")
    assert applied(upper, a="Foo") == {"a": "FOO"}
    assert applied(rule("lowercase", "a", target_label="d"), a="Foo") == {"a": "Foo", "d": "foo"}


def test_invalid_pattern_is_refused() -> None:
    with pytest.raises(BadPatternError):
        rule("keep", regex="(")


texts = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.dictionaries(texts, texts), texts, texts)
def test_any_template_expands(labels: dict[str, str], target: str, replacement: str) -> None:
    result = dict(labels)
    assert relabel(result, [rule("replace", "a", target_label=target, replacement=replacement)])
    assert "" not in result.values() or "" in labels.values()
