from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analytics.product.collection.completion import CompletedItems, SubmissionCompleter
from analytics.product.collection.submission import EventSender, Submission
from analytics.product.collection.visitors import Visitor
from analytics.product.ingestion import ItemError, parse_batch
from storage.api.projects import CollectionSettings, Project, ProjectSettings
from storage.api.visits.exclusions import ExclusionReason

NOW_MS = 1_764_000_000_000
HOUR_MS = 3_600_000
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36"
)
GOOGLE = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
PAGE = EventSender(Visitor("192.0.2.1", CHROME), is_page=True)
PROGRAM = EventSender(Visitor("192.0.2.1", "curl/8.5.0"))
PROJECT = Project(
    1, "k", 0, ProjectSettings("x", collection=CollectionSettings((), ("203.0.113.0/24",)))
)


def completed(sender: EventSender, *items: Any, **fields: Any) -> CompletedItems:
    return SubmissionCompleter().complete(PROJECT, Submission(items, **fields), sender, NOW_MS)


def event(**fields: Any) -> dict[str, Any]:
    return {"eventName": "open", "anonymousId": "a"} | fields


def test_events_of_a_page_get_what_its_device_and_address_say() -> None:
    (item,) = completed(
        PAGE, event(properties={"$current_url": "https://a.example/x", "$os": "Haiku"})
    ).items
    assert item["properties"] == {
        "$current_url": "https://a.example/x",
        "$host": "a.example",
        "$pathname": "/x",
        "$browser": "Chrome",
        "$browser_version": "126",
        "$os": "Haiku",
        "$device_type": "Desktop",
    }


def test_the_device_of_a_program_is_nobodys() -> None:
    assert completed(PROGRAM, event()).items == [event(properties={})]


def test_bots_and_own_visits_are_counted_and_not_stored() -> None:
    bot = EventSender(Visitor("192.0.2.1", GOOGLE), is_page=True)
    found = completed(bot, event(), event())
    assert (list(found.items), found.excluded) == ([], {ExclusionReason.BOT: 2})
    own = EventSender(Visitor("203.0.113.9", CHROME), is_page=True)
    assert completed(own, event()).excluded == {ExclusionReason.ADDRESS: 1}


def test_a_program_is_judged_by_the_visitors_that_its_events_name() -> None:
    found = completed(PROGRAM, event(), event(), visitors={1: Visitor("", GOOGLE)})
    assert (list(found.indexes), found.excluded) == ([0], {ExclusionReason.BOT: 1})


def test_only_an_event_without_an_id_gets_one_of_the_day() -> None:
    nameless = {"eventName": "open"}
    found = completed(
        PAGE, nameless, nameless | {"userId": "u"}, event(), nameless, cookieless=range(3)
    )
    ids = [item.get("anonymousId") for item in found.items]
    assert ids[0].startswith("visitor-")
    assert ids[1:] == [None, "a", None]


def test_a_wrong_clock_is_corrected_for_all_events_alike() -> None:
    times = [NOW_MS - HOUR_MS - 5_000, "2025-11-24T15:00:00Z", None, "bad"]
    found = completed(PAGE, *(event(timestamp=time) for time in times), sent_at=NOW_MS - HOUR_MS)
    assert [item["timestamp"] for item in found.items] == [
        NOW_MS - 5_000,
        1_763_996_400_000 + HOUR_MS,
        None,
        "bad",
    ]
    unclear_times: list[Any] = ["bad", NOW_MS - 1_000, {}, True]
    for unclear in unclear_times:
        (item,) = completed(PAGE, event(timestamp=NOW_MS), sent_at=unclear).items
        assert item["timestamp"] == NOW_MS


def test_refused_items_are_left_out_and_the_others_keep_their_index() -> None:
    found = completed(PAGE, event(), None, event(), errors={0: ItemError(0, "type", "is missing")})
    assert list(found.indexes) == [1, 2]
    assert found.items[0] is None


scalars = st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5)
json_values = (
    scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(st.text(max_size=5), scalars, max_size=2)
)


@given(
    st.lists(
        json_values
        | st.dictionaries(
            st.sampled_from(["eventName", "anonymousId", "timestamp", "properties"]), json_values
        )
    ),
    json_values,
)
def test_no_item_is_too_strange(items: list[Any], sent_at: Any) -> None:
    found = completed(PAGE, *items, sent_at=sent_at, cookieless=range(9))
    assert len(found.items) == len(items)
    batch = parse_batch(found.items, NOW_MS)
    assert len(batch.events) + len(batch.errors) == len(items)
