"""Statistics of the alerts that fired: how many, how soon acknowledged and resolved."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from storage.api.alerts import FiredAlert


@dataclass(frozen=True, slots=True)
class AlertStatistics:
    """Statistics of some alerts.

    Attributes:
        name: the rule or host, "" for all alerts.
        fired: how many fired.
        open: how many of them are not resolved yet.
        acknowledged: how many were acknowledged.
        firing_ms: how long they fired in all, up to the time of the report.
        mtta_ms: the mean time from firing to the first acknowledgement, None without one.
        mttr_ms: the mean time from firing to the end, None without an end.
    """

    name: str
    fired: int
    open: int
    acknowledged: int
    firing_ms: int
    mtta_ms: int | None
    mttr_ms: int | None


def statistics_of(name: str, alerts: Iterable[FiredAlert], now_ms: int) -> AlertStatistics:
    """Return the statistics of alerts; `now_ms` ends those that are not resolved."""
    found = list(alerts)
    waits = [
        max(0, each.acknowledged_ms - each.fired_ms)
        for each in found
        if each.acknowledged_ms is not None
    ]
    lengths = [
        max(0, each.resolved_ms - each.fired_ms) for each in found if each.resolved_ms is not None
    ]
    is_open = [each for each in found if each.resolved_ms is None]
    return AlertStatistics(
        name=name,
        fired=len(found),
        open=len(is_open),
        acknowledged=len(waits),
        firing_ms=sum(lengths) + sum(max(0, now_ms - each.fired_ms) for each in is_open),
        mtta_ms=_mean(waits),
        mttr_ms=_mean(lengths),
    )


def grouped(
    alerts: Iterable[FiredAlert], name_of: Callable[[FiredAlert], str], now_ms: int
) -> list[AlertStatistics]:
    """Return the statistics of each name, the noisiest first, without those of no name."""
    groups: dict[str, list[FiredAlert]] = {}
    for each in alerts:
        name = name_of(each)
        if name:
            groups.setdefault(name, []).append(each)
    found = [statistics_of(name, members, now_ms) for name, members in groups.items()]
    return sorted(found, key=lambda each: (-each.fired, -each.firing_ms, each.name))


def _mean(values: list[int]) -> int | None:
    return round(sum(values) / len(values)) if values else None
