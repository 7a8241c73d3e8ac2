"""The groups of routes that are imported on demand, by the beginnings of their paths."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from web.http.rendering import Resources
from web.http.routing import Route
from web.internals import Internals
from web.on_demand import RouteGroup

if TYPE_CHECKING:
    from web.pages import PageFactory


def route_groups(
    internals: Internals, resources: Resources, pages: "Sequence[PageFactory] | None" = None
) -> tuple[RouteGroup, ...]:
    """Return the groups.

    What programs use has groups of its own: a server that applications send events to, or whose
    API a script logs in to, never imports the pages. The last group has all other routes.

    Args:
        internals: shared objects of the application.
        resources: files and templates of the pages.
        pages: the registry of pages, None for all of ours.
    """

    def accounts() -> Iterable[Route]:
        from web.further_routes.accounts import account_routes

        return account_routes(internals)

    def hosts() -> Iterable[Route]:
        from web.further_routes.hosts import host_routes

        return host_routes(internals)

    def alertmanager() -> Iterable[Route]:
        from web.further_routes.alertmanager import alertmanager_routes

        return alertmanager_routes(internals.services)

    def analytics() -> Iterable[Route]:
        from web.further_routes.analytics import analytics_routes

        return analytics_routes(internals.services, internals.settings, resources.assets)

    def sessions() -> Iterable[Route]:
        from web.further_routes.sessions import session_routes

        return session_routes(internals)

    def others() -> Iterable[Route]:
        from web.further_routes.pages import page_routes

        # Rendering must not wait for the disk.
        resources.read()
        return page_routes(internals, resources.assets, pages)

    return (
        RouteGroup(_ACCOUNTS, accounts),
        RouteGroup(("/api/hosts", "/api/fleet"), hosts),
        RouteGroup(("/api/v2",), alertmanager),
        RouteGroup(_ANALYTICS, analytics),
        RouteGroup(_SESSIONS, sessions),
        RouteGroup(("/",), others),
    )


_ACCOUNTS = ("/auth", "/api/account", "/api/keys", "/api/session", "/api/users", "/api/v1/auth")
_ANALYTICS = (
    *("/v1", "/db", "/api/v1/projects", "/api/v1/track"),
    # Of PostHog's SDKs, and our own script.
    *("/array", "/batch", "/capture", "/decide", "/e", "/e.js", "/flags", "/i"),
)
_SESSIONS = (
    *("/api/sessions", "/api/session-outcomes", "/api/session-github", "/api/session-prices"),
    *("/api/session-usage", "/api/session-developers", "/api/metrics", "/api/profile"),
    *("/api/insights", "/ws/sessions"),
)
