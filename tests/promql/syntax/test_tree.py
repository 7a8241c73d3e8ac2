"""The JSON syntax tree of `/api/v1/parse_query`."""

import json
from typing import Any

import pytest
from hypothesis import given, reject

from promql.api import EvaluationError, ParseError
from promql.syntax.parser import parse
from promql.syntax.tree import tree
from tests.promql.strategies import queries


def test_binary_operation() -> None:
    assert tree(parse("foo / on (job) group_left () bar")) == {
        "type": "binaryExpr",
        "op": "/",
        "lhs": _selector("foo"),
        "rhs": _selector("bar"),
        "matching": {
            "card": "many-to-one",
            "labels": ["job"],
            "on": True,
            "include": [],
            "fillValues": {"lhs": None, "rhs": None},
        },
        "bool": False,
    }


def _selector(name: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "vectorSelector",
        "name": name,
        "offset": 0,
        "matchers": [{"name": "__name__", "value": name, "type": "="}],
        "timestamp": None,
        "startOrEnd": None,
        "anchored": False,
        "smoothed": False,
        **more,
    }


def test_call_of_a_range() -> None:
    document = tree(parse("rate(x[5m] offset 1m @ end())"))
    assert document["func"] == {
        "name": "rate",
        "argTypes": ["matrix"],
        "variadic": 0,
        "returnType": "vector",
    }
    assert document["args"] == [
        {
            **_selector("x", offset=60_000, startOrEnd="end"),
            "type": "matrixSelector",
            "range": 300_000,
        }
    ]


def test_literals() -> None:
    assert tree(parse("1.50")) == {"type": "numberLiteral", "val": "1.5"}
    assert tree(parse("'a'")) == {"type": "stringLiteral", "val": "a"}


def test_aggregation_without_parameter() -> None:
    assert tree(parse("sum by (a) (x)")) == {
        "type": "aggregation",
        "op": "sum",
        "expr": _selector("x"),
        "param": None,
        "grouping": ["a"],
        "without": False,
    }


def test_subquery() -> None:
    document = tree(parse("x[1h:]"))
    assert (document["range"], document["step"]) == (3_600_000, 0)


@given(queries)
def test_every_tree_is_json(query: str) -> None:
    try:
        parsed = parse(query)
    except ParseError:
        reject()
    assert json.dumps(tree(parsed))


def test_very_long_chains_are_rejected() -> None:
    with pytest.raises(EvaluationError, match="operators in a row"):
        tree(parse(" + ".join(["x"] * 200)))
