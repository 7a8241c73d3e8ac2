"""`/api/v1/rules` and `/alerts`: what is evaluated, and what came of it."""

from dataclasses import replace
from typing import Final

from aiohttp import web

from alerting.prometheus_json import alerts_data, rules_data
from alerting.views import RuleKind
from web.prometheus.envelope import success_of
from web.routing import Access, Route, Surface
from web.services import Services

_KINDS: Final = {"alert": RuleKind.ALERTING, "record": RuleKind.RECORDING}


class RulesApi:
    """The rules and alerts as Prometheus tells them."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            Route("GET", "/api/v1/rules", self.rules, Access.VIEWER, Surface.PROMETHEUS),
            Route("GET", "/api/v1/alerts", self.alerts, Access.VIEWER, Surface.PROMETHEUS),
        )

    async def rules(self, request: web.Request) -> web.Response:
        """List rule groups with their rules, and the alerts of each alerting rule."""
        kind = _KINDS.get(request.query.get("type", ""))
        groups = self._services.alerting.rules()
        if kind is not None:
            groups = tuple(
                replace(group, rules=tuple(rule for rule in group.rules if rule.kind is kind))
                for group in groups
            )
        return success_of(rules_data(groups))

    async def alerts(self, request: web.Request) -> web.Response:
        """List the alerts that are pending or firing."""
        return success_of(alerts_data(self._services.alerting.open_alerts()))
