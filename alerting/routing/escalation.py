"""Escalation: the next receiver is notified when nobody acknowledges an alert in time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerting.routing.alerts import RoutedAlert
from alerting.routing.notification_log import LogEntry


@dataclass(frozen=True, slots=True)
class Escalation:
    """One step from a receiver to the next.

    Attributes:
        receiver: the receiver that is notified first.
        after_ms: so long after its notification the next one is notified.
        to: the next receiver.
    """

    receiver: str
    after_ms: int
    to: str


def chain_of(steps: Sequence[Escalation], receiver: str) -> Iterator[Escalation]:
    """Yield the steps that begin at a receiver, in order; `problem_of_steps` excludes circles."""
    by_receiver = {step.receiver: step for step in steps}
    while (step := by_receiver.get(receiver)) is not None:
        yield step
        receiver = step.to


def problem_of_steps(steps: Sequence[Escalation], receivers: Iterable[str]) -> str | None:
    """Return what is wrong with steps, None for nothing.

    Args:
        steps: the steps.
        receivers: the names of all receivers.
    """
    known, seen = set(receivers), set[str]()
    for step in steps:
        for name in (step.receiver, step.to):
            if name not in known:
                return f'there is no receiver "{name}"'
        if step.receiver in seen:
            return f'"{step.receiver}" escalates twice: give one step for each receiver'
        seen.add(step.receiver)
    for step in steps:
        passed = {step.receiver}
        for each in chain_of(steps[:], step.receiver):
            if each.to in passed:
                return f'"{step.receiver}" escalates to itself'
            passed.add(each.to)
    return None


def escalation_times(
    step: Escalation, alerts: Iterable[RoutedAlert], entries: Iterable[LogEntry], now_ms: int
) -> Mapping[str, int]:
    """Return when each alert that nobody works on is escalated, by fingerprint.

    An alert of a peer is never escalated: nobody can acknowledge it here.

    Args:
        step: the step.
        alerts: the alerts of a group.
        entries: what the integrations of the step's first receiver were sent.
        now_ms: the current time.
    """
    since: dict[str, int] = {}
    for entry in entries:
        for fingerprint, at_ms in entry.since.items():
            since[fingerprint] = min(at_ms, since.get(fingerprint, at_ms))
    return {
        alert.fingerprint: since[alert.fingerprint] + step.after_ms
        for alert in alerts
        if alert.fingerprint in since
        and alert.alert_id is not None
        and not alert.acknowledged_by
        and not alert.is_resolved(now_ms)
    }
