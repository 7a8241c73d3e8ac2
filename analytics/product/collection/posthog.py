"""Bodies of PostHog's capture API.

Source: PostHog documentation, "Capture API"; posthog-js 1.449, posthog-python 7.91.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analytics.product.collection.submission import Submission, SubmissionDraft, SubmissionError
from analytics.product.collection.visitors import Visitor
from analytics.product.ingestion import LONGEST_ID, Identity, ItemError

FIELD_NAMES: Final = {
    "eventName": "event",
    "anonymousId": "distinct_id",
    "userId": "distinct_id",
    "eventId": "uuid",
}
COOKIELESS_ID: Final = "$posthog_cookieless"
"""The id that posthog-js sends for everybody in its mode without cookies."""

_FORCED_MERGE: Final = "$merge_dangerously"
_MERGES: Final = ("$create_alias", _FORCED_MERGE)
_SET: Final = ("$set", "$set_once", "$unset")
_NOT_STORED: Final = frozenset({"token", "distinct_id", "$ip", "$raw_user_agent"})
_LONGEST_OFFSET_MS: Final = 30 * 86_400_000


def posthog_submission(body: Any, received_ms: int) -> tuple[str, Submission]:
    """Return the project's key and the events of a body.

    A body is one event, a list of events, or an object with the list `batch`. The key is
    `api_key` or `token` of the body, or of the first event.

    Raises:
        SubmissionError: the body is none of these, or has no key.
    """
    events = _events(body)
    envelope = body if isinstance(body, dict) else {}
    key = _key(envelope) or next((found for each in events if (found := _item_key(each))), "")
    if not key:
        raise SubmissionError("is missing", "api_key")
    mapped = SubmissionDraft()
    for index, event in enumerate(events):
        if isinstance(event, dict) and _item_key(event) not in ("", key):
            # One request belongs to one project.
            mapped.errors[index] = ItemError(index, "token", "differs from that of the batch")
        mapped.items.append(_item(event, index, mapped, received_ms))
    return key, mapped.finished(FIELD_NAMES, envelope.get("sent_at"))


def _events(body: Any) -> Sequence[Any]:
    if isinstance(body, list):
        return body
    if not isinstance(body, dict):
        raise SubmissionError("must be an event, a list of events or an object", "body")
    if "batch" in body:
        if not isinstance(body["batch"], list):
            raise SubmissionError("must be a list of events", "batch")
        return body["batch"]
    if "event" not in body:
        raise SubmissionError("is missing", "event")
    return [body]


def _key(found: Mapping[str, Any]) -> str:
    return next(
        (
            value
            for name in ("api_key", "token")
            if isinstance(value := found.get(name), str) and value
        ),
        "",
    )


def _item_key(event: Any) -> str:
    if not isinstance(event, dict):
        return ""
    properties = event.get("properties")
    return _key(event) or (_key(properties) if isinstance(properties, dict) else "")


def _item(event: Any, index: int, mapped: SubmissionDraft, received_ms: int) -> Any:
    """Return an event in the form of `analytics.product.ingestion`."""
    if not isinstance(event, dict):
        return event
    sent = event.get("properties")
    sent = {} if sent is None else sent
    item: dict[str, Any] = {
        "eventName": event.get("event"),
        "eventId": event.get("uuid"),
        "timestamp": _time(event, received_ms),
        "properties": sent,
    }
    if not isinstance(sent, dict):
        return item
    own = _person_properties(event, sent)
    kept = {
        name: value for name, value in sent.items() if name not in _NOT_STORED and name not in own
    }
    item["properties"] = own | kept
    distinct_id = event.get("distinct_id") or sent.get("distinct_id")
    if distinct_id == COOKIELESS_ID:
        mapped.cookieless.add(index)
    elif event.get("event") == "$identify":
        item["userId"], item["anonymousId"] = distinct_id, sent.get("$anon_distinct_id")
    else:
        item["anonymousId"] = distinct_id
        if item["eventName"] in _MERGES:
            _merge(sent.get("alias"), distinct_id, index, mapped, item["eventName"])
    agent, address = sent.get("$raw_user_agent"), sent.get("$ip")
    if isinstance(agent, str) or isinstance(address, str):
        mapped.visitors[index] = Visitor(
            address if isinstance(address, str) else "", agent if isinstance(agent, str) else ""
        )
    return item


def _person_properties(event: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an event sets of its person, beside its properties or among them."""
    found: dict[str, Any] = {}
    for name in _SET:
        beside, among = event.get(name), sent.get(name)
        if isinstance(beside, dict) and isinstance(among, dict):
            found[name] = beside | among
        elif beside and not among:
            found[name] = beside
    return found


def _time(event: Mapping[str, Any], received_ms: int) -> Any:
    """Return when an event happened; posthog-js says how long before the sending."""
    offset = event.get("offset")
    if event.get("timestamp") is not None or isinstance(offset, bool):
        return event.get("timestamp")
    if isinstance(offset, int | float) and 0 <= offset <= _LONGEST_OFFSET_MS:
        return received_ms - round(offset)
    return None


def _merge(
    alias: Any, distinct_id: Any, index: int, mapped: SubmissionDraft, event_name: str
) -> None:
    if not all(
        isinstance(each, str) and 0 < len(each) <= LONGEST_ID for each in (alias, distinct_id)
    ):
        mapped.errors[index] = ItemError(index, "properties.alias", "must be a distinct id")
        return
    identity = Identity(alias, distinct_id, event_name == _FORCED_MERGE)
    if alias != distinct_id and not identity.is_placeholder:
        mapped.aliases.append(identity)
