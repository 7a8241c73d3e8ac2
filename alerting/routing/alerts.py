"""Alerts on their way through the tree, from our own rules or from a peer."""

import functools
from dataclasses import dataclass, field, replace
from typing import Any

from model.labels import Labels, fingerprint

_FIRST_LABELS = ("job", "instance")
_INVERTED = bytes(255 - byte for byte in range(256))


@dataclass(frozen=True, slots=True)
class RoutedAlert:
    """An alert as receivers see it.

    Attributes:
        labels: identify the alert.
        annotations: texts about it.
        starts_ms: when it began to fire.
        ends_ms: when it was or will be resolved; None while nobody knows.
        updated_ms: when it was last reported.
        generator_url: where its rule is shown.
        alert_id: its id in the records; None for an alert of a peer.
        is_timeout: the end is only a guess: the sender named none.
        acknowledged_by: the user who works on it, "" for nobody.
        fingerprint: Alertmanager's hash of the labels.
    """

    labels: Labels
    annotations: Labels
    starts_ms: int
    ends_ms: int | None = None
    updated_ms: int = 0
    generator_url: str = ""
    alert_id: int | None = None
    is_timeout: bool = False
    acknowledged_by: str = ""
    fingerprint: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Compute the fingerprint, which many look-ups need."""
        if not self.fingerprint:
            object.__setattr__(self, "fingerprint", fingerprint(self.labels))

    def is_resolved(self, now_ms: int) -> bool:
        """Return whether the alert has ended."""
        return self.ends_ms is not None and self.ends_ms <= now_ms


def merged(old: RoutedAlert, new: RoutedAlert) -> RoutedAlert:
    """Return two reports of one alert as one, if they overlap in time; else the newer.

    The start is the earlier one. A report that the alert ends later than the newer
    report guesses is kept, unless it was a guess itself.
    """
    old_ends = old.ends_ms if old.ends_ms is not None else 2**62
    new_ends = new.ends_ms if new.ends_ms is not None else 2**62
    if not (old.starts_ms < new_ends < old_ends or old.starts_ms < new.starts_ms < old_ends):
        return new
    starts_ms = min(old.starts_ms, new.starts_ms)
    ends_ms = new.ends_ms
    new_resolved = new_ends <= new.updated_ms
    if new_resolved:
        if old_ends <= old.updated_ms and old_ends > new_ends:
            ends_ms = old.ends_ms
    elif old_ends > new_ends and not old.is_timeout:
        ends_ms = old.ends_ms
    return replace(new, starts_ms=starts_ms, ends_ms=ends_ms)


def order_key(alert: RoutedAlert) -> tuple[Any, ...]:
    """Return the sort key of alerts in a notification: job, instance, then all labels.

    Of two sets of the same size, the one that lacks the first label that they do not share
    comes first.
    """
    first = tuple((not alert.labels.get(name), alert.labels.get(name)) for name in _FIRST_LABELS)
    pairs = tuple((_descending(name), value) for name, value in alert.labels)
    return (*first, len(alert.labels), pairs)


@functools.lru_cache(maxsize=1000)
def _descending(name: str) -> bytes:
    """Return bytes that order names from last to first."""
    return name.encode().translate(_INVERTED) + b"\xff"
