import pytest

from alerting.templates.functions.comparison import COMPARISONS
from alerting.templates.values.values import Byte, FunctionError, Value, strings
from model.labels import Labels


@pytest.mark.parametrize(
    ("name", "values", "result"),
    [
        ("eq", (1, 1), True),
        ("eq", (1, 2, 1), True),
        ("eq", (Byte(97), 97), True),
        ("eq", (None, None), True),
        ("eq", (1, None), False),
        ("ne", ("a", "b"), True),
        ("lt", (1.5, 2.0), True),
        ("lt", ("a", "\u00e9"), True),
        ("le", (2, 2), True),
        ("gt", (float("nan"), 1.0), True),
        ("ge", (1, 2), False),
    ],
)
def test_comparisons(name: str, values: tuple[Value, ...], result: bool) -> None:
    assert COMPARISONS[name].call(*values) is result


@pytest.mark.parametrize(
    ("name", "values", "error"),
    [
        ("eq", (1, 1.0), "incompatible types for comparison: int and float64"),
        ("eq", ("a", 1), "incompatible types for comparison: string and int"),
        ("eq", (1,), "missing argument for comparison"),
        ("lt", (True, False), "invalid type for comparison"),
        ("lt", (None, 1), "invalid type for comparison"),
        ("eq", (strings("a"), strings("a")), r"non-comparable type \[a\]: \[\]string"),
        (
            "ne",
            (Labels.of(a="1"), strings("a")),
            r"non-comparable types map\[a:1\]: map\[string\]string, \[\]string: \[a\]",
        ),
    ],
)
def test_values_that_go_cannot_compare(name: str, values: tuple[Value, ...], error: str) -> None:
    with pytest.raises(FunctionError, match=error):
        COMPARISONS[name].call(*values)
