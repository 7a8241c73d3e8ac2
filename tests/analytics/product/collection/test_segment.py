from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.product.collection.segment import TYPES, segment_submission
from analytics.product.collection.submission import Submission
from analytics.product.collection.visitors import Visitor
from analytics.product.ingestion import Identity, parse_batch

NOW_MS = 1_764_000_000_000


def message(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "userId": "ann", "messageId": "m-1"} | fields


def mapped(*messages: Any, shared: Any = None) -> Submission:
    return segment_submission(messages, None, shared)


def stored(sent: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    (event,) = parse_batch(mapped(sent).items, NOW_MS).events
    assert (event.event_id, event.distinct_id) == ("m-1", "ann")
    return event.name, orjson.loads(event.properties)


def test_each_type_becomes_an_event() -> None:
    assert stored(message("track", event="bought", properties={"price": 5})) == (
        "bought",
        {"price": 5},
    )
    assert stored(message("identify", traits={"plan": "pro"})) == (
        "$identify",
        {"$set": {"plan": "pro"}},
    )
    url = "https://shop.example/a"
    assert stored(message("page", name="Home", category="Docs", properties={"url": url})) == (
        "$pageview",
        {"url": url, "name": "Home", "category": "Docs", "$current_url": url},
    )
    assert stored(message("screen", name="Start")) == (
        "$screen",
        {"name": "Start", "$screen_name": "Start"},
    )
    assert stored(message("group", groupId="acme", traits={"size": 3})) == (
        "$groupidentify",
        {"$group_key": "acme", "$group_set": {"size": 3}},
    )
    assert stored(message("alias", previousId="old")) == ("$create_alias", {"alias": "old"})


def test_an_alias_and_two_ids_in_one_message_are_one_person() -> None:
    assert mapped(message("alias", previousId="old")).aliases == [Identity("old", "ann")]
    both = parse_batch(mapped(message("identify", anonymousId="anon-1")).items, NOW_MS)
    assert list(both.identities) == [Identity("anon-1", "ann")]


def test_the_context_says_page_campaign_and_sdk_but_not_the_address() -> None:
    context = {
        "page": {"url": "https://shop.example/", "referrer": "https://search.example/", "x": 1},
        "campaign": {"source": "news", "name": "may", "term": 7},
        "library": {"name": "analytics-python", "version": "2.4"},
        "locale": "de-DE",
        "ip": "192.0.2.1",
        "userAgent": "Firefox",
    }
    submission = mapped(message("track", event="x"), shared=context)
    assert submission.items[0]["properties"] == {
        "$current_url": "https://shop.example/",
        "$referrer": "https://search.example/",
        "utm_source": "news",
        "utm_campaign": "may",
        "$lib": "analytics-python",
        "$lib_version": "2.4",
        "$locale": "de-DE",
    }
    assert submission.visitors == {0: Visitor("192.0.2.1", "Firefox")}


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ("x", "message"),
        ({}, "type"),
        (message("delete"), "type"),
        (message("track", properties=[]), "properties"),
        (message("identify", traits="x"), "traits"),
        (message("track", context=7), "context"),
        (message("alias"), "previousId"),
        (message("alias", previousId="null"), "previousId"),
        (message("alias", previousId="x" * 600), "previousId"),
    ],
)
def test_a_bad_message_is_named_and_the_others_are_kept(sent: Any, field: str) -> None:
    submission = mapped(message("track", event="x"), sent)
    assert [(error.index, error.field) for error in submission.errors.values()] == [(1, field)]


scalars = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
json_values = (
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(st.text(max_size=5), scalars, max_size=2)
)
fields = st.dictionaries(
    st.sampled_from(
        ["userId", "anonymousId", "previousId", "event", "context", "properties", "traits", "name"]
    ),
    json_values
    | st.dictionaries(st.sampled_from(["page", "campaign", "library", "ip", "url"]), json_values),
)
messages = json_values | st.builds(
    lambda kind, found: {"type": kind, **found}, st.sampled_from(TYPES) | json_values, fields
)


@given(st.lists(messages, max_size=4), json_values)
def test_no_message_is_too_strange(sent: list[Any], sent_at: Any) -> None:
    submission = segment_submission(sent, sent_at)
    assert len(submission.items) == len(sent)
    batch = parse_batch(submission.items, NOW_MS)
    assert len(batch.events) + len(batch.errors) == len(sent)
