from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.product.ingestion import (
    Identity,
    ItemError,
    ParsedBatch,
    _item_by_item,
    _usual_batch,
    parse_batch,
)
from storage.api.new_events import NewEvent

NOW_MS = 1_764_000_000_000


def item(**changes: Any) -> dict[str, Any]:
    return {"eventName": "open", "anonymousId": "anon-1"} | changes


def parsed(**changes: Any) -> NewEvent:
    (event,) = parse_batch([item(**changes)], NOW_MS).events
    return event


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2025-01-06T10:00:00Z", 1_736_157_600_000),
        ("2025-01-06T10:00:00.123Z", 1_736_157_600_123),
        ("2025-01-06T10:00:00", 1_736_157_600_000),
        ("2025-01-06T11:00:00+01:00", 1_736_157_600_000),
        (1_736_157_600, 1_736_157_600_000),
        (1_736_157_600_123, 1_736_157_600_123),
        (None, NOW_MS),
    ],
)
def test_a_timestamp_is_read_in_every_usual_form(timestamp: Any, expected: int) -> None:
    assert parsed(timestamp=timestamp).time_ms == expected


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"eventName": ""}, "eventName"),
        ({"eventName": "x" * 201}, "eventName"),
        ({"eventName": ["x"]}, "eventName"),
        ({"anonymousId": None}, "anonymousId"),
        ({"userId": {}}, "userId"),
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": True}, "timestamp"),
        ({"timestamp": 1e300}, "timestamp"),
        ({"properties": [1]}, "properties"),
        ({"properties": {"x": "y" * 40_000}}, "properties"),
    ],
)
def test_a_bad_item_is_named_and_the_others_are_kept(changes: dict[str, Any], field: str) -> None:
    batch = parse_batch([item(), item(**changes), item()], NOW_MS)
    assert [(error.index, error.field) for error in batch.errors] == [(1, field)]
    assert list(batch.indexes) == [0, 2]


def test_an_item_that_is_no_object_is_refused() -> None:
    batch = parse_batch([None, 1, "x", []], NOW_MS)
    assert batch.errors[0] == ItemError(0, "event", "must be an object")
    assert len(batch.errors) == 4


def test_a_user_and_an_anonymous_id_in_one_event_are_one_person() -> None:
    batch = parse_batch([item(userId="user-1"), item(userId="user-1")], NOW_MS)
    assert {event.distinct_id for event in batch.events} == {"user-1"}
    assert batch.identities == (Identity("anon-1", "user-1"),)


def test_further_fields_become_properties() -> None:
    properties = orjson.loads(parsed(sessionId="s1", properties={"plan": "pro"}).properties)
    assert properties == {"sessionId": "s1", "plan": "pro"}


def test_events_without_an_id_are_not_taken_for_repetitions() -> None:
    first, second = parse_batch([item(), item()], NOW_MS).events
    assert first.event_id != second.event_id
    assert parsed(eventId="e1").event_id == "e1"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["eventName", "anonymousId", "userId", "timestamp", "properties", "eventId", "x"]
)


@given(st.lists(JSON | st.dictionaries(FIELDS, JSON), max_size=5))
def test_whatever_a_client_sends_is_an_event_or_an_error(items: list[Any]) -> None:
    # As they arrive: JSON has no NaN, and no integers beyond 64 bits in orjson.
    try:
        items = orjson.loads(orjson.dumps(items))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        return
    batch = parse_batch(items, NOW_MS)
    assert len(batch.events) + len(batch.errors) == len(items)
    for event in batch.events:
        assert isinstance(orjson.loads(event.properties), dict)


USUAL = st.fixed_dictionaries(
    {"eventName": st.sampled_from(["open", "buy", "x" * 200])},
    optional={
        "eventId": st.sampled_from(["e1", "é" * 512]),
        "anonymousId": st.sampled_from(["anon-1", "anon-2", "user-1"]),
        "userId": st.sampled_from(["user-1", "user-2"]),
        "timestamp": st.sampled_from(["2025-01-06T10:00:00Z", "2024-02-29T23:59:59Z"]),
        "properties": st.sampled_from([{}, {"plan": "pro\n"}, {"a": {"b": [1, 2.5, None]}}]),
    },
)
UNUSUAL = st.fixed_dictionaries(
    {},
    optional={
        "eventName": st.sampled_from(["open", "", "x" * 201, 7, None, ["x"]]),
        "eventId": st.sampled_from(["e1", "", 5, None, "x" * 513, {}]),
        "anonymousId": st.sampled_from(["anon-1", "", None, 5, True, "x" * 513]),
        "userId": st.sampled_from(["user-1", "", None, 5, [1], "x" * 513]),
        "timestamp": st.sampled_from(
            [*("2025-01-06T10:00:00Z", "2025-02-29T10:00:00Z", "", "soon"), 1.7e9, None, True]
        ),
        "properties": st.sampled_from([{"a": 1}, None, [], "x", {"x": "y" * 40_000}]),
        "sessionId": st.sampled_from(["s1", None]),
    },
)


def written(batch: ParsedBatch) -> tuple[Any, ...]:
    """Return a batch without the ids that are made up."""
    events = [
        replace(event, event_id="" if len(event.event_id) == 32 else event.event_id)
        for event in batch.events
    ]
    return events, list(batch.indexes), list(batch.errors), list(batch.identities)


@given(st.lists(USUAL, max_size=8) | st.lists(USUAL | UNUSUAL | st.none(), max_size=8))
def test_a_usual_batch_is_read_as_item_by_item(items: list[Any]) -> None:
    assert written(parse_batch(items, NOW_MS)) == written(_item_by_item(items, NOW_MS))


def test_a_usual_batch_is_read_column_by_column() -> None:
    timed = item(userId="user-1", timestamp="2025-01-06T10:00:00.500Z")
    assert _usual_batch([item(eventId="e1"), item(eventId="e2")], NOW_MS) is not None
    assert _usual_batch([timed, timed], NOW_MS) is not None
    assert _usual_batch([item(), item(sessionId="s1")], NOW_MS) is None
