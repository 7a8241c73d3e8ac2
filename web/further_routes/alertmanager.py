"""Routes of Alertmanager's API, which Grafana and amtool use."""

from collections.abc import Iterator

from web.alertmanager.alerts_api import AlertmanagerAlertsApi
from web.alertmanager.silences_api import SilencesApi
from web.http.routing import Route, routes_of
from web.services import Services


def alertmanager_routes(services: Services) -> Iterator[Route]:
    """Return these routes."""
    router, clock = services.alerting.router, services.clock
    return routes_of(
        AlertmanagerAlertsApi(router, clock, services.version),
        SilencesApi(router, clock),
    )
