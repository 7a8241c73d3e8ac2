from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.product.collection.posthog import posthog_submission
from analytics.product.collection.submission import Submission, SubmissionError
from analytics.product.collection.visitors import Visitor
from analytics.product.ingestion import Identity, parse_batch

NOW_MS = 1_764_000_000_000


def event(name: str = "open", **fields: Any) -> dict[str, Any]:
    return {"event": name, "distinct_id": "ann"} | fields


def mapped(*events: Any, **fields: Any) -> Submission:
    return posthog_submission({"api_key": "k", "batch": [*events]} | fields, NOW_MS)[1]


@pytest.mark.parametrize(
    "body",
    [
        event(api_key="k"),
        event(token="k"),
        event(properties={"token": "k"}),
        [event(properties={"token": "k"}), event()],
        {"api_key": "k", "batch": [event(), event()]},
        {"batch": [event(properties={"token": "k"})]},
    ],
)
def test_every_form_of_a_body_is_understood(body: Any) -> None:
    key, submission = posthog_submission(body, NOW_MS)
    assert key == "k"
    batch = parse_batch(submission.items, NOW_MS)
    assert {found.name for found in batch.events} == {"open"}
    assert list(batch.errors) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (event(), "api_key"),
        ([], "api_key"),
        ({"api_key": 7, "event": "x"}, "api_key"),
        ("x", "body"),
        (None, "body"),
        ({"api_key": "k"}, "event"),
        ({"api_key": "k", "batch": {}}, "batch"),
    ],
)
def test_a_body_that_is_none_of_these_is_refused(body: Any, field: str) -> None:
    with pytest.raises(SubmissionError) as caught:
        posthog_submission(body, NOW_MS)
    assert caught.value.field == field


def test_an_event_is_stored_under_its_uuid_with_its_properties() -> None:
    sent = {"token": "k", "distinct_id": "ann", "$ip": "192.0.2.1", "$raw_user_agent": "x", "a": 1}
    submission = mapped(
        event(uuid="u-1", properties=sent, timestamp="2025-11-24T16:00:00Z") | {"$set": {"b": 2}}
    )
    (found,) = parse_batch(submission.items, NOW_MS).events
    assert (found.event_id, found.time_ms) == ("u-1", NOW_MS)
    assert found.properties == '{"$set":{"b":2},"a":1}'
    assert submission.visitors == {0: Visitor("192.0.2.1", "x")}


def test_what_is_set_beside_the_properties_and_among_them_is_put_together() -> None:
    sent = {"distinct_id": "ann", "$set": {"a": 1, "b": 1}, "$unset": ["x"]}
    submission = mapped(event("$set", properties=sent) | {"$set": {"b": 2, "c": 3}})
    (found,) = parse_batch(submission.items, NOW_MS).events
    assert orjson.loads(found.properties) == {"$set": {"a": 1, "b": 1, "c": 3}, "$unset": ["x"]}


def test_identify_merges_the_anonymous_id_into_the_users() -> None:
    submission = mapped(event("$identify", properties={"$anon_distinct_id": "anon-1"}))
    batch = parse_batch(submission.items, NOW_MS)
    assert list(batch.identities) == [Identity("anon-1", "ann")]
    assert [found.distinct_id for found in batch.events] == ["ann"]


def test_an_alias_is_another_id_of_the_person() -> None:
    for name, is_forced in (("$create_alias", False), ("$merge_dangerously", True)):
        aliases = mapped(event(name, properties={"alias": "old"})).aliases
        assert aliases == [Identity("old", "ann", is_forced)]
    assert mapped(event("$create_alias", properties={"alias": "ann"})).aliases == []
    assert mapped(event("$create_alias", properties={})).errors[0].field == "properties.alias"


@pytest.mark.parametrize("placeholder", ["null", "undefined", "Anonymous", "[object Object]", "0"])
def test_an_id_that_faulty_clients_send_for_everybody_merges_nobody(placeholder: str) -> None:
    assert mapped(event("$create_alias", properties={"alias": placeholder})).aliases == []
    identify = mapped(event("$identify", properties={"$anon_distinct_id": placeholder}))
    assert not parse_batch(identify.items, NOW_MS).identities


def test_the_offset_says_how_long_before_the_sending_an_event_happened() -> None:
    times = [
        found.time_ms
        for found in parse_batch(
            mapped(event(offset=2_000), event(offset=True), event(offset=-1)).items, NOW_MS
        ).events
    ]
    assert times == [NOW_MS - 2_000, NOW_MS, NOW_MS]


def test_the_mode_without_cookies_leaves_the_id_to_the_server() -> None:
    submission = mapped(event(distinct_id="$posthog_cookieless"), event())
    assert submission.cookieless == {0}
    assert "anonymousId" not in submission.items[0]


def test_one_request_belongs_to_one_project() -> None:
    submission = mapped(event(), event(properties={"token": "other"}))
    assert [(index, error.field) for index, error in submission.errors.items()] == [(1, "token")]


scalars = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
json_values = (
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(st.text(max_size=5), scalars, max_size=2)
)
names = st.sampled_from(
    ["event", "distinct_id", "properties", "timestamp", "offset", "uuid", "token", "$set"]
)
events = json_values | st.dictionaries(
    names,
    json_values
    | st.dictionaries(
        st.sampled_from(["alias", "token", "$anon_distinct_id", "$ip", "distinct_id"]), json_values
    )
    | st.sampled_from(["$identify", "$create_alias"]),
)


@given(st.lists(events, max_size=4), json_values)
def test_no_event_is_too_strange(sent: list[Any], sent_at: Any) -> None:
    submission = mapped(*sent, sent_at=sent_at)
    assert len(submission.items) == len(sent)
    batch = parse_batch(submission.items, NOW_MS)
    assert len(batch.events) + len(batch.errors) == len(sent)


@given(events | st.lists(events, max_size=4))
def test_no_body_is_too_strange(body: Any) -> None:
    try:
        key, _ = posthog_submission(body, NOW_MS)
    except SubmissionError:
        return
    assert key
