"""The tree of routes of redshank.yml: every alert by itself, to every receiver that accepts it."""

from collections.abc import Sequence

from alerting.routing.configuration import Integration, RoutingConfiguration
from alerting.routing.tree import AlertRoute, matchers_key
from alerting.settings import ReceiverSettings
from model.matchers import Matcher
from storage.api.alerts import Severity

NOBODY = "nobody"
"""The receiver of alerts that no receiver accepts; it has no integrations."""


def default_tree(
    receivers: Sequence[ReceiverSettings], every: Sequence[ReceiverSettings]
) -> RoutingConfiguration:
    """Return the configuration that sends each alert at once, and never again.

    Args:
        receivers: those that get the alerts.
        every: all receivers; an alert may be escalated to the others.
    """
    routes = []
    for number, receiver in enumerate(receivers):
        matchers = tuple(
            Matcher.of("severity", "!=", severity.value)
            for severity in Severity
            if severity not in receiver.severities
        )
        own = matchers_key(matchers)
        routes.append(
            _route(f"{{}}/{own}", f"{{}}/{own}/{number}", receiver.name, matchers, proceeds=True)
        )
    root = _route("{}", "{}", NOBODY, routes=tuple(routes))
    integrations = {
        receiver.name: (
            Integration(receiver.name, receiver.name, receiver.type, receiver.send_resolved),
        )
        for receiver in every
    }
    return RoutingConfiguration(root, {NOBODY: (), **integrations})


def _route(
    key: str,
    route_id: str,
    receiver: str,
    matchers: tuple[Matcher, ...] = (),
    *,
    proceeds: bool = False,
    routes: tuple[AlertRoute, ...] = (),
) -> AlertRoute:
    return AlertRoute(
        key=key,
        id=route_id,
        receiver=receiver,
        matchers=matchers,
        group_by=None,
        group_wait_ms=0,
        group_interval_ms=0,
        repeat_interval_ms=0,
        proceeds=proceeds,
        routes=routes,
    )
