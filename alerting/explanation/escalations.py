"""Whether and when an alert is escalated to the next receiver."""

from collections.abc import Iterator

from alerting.explanation.sentences import Reason, Sentence, sentence, time_text
from alerting.routing.alerts import RoutedAlert
from alerting.routing.dispatcher import AlertDispatcher
from alerting.routing.escalation import chain_of
from alerting.routing.groups import AlertGroup
from alerting.routing.tree import AlertRoute
from model.durations import format_duration


def escalation_sentences(
    dispatcher: AlertDispatcher,
    route: AlertRoute,
    group: AlertGroup | None,
    alert: RoutedAlert,
    now_ms: int,
) -> Iterator[Sentence]:
    """Yield when each next receiver of a route is notified about an alert, or why not."""
    for step in chain_of(dispatcher.configuration.escalations, route.receiver):
        if alert.is_resolved(now_ms) or _was_sent(dispatcher, group, alert, step.to):
            continue
        if alert.alert_id is None and alert.fingerprint in (group.alerts if group else ()):
            yield sentence(
                Reason.NO_ESCALATION,
                "It is not escalated to %(to)s: an alert of a peer cannot be acknowledged.",
                to=step.to,
            )
            return
        if alert.acknowledged_by:
            yield sentence(
                Reason.NO_ESCALATION,
                "%(who)s acknowledged it, so it is not escalated to %(to)s.",
                who=alert.acknowledged_by,
                to=step.to,
            )
            return
        times = dispatcher.escalations(group, step, now_ms) if group is not None else {}
        at_ms = times.get(alert.fingerprint)
        if at_ms is None:
            yield sentence(
                Reason.ESCALATES,
                "If nobody acknowledges it within %(time)s of the notification to %(first)s, "
                "%(to)s is notified.",
                time=format_duration(step.after_ms),
                first=step.receiver,
                to=step.to,
            )
        else:
            yield sentence(
                Reason.ESCALATES,
                "If nobody acknowledges it, %(to)s is notified at %(at)s.",
                to=step.to,
                at=time_text(at_ms),
            )


def _was_sent(
    dispatcher: AlertDispatcher, group: AlertGroup | None, alert: RoutedAlert, receiver: str
) -> bool:
    if group is None:
        return False
    integrations = dispatcher.configuration.integrations.get(receiver, ())
    entries = (dispatcher.log.get(group.key, each.name) for each in integrations)
    return any(entry is not None and alert.fingerprint in entry.firing for entry in entries)
