"""Silences: matchers that mute alerts from one time to another, once or in a time interval."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from alerting.routing.time_intervals import TimeInterval
from model.labels import Labels
from model.matchers import Matcher, matches_all


class SilenceState(StrEnum):
    """The state of a silence; the values are Alertmanager's."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Silence:
    """Matchers that mute alerts.

    Attributes:
        id: a UUID.
        matchers: an alert is muted if all of them match.
        starts_ms, ends_ms: from when and until when.
        updated_ms: when it was last changed.
        created_by: who made it.
        comment: why.
        windows: a maintenance window: mutes only inside one of these; empty for always.
        annotations: texts about it, such as a ticket.
    """

    id: str
    matchers: tuple[Matcher, ...]
    starts_ms: int
    ends_ms: int
    updated_ms: int
    created_by: str
    comment: str
    windows: tuple[TimeInterval, ...] = ()
    annotations: Labels = field(default_factory=Labels)

    @property
    def is_maintenance(self) -> bool:
        """Whether this is a maintenance window."""
        return bool(self.windows)

    def state(self, now_ms: int) -> SilenceState:
        """Return the state at a time."""
        if now_ms < self.starts_ms:
            return SilenceState.PENDING
        return SilenceState.ACTIVE if now_ms < self.ends_ms else SilenceState.EXPIRED

    def mutes(self, labels: Labels, now_ms: int) -> bool:
        """Return whether the silence mutes an alert at a time."""
        return self.holds(now_ms) and matches_all(self.matchers, labels)

    def holds(self, now_ms: int) -> bool:
        """Return whether the silence mutes what it matches at a time."""
        if self.state(now_ms) is not SilenceState.ACTIVE:
            return False
        return not self.windows or any(window.contains(now_ms) for window in self.windows)


class Silences:
    """All silences in memory, in agreement with the records."""

    def __init__(self, silences: Iterable[Silence] = ()) -> None:
        self._by_id = {silence.id: silence for silence in silences}

    def put(self, silence: Silence) -> None:
        """Add a silence, or replace the one with its id."""
        self._by_id[silence.id] = silence

    def forget(self, silence_id: str) -> None:
        """Remove a silence, if it is there."""
        self._by_id.pop(silence_id, None)

    def get(self, silence_id: str) -> Silence | None:
        """Return the silence with an id, None without one."""
        return self._by_id.get(silence_id)

    def all(self) -> Sequence[Silence]:
        """Return all silences."""
        return tuple(self._by_id.values())

    def muting(self, labels: Labels, now_ms: int) -> tuple[Silence, ...]:
        """Return the silences that mute an alert at a time."""
        return tuple(each for each in self._by_id.values() if each.mutes(labels, now_ms))
