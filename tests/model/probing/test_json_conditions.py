"""A path names one value of a JSON document, and a condition compares it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.probing.json_conditions import holds, parse_path, value_at

_DOCUMENT = {"status": "ok", "checks": [{"name": "db", "ms": 12.5}, {}], "odd key": {"a.b": True}}
_KEYS = st.text(min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$.status", "ok"),
        ("status", "ok"),
        ("$.checks[0].name", "db"),
        ("$.checks[-2].ms", 12.5),
        ('$["odd key"]["a.b"]', True),
        ("$['odd key']['a.b']", True),
        ("$", _DOCUMENT),
    ],
)
def test_a_path_names_one_value(path: str, value: Any) -> None:
    assert value_at(_DOCUMENT, parse_path(path)) == (True, value)


@pytest.mark.parametrize("path", ["$.other", "$.checks[2]", "$.status[0]", "$.checks.name"])
def test_a_path_without_a_value_is_found_out(path: str) -> None:
    assert value_at(_DOCUMENT, parse_path(path)) == (False, None)


@pytest.mark.parametrize("path", ["$..a", "$.a[*]", "$.a[?(@.b)]", "$[", "$.a b", "x" * 600])
def test_other_paths_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"JSON path|path to one value"):
        parse_path(path)


@pytest.mark.parametrize(
    ("found", "operator", "expected", "result"),
    [
        ("ok", "==", "ok", True),
        (5, "==", "5.0", True),
        (True, "==", "true", True),
        (None, "==", "null", True),
        ("5", "!=", "6", True),
        (12.5, "<", "13", True),
        ("12.5", ">=", "13", False),
        (True, ">", "0", False),
        ("healthy", "contains", "heal", True),
        (["a", "b"], "contains", "b", True),
        ({"a": 1}, "contains", "a", True),
        (5, "contains", "5", False),
        (None, "exists", "", True),
        ([], "<", "1", False),
    ],
)
def test_a_condition_compares(found: Any, operator: Any, expected: str, result: bool) -> None:
    assert holds(found, operator, expected) is result


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
        max_leaves=10,
    ),
    st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "contains", "exists"]),
    st.text(max_size=5),
)
def test_any_value_can_be_compared(found: Any, operator: Any, expected: str) -> None:
    assert holds(found, operator, expected) in (True, False)


@given(st.lists(_KEYS, max_size=4))
def test_quoted_keys_are_read_back(keys: list[str]) -> None:
    escaped = [key.replace("\\", "\\\\").replace('"', '\\"') for key in keys]
    path = "$" + "".join(f'["{key}"]' for key in escaped)
    if len(path.strip()) <= 500:
        assert parse_path(path) == tuple(keys)
