"""`/api/v1/rules`, `/alerts` and `/alertmanagers`: rules, their alerts and receivers."""

from aiohttp import web

from alerting.prometheus_json import alerts_data, rules_data
from web.http.routing import Route
from web.prometheus.document_types import AlertmanagersData, AlertsData, RulesData
from web.prometheus.envelope import success_of
from web.prometheus.operations import RuleParameters, only_get, prometheus_operation
from web.prometheus.parameters import read_parameters
from web.prometheus.rule_filters import RuleFilters
from web.services import Services


class RulesApi:
    """Lists rules and alerts in Prometheus's form."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        rules = prometheus_operation(RulesData, RuleParameters)
        return (
            only_get("/api/v1/rules", self.rules, rules),
            only_get("/api/v1/alerts", self.alerts, prometheus_operation(AlertsData)),
            only_get(
                "/api/v1/alertmanagers",
                self.alertmanagers,
                prometheus_operation(AlertmanagersData),
            ),
        )

    async def rules(self, request: web.Request) -> web.Response:
        """List rule groups with their rules and alerts."""
        choice = RuleFilters.read(await read_parameters(request))
        groups, next_page = choice.of(self._services.alerting.rules())
        data = rules_data(groups)
        if next_page:
            data["groupNextToken"] = next_page
        return success_of(data)

    async def alerts(self, request: web.Request) -> web.Response:
        """List the pending and firing alerts."""
        return success_of(alerts_data(self._services.alerting.open_alerts()))

    async def alertmanagers(self, request: web.Request) -> web.Response:
        """List the external Alertmanagers that get the alerts."""
        active = [{"url": url} for url in self._services.alertmanagers()]
        return success_of({"activeAlertmanagers": active, "droppedAlertmanagers": []})
