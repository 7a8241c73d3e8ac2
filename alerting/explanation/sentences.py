"""The sentences of explanations: a reason that programs read, and a text for people."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why an alert is in its state, and why it was sent or not: a sentence states one of these."""

    PENDING = "pending"
    FIRING = "firing"
    NO_DATA = "no_data"
    RESOLVED = "resolved"
    INACTIVE = "inactive"
    SUPPRESSED = "suppressed"
    FLAPPING = "flapping"
    ACKNOWLEDGED = "acknowledged"
    INHIBITED = "inhibited"
    OUTSIDE_INTERVAL = "outside_active_time_interval"
    MUTE_INTERVAL = "mute_time_interval"
    SILENCED = "silenced"
    MAINTENANCE = "maintenance"
    NOT_FIRING = "not_firing"
    NO_RECEIVER = "no_receiver"
    NEW_GROUP = "new_group"
    JOINS_GROUP = "joins_group"
    AT_ONCE = "at_once"
    GROUP_WAIT = "group_wait"
    GROUP_INTERVAL = "group_interval"
    NOTIFIED = "notified"
    DELIVERED = "delivered"
    DELIVERY_WAITS = "delivery_waits"
    DELIVERY_ABANDONED = "delivery_abandoned"
    REPEATS = "repeats"
    NO_REPEAT = "no_repeat"
    RESOLVED_NOT_SENT = "resolved_not_sent"
    ESCALATES = "escalates"
    NO_ESCALATION = "no_escalation"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One statement of an explanation.

    Attributes:
        template: the statement in English, with `%(name)s` for each value; pages translate it.
        values: the values by name.
    """

    reason: Reason
    template: str
    values: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The statement in English."""
        return self.filled(self.template)

    def filled(self, template: str) -> str:
        """Return a translation of the template with the values of this statement."""
        return template % dict(self.values)


def sentence(reason: Reason, template: str, /, **values: object) -> Sentence:
    """Return a statement; its template is extracted for translators."""
    return Sentence(reason, template, tuple((name, str(each)) for name, each in values.items()))


def time_text(time_ms: int) -> str:
    """Return a time for people: `2026-11-29 12:03:10 UTC`."""
    return f"{dt.datetime.fromtimestamp(time_ms / 1000, dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
