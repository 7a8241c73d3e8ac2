"""Routes of hosts and their keys, for programs: a script that installs exporters adds hosts."""

from collections.abc import Iterator

from web.hosts.api import HostsApi
from web.hosts.changes.changes_api import ChangesApi
from web.hosts.charts.charts_api import ChartsApi
from web.hosts.charts.host_marks import HostMarks
from web.hosts.keys_api import HostKeysApi
from web.hosts.listing.trends_api import TrendsApi
from web.http.routing import Route, routes_of
from web.internals import Internals


def host_routes(internals: Internals) -> Iterator[Route]:
    """Return these routes."""
    services, fleet, register = internals.services, internals.fleet, internals.register
    return routes_of(
        HostsApi(fleet, register, services.alerting, services.host_checks, internals.installer),
        ChartsApi(
            fleet,
            services.engine,
            HostMarks(services.engine, services.annotations, services.alerts, services.clock),
            services.clock,
            services.host_checks,
        ),
        ChangesApi(fleet, services.engine),
        TrendsApi(services.engine, services.clock, services.host_checks),
        HostKeysApi(fleet, register.keyring),
    )
