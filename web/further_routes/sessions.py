"""Routes of agents' sessions, for programs: hooks and collectors send traces and outcomes."""

from collections.abc import Iterator

from web.http.routing import Route, routes_of
from web.internals import Internals
from web.sessions.erasure_api import SessionErasureApi
from web.sessions.github_api import SessionGithubApi
from web.sessions.ingest_api import SessionIngestApi
from web.sessions.prices_api import SessionPricesApi
from web.sessions.sessions_api import AgentSessionsApi
from web.sessions.socket import SessionsSocket


def session_routes(internals: Internals) -> Iterator[Route]:
    """Return these routes."""
    services, settings = internals.services, internals.settings
    sessions, clock = services.agent_sessions, services.clock
    return routes_of(
        AgentSessionsApi(sessions, settings, clock),
        SessionIngestApi(sessions, clock),
        SessionGithubApi(sessions),
        SessionPricesApi(sessions, settings, clock),
        SessionErasureApi(sessions, services.samples, services.sample_administration),
        SessionsSocket(sessions, internals.socket, settings, clock),
    )
