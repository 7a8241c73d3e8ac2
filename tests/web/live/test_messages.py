import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from web.http.failures import failure_of
from web.live.messages import Ping, Subscribe, message, read_message, values_message

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_any_text_is_a_message_or_refused(text: str | bytes) -> None:
    refused = None
    try:
        read_message(text)
    except ValidationError as exc:
        refused = failure_of(exc)
    assert refused is None or (refused.status == 400 and refused.message)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["auth", "subscribe", "unsubscribe", "ping", "x"])},
        optional=dict.fromkeys(("id", "query", "topic", "page", "interval_s", "token"), JSON),
    )
)
def test_subscription_names_exactly_one_subject(fields: dict[str, object]) -> None:
    try:
        asked = read_message(json.dumps(fields))
    except ValidationError:
        return
    if isinstance(asked, Subscribe):
        assert [asked.query, asked.topic, asked.page].count(None) == 2


def test_messages_are_json_objects_with_a_type() -> None:
    assert json.loads(message("pong")) == {"type": "pong"}
    values = values_message("a", 5, b'{"resultType":"vector","result":[]}', ["w"])
    assert json.loads(values) == {
        "type": "values",
        "id": "a",
        "time_ms": 5,
        "warnings": ["w"],
        "data": {"resultType": "vector", "result": []},
    }


def test_unknown_field_is_refused() -> None:
    assert isinstance(read_message('{"type":"ping"}'), Ping)
    with pytest.raises(ValidationError):
        read_message('{"type":"ping","loudly":true}')
