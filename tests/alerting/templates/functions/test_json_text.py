import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.templates.functions.json_text import json_text
from alerting.templates.values.times import TimeValue
from alerting.templates.values.values import LimitExceededError, MapValue, SliceValue
from tests.alerting.templates.notifications import DATA


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=8,
    )
)
def test_any_json_of_a_template_reads_back(value: object) -> None:
    def wrapped(item: object) -> object:
        return SliceValue(map(wrapped, item)) if isinstance(item, list) else item

    assert json.loads(json_text(wrapped(value), 10**6)) == value


def test_json_is_written_as_go_writes_it() -> None:
    value = SliceValue(["<&>", 1e21, 0.1, MapValue({"b": 1, "a": TimeValue(0)}), "\u2028"])
    assert json_text(value, 1000) == (
        r'["\u003c\u0026\u003e",1e+21,0.1,{"a":"1970-01-01T00:00:00Z","b":1},"\u2028"]'
    )
    assert list(json.loads(json_text(DATA, 10_000))) == [
        "receiver",
        "status",
        "alerts",
        "notification_reason",
        "groupLabels",
        "commonLabels",
        "commonAnnotations",
        "externalURL",
    ]


def test_json_beyond_the_limit_is_refused() -> None:
    with pytest.raises(LimitExceededError):
        json_text(SliceValue(["x" * 100] * 20), 1000)
