"""Values in YAML as Go's library reads them."""

from typing import Any

import pytest

from alerting.receivers.yaml_values import yaml_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("1.5", 1.5),
        ("true", True),
        ("", None),
        ("~", None),
        ("a: [b, 1]", {"a": ["b", 1]}),
        ('{"a": {"b": ""}}', {"a": {"b": ""}}),
        # Texts: Go's library has no sexagesimal numbers, and leaves times alone.
        ("1:30", "1:30"),
        ("2026-11-29", "2026-11-29"),
        ("[FIRING:1] Down", "[FIRING:1] Down"),
        ("a: b: c", "a: b: c"),
        ("!!python/object:os.system {}", "!!python/object:os.system {}"),
    ],
)
def test_text_is_the_value_that_it_is_in_yaml(text: str, value: Any) -> None:
    assert yaml_value(text) == value


def test_aliases_are_not_expanded() -> None:
    text = "a: &a [x, x]\nb: [*a, *a]\n"
    assert yaml_value(text) == text
