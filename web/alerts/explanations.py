"""Explains alerts and label sets: collects what `alerting.explanation` reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from alerting.explanation.routes import Deliveries, RouteExplanation, route_explanations
from alerting.explanation.sentences import Sentence
from alerting.explanation.states import state_sentences
from alerting.routing.alerts import RoutedAlert
from alerting.views import RuleView
from model.clock import Clock
from model.labels import Labels
from storage.api.alerts import Alert, AlertRecords, Notification
from web.services import Alerting, Services

_MOST_DELIVERIES: Final = 50


@dataclass(frozen=True, slots=True)
class AlertExplanation:
    """Why an alert is in its state, and what each of its routes does with it."""

    state: tuple[Sentence, ...]
    routes: tuple[RouteExplanation, ...]


class Explainer:
    """Explains alerts from the state of the server as it is now."""

    def __init__(self, alerts: AlertRecords, alerting: Alerting, clock: Clock) -> None:
        self._alerts, self._alerting, self._clock = alerts, alerting, clock

    def rule_of(self, alert_id: int) -> tuple[RuleView | None, str]:
        """Return the rule of an open alert, and the reason why it is held back or ""."""
        for group in self._alerting.rules():
            for rule in group.rules:
                for item in rule.alerts:
                    if item.alert.id == alert_id:
                        return rule, item.suppressed_by
        return None, ""

    async def of_alert(self, alert: Alert) -> AlertExplanation:
        """Return the explanation of an alert."""
        now_ms, router = self._clock(), self._alerting.router
        rule, suppressed_by = self.rule_of(alert.id)
        for_ms = 0 if rule is None else rule.for_ms
        routes: tuple[RouteExplanation, ...] = ()
        if alert.is_open or alert.fired_ms is not None:
            routed = router.routed(alert)
            routes = route_explanations(
                router.dispatcher,
                routed,
                now_ms,
                await self._deliveries(routed),
                fires=alert.fired_ms is not None,
            )
        return AlertExplanation(tuple(state_sentences(alert, for_ms, suppressed_by)), routes)

    async def of_labels(self, labels: Labels) -> tuple[RouteExplanation, ...]:
        """Return what would happen to an alert with these labels that fires now."""
        now_ms = self._clock()
        alert = RoutedAlert(labels, Labels(), now_ms, updated_ms=now_ms)
        return route_explanations(self._alerting.router.dispatcher, alert, now_ms, {})

    async def _deliveries(self, alert: RoutedAlert) -> Deliveries:
        """Return the notifications of an alert by itself, and the latest of its integrations."""
        found: dict[str, list[Notification]] = {}
        configuration = self._alerting.router.dispatcher.configuration
        if alert.alert_id is not None:
            own = await self._alerts.notifications(_MOST_DELIVERIES, alert_id=alert.alert_id)
            _add(found, own)
        for route in configuration.route.matching(alert.labels):
            for integration in configuration.integrations.get(route.receiver, ()):
                sent = await self._alerts.notifications(_MOST_DELIVERIES, receiver=integration.name)
                _add(found, [each for each in sent if each.alert_id is None])
        return found


def _add(found: dict[str, list[Notification]], more: Sequence[Notification]) -> None:
    for each in more:
        known = found.setdefault(each.receiver, [])
        if each not in known:
            known.append(each)


def explainer(services: Services) -> Explainer:
    """Return the explainer of the application."""
    return Explainer(services.alerts, services.alerting, services.clock)
