"""Bodies of Segment's HTTP tracking API.

Source: Segment documentation, "HTTP Tracking API Source" and "Spec: Common Fields".
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from analytics.product.collection.submission import Submission, SubmissionDraft
from analytics.product.collection.visitors import Visitor
from analytics.product.ingestion import LONGEST_ID, Identity, ItemError

FIELD_NAMES: Final = {"eventName": "event", "eventId": "messageId"}

TYPES: Final = ("track", "identify", "page", "screen", "alias", "group")

_CAMPAIGN: Final = {
    "source": "utm_source",
    "medium": "utm_medium",
    "name": "utm_campaign",
    "term": "utm_term",
    "content": "utm_content",
}
_PAGE: Final = {"url": "$current_url", "referrer": "$referrer", "title": "$title"}


class _MessageError(Exception):
    def __init__(self, field_name: str, message: str) -> None:
        super().__init__(message)
        self.field_name = field_name


def segment_submission(messages: Sequence[Any], sent_at: Any, shared: Any = None) -> Submission:
    """Return messages as a submission.

    Args:
        messages: the messages; each has a `type`.
        sent_at: when the batch was sent.
        shared: the `context` of the batch, which messages may override.
    """
    mapped = SubmissionDraft()
    for index, message in enumerate(messages):
        try:
            mapped.items.append(_item(message, index, mapped, shared))
        except _MessageError as exc:
            mapped.items.append(None)
            mapped.errors[index] = ItemError(index, exc.field_name, str(exc))
    return mapped.finished(FIELD_NAMES, sent_at)


def _item(message: Any, index: int, mapped: SubmissionDraft, shared: Any) -> dict[str, Any]:
    """Return a message in the form of `analytics.product.ingestion`."""
    if not isinstance(message, dict):
        raise _MessageError("message", "must be an object")
    kind = message.get("type")
    if kind not in TYPES:
        raise _MessageError("type", f"must be one of {', '.join(TYPES)}")
    context = _object(shared, "context") | _object(message.get("context"), "context")
    properties = _context_properties(context) | _own_properties(kind, message)
    visitor = _visitor(context)
    if visitor is not None:
        mapped.visitors[index] = visitor
    if kind == "alias":
        mapped.aliases.append(_alias(message))
    return {
        "eventName": _name(kind, message),
        "eventId": message.get("messageId"),
        "timestamp": message.get("timestamp"),
        "userId": message.get("userId"),
        "anonymousId": message.get("anonymousId"),
        "properties": properties,
    }


def _object(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _MessageError(name, "must be an object")
    return value


def _name(kind: str, message: Mapping[str, Any]) -> Any:
    return {
        "track": message.get("event"),
        "identify": "$identify",
        "page": "$pageview",
        "screen": "$screen",
        "alias": "$create_alias",
        "group": "$groupidentify",
    }[kind]


def _own_properties(kind: str, message: Mapping[str, Any]) -> dict[str, Any]:
    traits = _object(message.get("traits"), "traits")
    if kind == "identify":
        return {"$set": traits} if traits else {}
    if kind == "alias":
        return {"alias": message.get("previousId")}
    if kind == "group":
        group = {"$group_key": message.get("groupId")}
        return group | ({"$group_set": traits} if traits else {})
    properties = dict(_object(message.get("properties"), "properties"))
    if kind in ("page", "screen"):
        names = {"name": message.get("name"), "category": message.get("category")}
        properties |= {name: value for name, value in names.items() if value is not None}
        # The page of the message counts before that of the context.
        properties |= _renamed(properties, _PAGE)
    if kind == "screen" and message.get("name") is not None:
        properties["$screen_name"] = message["name"]
    return properties


def _context_properties(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the context says of the page, the campaign and the SDK."""
    found = _renamed(context.get("page"), _PAGE) | _renamed(context.get("campaign"), _CAMPAIGN)
    found |= _renamed(context.get("library"), {"name": "$lib", "version": "$lib_version"})
    if isinstance(context.get("locale"), str):
        found["$locale"] = context["locale"]
    return found


def _renamed(found: Any, names: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {
        ours: value
        for theirs, ours in names.items()
        if isinstance(value := found.get(theirs), str) and value
    }


def _visitor(context: Mapping[str, Any]) -> Visitor | None:
    """Return the visitor of whom a program reports; the address is not stored."""
    agent, address = context.get("userAgent"), context.get("ip")
    if not isinstance(agent, str) and not isinstance(address, str):
        return None
    return Visitor(
        address if isinstance(address, str) else "", agent if isinstance(agent, str) else ""
    )


def _alias(message: Mapping[str, Any]) -> Identity:
    previous, user = message.get("previousId"), message.get("userId")
    for name, value in (("previousId", previous), ("userId", user)):
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
            raise _MessageError(name, f"must be a text of 1 to {LONGEST_ID} characters")
    identity = Identity(str(previous), str(user))
    if identity.is_placeholder:
        raise _MessageError("previousId", "stands for many persons")
    return identity
