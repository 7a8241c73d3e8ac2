"""Muting of alerts by inhibition, time intervals and silences, in that order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from alerting.routing.alerts import RoutedAlert
from alerting.routing.inhibition import Inhibitor
from alerting.routing.silences import Silences
from alerting.routing.time_intervals import TimeIntervals, containing
from alerting.routing.tree import AlertRoute


class MutingKind(StrEnum):
    """The cause that mutes an alert."""

    INHIBITION = "inhibition"
    INACTIVE = "outside active time intervals"
    MUTE_INTERVAL = "mute time interval"
    SILENCE = "silence"


@dataclass(frozen=True, slots=True)
class Muting:
    """Why an alert is not sent.

    Attributes:
        kind: what mutes it.
        by: fingerprints of inhibiting alerts, ids of silences, or names of intervals.
        rule: the name of the inhibition rule, "" without one.
    """

    kind: MutingKind
    by: tuple[str, ...]
    rule: str = ""

    @property
    def by_time(self) -> bool:
        """Whether the route itself sends nothing now."""
        return self.kind in (MutingKind.INACTIVE, MutingKind.MUTE_INTERVAL)


def mutings_of(
    alert: RoutedAlert,
    route: AlertRoute,
    inhibitor: Inhibitor,
    silences: Silences,
    intervals: TimeIntervals,
    now_ms: int,
    fires: Callable[[str], bool],
) -> Iterator[Muting]:
    """Yield everything that mutes an alert on a route; the first decides."""
    inhibited = inhibitor.inhibiting(alert.fingerprint, alert.labels, fires)
    if inhibited is not None:
        rule, source = inhibited
        yield Muting(MutingKind.INHIBITION, (source,), rule.name)
    active = route.active_time_intervals
    if active and not containing(active, intervals, now_ms):
        yield Muting(MutingKind.INACTIVE, active)
    mute = containing(route.mute_time_intervals, intervals, now_ms)
    if mute:
        yield Muting(MutingKind.MUTE_INTERVAL, mute)
    found = silences.muting(alert.labels, now_ms)
    if found:
        yield Muting(MutingKind.SILENCE, tuple(silence.id for silence in found))
