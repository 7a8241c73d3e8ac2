"""Completes the events of SDKs and web pages before they are parsed and stored."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from analytics.product.collection.clock_skew import ClockSkew
from analytics.product.collection.devices import device_of
from analytics.product.collection.exclusion import exclusion_of
from analytics.product.collection.page_properties import page_properties
from analytics.product.collection.submission import EventSender, Submission
from analytics.product.collection.visitors import Visitor, VisitorIds
from analytics.timestamps import TimestampError, unix_ms_of
from storage.api.projects import Project
from storage.api.visits.exclusions import ExclusionReason


@dataclass(frozen=True, slots=True)
class CompletedItems:
    """The items of a submission that are to be stored.

    Attributes:
        items: the items.
        indexes: the index of each in the submission.
        excluded: the number of the others that are not counted, by reason.
    """

    items: Sequence[Any]
    indexes: Sequence[int]
    excluded: Mapping[ExclusionReason, int]


@dataclass(frozen=True, slots=True)
class _KnownVisitor:
    """The exclusion and the properties that hold for all events of a visitor."""

    exclusion: ExclusionReason | None
    properties: Mapping[str, str]


_NOTHING: Final = _KnownVisitor(None, {})


class SubmissionCompleter:
    """Excludes bots and own visits; adds ids, properties of device and page, and right times."""

    def __init__(self) -> None:
        self._ids, self._skew = VisitorIds(), ClockSkew()

    def complete(
        self, project: Project, submission: Submission, sender: EventSender, received_ms: int
    ) -> CompletedItems:
        """Return the items of a submission, completed."""
        items: list[Any] = []
        indexes: list[int] = []
        excluded: Counter[ExclusionReason] = Counter()
        known: dict[Visitor, _KnownVisitor] = {}
        shift_ms = self._shift_ms(project, submission, sender, received_ms)
        for index, item in enumerate(submission.items):
            if index in submission.errors:
                continue
            # A page sends the events of its own visitor only, whatever they say.
            visitor = sender.device if sender.is_page else submission.visitors.get(index)
            if visitor is not None and visitor not in known:
                known[visitor] = _known_of(visitor, project)
            of_visitor = _NOTHING if visitor is None else known[visitor]
            if of_visitor.exclusion is not None:
                excluded[of_visitor.exclusion] += 1
                continue
            indexes.append(index)
            if not isinstance(item, dict):
                items.append(item)
                continue
            completed = _completed(item, of_visitor.properties, shift_ms)
            if index in submission.cookieless and not _has_id(item):
                device = visitor or sender.device
                completed["anonymousId"] = self._id(project, device, received_ms)
            items.append(completed)
        return CompletedItems(items, indexes, excluded)

    def _id(self, project: Project, device: Visitor, received_ms: int) -> str:
        idle_ms = project.settings.session_idle_s * 1000
        return self._ids.of(project.id, device, received_ms, idle_ms)

    def _shift_ms(
        self, project: Project, submission: Submission, sender: EventSender, received_ms: int
    ) -> int:
        """Return what is to be added to the times of a submission."""
        if submission.sent_at is None:
            return 0
        try:
            sent_ms = unix_ms_of(submission.sent_at)
        except TimestampError:
            return 0
        # One clock: that of the page's device, or of the program that sends.
        device = f"{sender.device.address} {sender.device.user_agent[:512]}"
        return self._skew.shift_ms((project.id, device), sent_ms, received_ms)


def _known_of(visitor: Visitor, project: Project) -> _KnownVisitor:
    exclusion = exclusion_of(visitor, project.settings.collection)
    if exclusion is not None:
        return _KnownVisitor(exclusion, {})
    device = device_of(visitor)
    properties = {
        "$browser": device.browser,
        "$browser_version": device.browser_version,
        "$os": device.system,
        "$device_type": device.kind,
    }
    return _KnownVisitor(None, {name: value for name, value in properties.items() if value})


def _completed(
    item: Mapping[str, Any], properties: Mapping[str, str], shift_ms: int
) -> dict[str, Any]:
    """Return an item with further properties and a right time; what was sent takes precedence."""
    completed = dict(item)
    own = item.get("properties")
    if own is None or isinstance(own, dict):
        own = own or {}
        completed["properties"] = {**properties, **page_properties(own), **own}
    if shift_ms and item.get("timestamp") is not None:
        try:
            completed["timestamp"] = unix_ms_of(item["timestamp"]) + shift_ms
        except TimestampError:
            # Parsing names the field and the reason.
            return completed
    return completed


def _has_id(item: Mapping[str, Any]) -> bool:
    return any(item.get(name) not in (None, "") for name in ("userId", "anonymousId"))
