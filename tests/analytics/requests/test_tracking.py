from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.requests.tracking import RequestParser, TrackError
from storage.api.requests import NewRequest

NOW_MS = 1_764_000_000_000
DAY_MS = 86_400_000


def item(**changes: Any) -> dict[str, Any]:
    return {
        "method": "get",
        "path": "/a?q=1",
        "status_code": 200,
        "response_time_ms": 1.5,
    } | changes


def parsed(**changes: Any) -> NewRequest:
    return RequestParser().request(item(**changes), NOW_MS)


def test_a_request_is_read() -> None:
    found = parsed(route="/a", timestamp="2026-01-06T10:00:00Z", consumer="shop", version="2")
    assert found == NewRequest(
        1_767_693_600_000, "GET", "/a", "/a", 200, 1500, None, None, "shop", "", "2"
    )


def test_query_strings_are_not_stored() -> None:
    # They contain tokens and names.
    assert parsed().path == "/a"


def test_a_request_without_a_time_ended_when_it_arrived() -> None:
    assert parsed(response_time_ms=2000).time_ms == NOW_MS - 2000


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"method": "FETCH"}, "method"),
        ({"path": None}, "endpoint"),
        ({"path": "/" * 501}, "path"),
        ({"status_code": 99}, "status_code"),
        ({"status_code": "200"}, "status_code"),
        ({"response_time_ms": -1}, "response_time_ms"),
        ({"response_time_ms": None}, "response_time_ms"),
        ({"timestamp": "noon"}, "timestamp"),
        ({"request_size": -1}, "request_size"),
    ],
)
def test_an_invalid_field_is_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(TrackError) as raised:
        parsed(**changes)
    assert raised.value.field == field


def test_an_address_is_stored_as_a_hash_that_changes_every_day() -> None:
    parser = RequestParser()
    first = parser.request(item(ip_address="192.0.2.1"), NOW_MS).client
    assert parser.request(item(client_ip="192.0.2.1"), NOW_MS + 1).client == first
    assert parser.request(item(ip_address="192.0.2.2"), NOW_MS).client != first
    assert parser.request(item(ip_address="192.0.2.1"), NOW_MS + DAY_MS).client != first
    assert parser.request(item(), NOW_MS).client == ""


JSON = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
FIELDS = st.sampled_from([*item(), "timestamp", "consumer", "route", "ip_address"])


@given(st.lists(JSON | st.dictionaries(FIELDS, JSON), max_size=5))
def test_whatever_a_client_sends_is_a_request_or_an_error(items: list[Any]) -> None:
    try:
        items = orjson.loads(orjson.dumps(items))
    except (orjson.JSONEncodeError, orjson.JSONDecodeError):
        return
    batch = RequestParser().batch(items, NOW_MS)
    assert len(batch.requests) + len(batch.errors) == len(items)
