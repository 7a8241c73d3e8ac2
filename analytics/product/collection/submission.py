"""A batch of events as an SDK has sent it, in the form of `analytics.product.ingestion`."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from analytics.errors import AnalyticsError
from analytics.product.collection.visitors import Visitor
from analytics.product.ingestion import Identity, ItemError


class SubmissionError(AnalyticsError):
    """A whole batch is invalid."""


@dataclass(frozen=True, slots=True)
class EventSender:
    """The sender of a batch.

    Attributes:
        device: the device that sent the request.
        is_page: whether a web page sent it, so that the device is the visitor's; a program
            sends the events of others.
    """

    device: Visitor
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Submission:
    """A batch of events.

    Attributes:
        items: the events; items at the indexes of `errors` are ignored.
        errors: items that the dialect refuses.
        aliases: declarations that two distinct ids are one person.
        field_names: what the dialect calls the fields that errors name.
        visitors: by index, the visitors that items of a program name.
        cookieless: the indexes of the items whose visitor gets an id of the day.
        sent_at: when the batch was sent, by the sender's clock; None if unknown.
    """

    items: Sequence[Any]
    errors: Mapping[int, ItemError] = field(default_factory=dict)
    aliases: Sequence[Identity] = ()
    field_names: Mapping[str, str] = field(default_factory=dict)
    visitors: Mapping[int, Visitor] = field(default_factory=dict)
    cookieless: Container[int] = ()
    sent_at: Any = None

    @property
    def is_plain(self) -> bool:
        """Whether its items are in the form of the ingestion and need nothing further."""
        return not self.field_names and self.cookieless == () and self.sent_at is None


@dataclass(slots=True)
class SubmissionDraft:
    """The parts of a submission while a dialect is read; see `Submission`."""

    items: list[Any] = field(default_factory=list)
    errors: dict[int, ItemError] = field(default_factory=dict)
    aliases: list[Identity] = field(default_factory=list)
    visitors: dict[int, Visitor] = field(default_factory=dict)
    cookieless: set[int] = field(default_factory=set)

    def finished(self, field_names: Mapping[str, str], sent_at: Any) -> Submission:
        """Return the submission."""
        return Submission(
            self.items,
            self.errors,
            self.aliases,
            field_names,
            self.visitors,
            self.cookieless,
            sent_at,
        )
