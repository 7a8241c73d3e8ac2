"""The routes of an alert, and the decision of each.

Every function only reads the dispatcher, so that a label set which no alert has can be
explained too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerting.explanation.deliveries import delivery_sentence
from alerting.explanation.escalations import escalation_sentences
from alerting.explanation.holds import hold_sentences
from alerting.explanation.sentences import Reason, Sentence, sentence, time_text
from alerting.routing.alerts import RoutedAlert
from alerting.routing.configuration import Integration
from alerting.routing.dispatcher import AlertDispatcher
from alerting.routing.escalation import chain_of
from alerting.routing.groups import AlertGroup
from alerting.routing.matcher_syntax import matcher_text
from alerting.routing.notification_log import LogEntry
from alerting.routing.tree import AlertRoute
from model.durations import format_duration
from model.labels import Labels
from storage.api.alerts import Notification

Deliveries = Mapping[str, Sequence[Notification]]
"""The latest notifications of each integration, newest first."""


@dataclass(frozen=True, slots=True)
class RouteExplanation:
    """The decision of one route about an alert.

    Attributes:
        route: the route.
        path: the matchers of the nodes on the way to the route, without the root's.
        group_labels: the labels that name the alert's group.
        integrations: the names of the receiver's entries.
        is_held: whether something mutes the alert on this route now.
        sentences: in the order in which routing decides.
    """

    route: AlertRoute
    path: tuple[str, ...]
    group_labels: Labels
    integrations: tuple[str, ...]
    is_held: bool
    sentences: tuple[Sentence, ...]


def route_path(root: AlertRoute, wanted: AlertRoute) -> tuple[str, ...]:
    """Return the matchers of each node from below the root to a route."""
    for inner in root.routes:
        text = "{" + ", ".join(map(matcher_text, inner.matchers)) + "}"
        if inner is wanted:
            return (text,)
        below = route_path(inner, wanted)
        if below:
            return (text, *below)
    return ()


def route_explanations(
    dispatcher: AlertDispatcher,
    alert: RoutedAlert,
    now_ms: int,
    deliveries: Deliveries,
    *,
    fires: bool = True,
) -> tuple[RouteExplanation, ...]:
    """Return what each route of an alert does with it.

    Args:
        dispatcher: only read.
        alert: the alert; it need not be known to the dispatcher.
        now_ms: the time of the explanation.
        deliveries: the latest notifications of the integrations.
        fires: False for an alert that is not handed to the routes yet.
    """
    configuration = dispatcher.configuration
    return tuple(
        _explained(dispatcher, alert, route, now_ms, deliveries, fires=fires)
        for route in configuration.route.matching(alert.labels)
    )


def _explained(
    dispatcher: AlertDispatcher,
    alert: RoutedAlert,
    route: AlertRoute,
    now_ms: int,
    deliveries: Deliveries,
    *,
    fires: bool,
) -> RouteExplanation:
    configuration = dispatcher.configuration
    integrations = configuration.integrations.get(route.receiver, ())
    sentences: list[Sentence] = []
    mutings = list(dispatcher.mutings(alert, route, now_ms))
    if not integrations:
        sentences.append(
            sentence(
                Reason.NO_RECEIVER,
                'Nothing is sent: no integration belongs to the receiver "%(receiver)s".',
                receiver=route.receiver,
            )
        )
    for muting in mutings:
        sentences += hold_sentences(muting, dispatcher, now_ms)
    group = dispatcher.group(route, alert.labels)
    if not fires:
        sentences.append(sentence(Reason.NOT_FIRING, "Nothing is sent before the alert fires."))
    elif integrations:
        sentences += _timing(route, group, alert, now_ms)
        for integration in integrations:
            sentences += _sent(
                dispatcher, integration, group, alert, now_ms, deliveries, is_held=bool(mutings)
            )
        sentences += escalation_sentences(dispatcher, route, group, alert, now_ms)
        for step in chain_of(configuration.escalations, route.receiver):
            for integration in configuration.integrations.get(step.to, ()):
                sentences += _sent(
                    dispatcher, integration, group, alert, now_ms, deliveries, is_held=bool(mutings)
                )
    return RouteExplanation(
        route=route,
        path=route_path(configuration.route, route),
        group_labels=route.group_labels(alert.labels),
        integrations=tuple(each.name for each in integrations),
        is_held=bool(mutings),
        sentences=tuple(sentences),
    )


def _timing(
    route: AlertRoute, group: AlertGroup | None, alert: RoutedAlert, now_ms: int
) -> Iterator[Sentence]:
    """Yield when the group of an alert is looked at next."""
    wait, interval = format_duration(route.group_wait_ms), format_duration(route.group_interval_ms)
    is_member = group is not None and alert.fingerprint in group.alerts
    if group is None:
        if not route.group_wait_ms:
            yield sentence(Reason.AT_ONCE, "The route sends an alert at once when it fires.")
        else:
            yield sentence(
                Reason.NEW_GROUP,
                "It would begin a group, whose first notification waits for group_wait (%(wait)s).",
                wait=wait,
            )
        return
    if not is_member:
        yield _joined(len(group.alerts), group.next_ms)
    elif not group.has_flushed and group.next_ms is not None and group.next_ms > now_ms:
        yield sentence(
            Reason.GROUP_WAIT,
            "Its group waits for group_wait (%(wait)s) until %(until)s.",
            wait=wait,
            until=time_text(group.next_ms),
        )
    elif group.has_flushed and route.group_interval_ms and group.next_ms is not None:
        yield sentence(
            Reason.GROUP_INTERVAL,
            "Changes of its group are sent after group_interval (%(interval)s), next at %(at)s.",
            interval=interval,
            at=time_text(group.next_ms),
        )


def _joined(count: int, next_ms: int | None) -> Sentence:
    """Return that an alert would join a group of `count` alerts."""
    reason = Reason.JOINS_GROUP
    if next_ms is None:
        if count == 1:
            return sentence(
                reason,
                "It would join a group of one alert; changes of that group are sent next at once.",
            )
        return sentence(
            reason,
            "It would join a group of %(count)s alerts; changes of that group are sent next at "
            "once.",
            count=count,
        )
    at = time_text(next_ms)
    if count == 1:
        return sentence(
            reason,
            "It would join a group of one alert; changes of that group are sent next at %(at)s.",
            at=at,
        )
    return sentence(
        reason,
        "It would join a group of %(count)s alerts; changes of that group are sent next at %(at)s.",
        count=count,
        at=at,
    )


def _sent(
    dispatcher: AlertDispatcher,
    integration: Integration,
    group: AlertGroup | None,
    alert: RoutedAlert,
    now_ms: int,
    deliveries: Deliveries,
    *,
    is_held: bool,
) -> Iterator[Sentence]:
    """Yield what an integration was sent about an alert, and whether that is repeated."""
    found = deliveries.get(integration.name, ())
    entry = dispatcher.log.get(group.key, integration.name) if group is not None else None
    about = [each for each in found if each.alert_id is not None]
    if about:
        yield from map(delivery_sentence, reversed(about))
    if entry is None or alert.fingerprint not in entry.firing | entry.resolved:
        return
    yield sentence(
        Reason.NOTIFIED,
        "%(name)s was last notified at %(at)s.",
        name=integration.name,
        at=time_text(entry.sent_ms),
    )
    yield from (
        delivery_sentence(each)
        for each in found
        if each.alert_id is None and each.created_ms == entry.sent_ms
    )
    if alert.is_resolved(now_ms):
        if not integration.send_resolved:
            yield sentence(
                Reason.RESOLVED_NOT_SENT,
                "%(name)s is not sent the end: its send_resolved is off.",
                name=integration.name,
            )
        return
    if group is not None and not is_held:
        yield _repetition(group, integration, entry)


def _repetition(group: AlertGroup, integration: Integration, entry: LogEntry) -> Sentence:
    firing = [group.alerts[each] for each in entry.firing if each in group.alerts]
    people = sorted({each.acknowledged_by for each in firing})
    if firing and "" not in people:
        return sentence(
            Reason.NO_REPEAT,
            "It is not repeated: %(people)s acknowledged every alert of the group.",
            people=", ".join(people),
        )
    repeat_ms = group.route.repeat_interval_ms
    if not repeat_ms:
        return sentence(Reason.NO_REPEAT, "The route repeats no notification.")
    return sentence(
        Reason.REPEATS,
        "%(name)s is notified again after repeat_interval (%(interval)s), not before %(at)s, "
        "if the alert still fires.",
        name=integration.name,
        interval=format_duration(repeat_ms),
        at=time_text(entry.sent_ms + repeat_ms),
    )
