"""The access of every route, and the security headers of every response.

A new route needs one row in ACCESS; tests/web/test_access.py holds it to that, for every
kind of credential.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import CredentialKind, Role
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.http.routing import ROUTES, Access, Surface
from web.middleware.headers import SECURITY_HEADERS
from web.settings import WebSettings

# One row for each route, in the words of the documentation.
ACCESS = {
    "GET /static/{path}": "public",
    "GET /": "viewer",
    "GET /dashboard": "viewer",
    "GET /host/{key}": "viewer",
    "POST /host/{key}/checks/{check}": "editor",
    "POST /host/{key}/tags": "editor",
    "GET /host/{key}/remove": "editor",
    "POST /host/{key}/remove": "editor",
    "POST /hosts/views": "user",
    "POST /hosts/views/remove": "user",
    "POST /hosts/selection": "viewer",
    "POST /hosts/selection/apply": "editor",
    "GET /add-host": "editor",
    "POST /add-host": "editor",
    "GET /alerts": "viewer",
    "POST /alerts/acknowledge": "editor",
    "POST /sessions/setup/github": "admin",
    "POST /sessions/setup/github/remove": "admin",
    "POST /alerts/receivers/{name}/test": "editor",
    "GET /api/receivers": "viewer",
    "POST /api/receivers/{name}/test": "editor",
    "GET /alerts/{id}": "viewer",
    "POST /alerts/{id}/acknowledge": "editor",
    "POST /alerts/{id}/unacknowledge": "editor",
    "GET /acknowledge/{token}": "public",
    "POST /acknowledge/{token}": "public",
    "GET /silences": "viewer",
    "GET /silences/new": "editor",
    "POST /silences": "editor",
    "GET /silences/{uuid}/edit": "editor",
    "POST /silences/{uuid}/edit": "editor",
    "POST /silences/{uuid}/expire": "editor",
    "GET /maintenance": "viewer",
    "GET /maintenance/new": "editor",
    "POST /maintenance": "editor",
    "GET /maintenance/{uuid}/edit": "editor",
    "POST /maintenance/{uuid}/edit": "editor",
    "POST /maintenance/{uuid}/end": "editor",
    "GET /api/maintenance": "viewer",
    "POST /api/maintenance": "editor",
    "PUT /api/maintenance/{uuid}": "editor",
    "DELETE /api/maintenance/{uuid}": "editor",
    "GET /routes": "viewer",
    "GET /alert-rules": "viewer",
    "GET /alert-rules/backtest": "editor",
    "POST /alert-rules/backtest": "editor",
    "POST /alert-rules/test": "editor",
    "POST /alert-rules/save": "editor",
    "POST /alert-rules/groups/{id}/remove": "editor",
    "GET /api/rules/groups": "viewer",
    "POST /api/rules/groups": "editor",
    "GET /api/rules/export": "viewer",
    "POST /api/rules/import": "editor",
    "GET /api/rules/groups/{id}": "viewer",
    "PUT /api/rules/groups/{id}": "editor",
    "DELETE /api/rules/groups/{id}": "editor",
    "GET /api/rules/groups/{id}/export": "viewer",
    "POST /api/rules/backtest": "editor",
    "POST /api/rules/test": "editor",
    "GET /alert-report": "viewer",
    "GET /api/alerts/report": "viewer",
    "GET /explore": "viewer",
    "GET /graph": "viewer",
    "GET /targets": "viewer",
    "GET /discovery": "viewer",
    "GET /store": "viewer",
    "GET /account": "user",
    "POST /account/password": "user",
    "POST /account/tokens": "user",
    "POST /account/credentials/{id}/revoke": "user",
    "POST /account/credentials/revoke-others": "user",
    "GET /account/second-factor": "user",
    "POST /account/second-factor": "user",
    "POST /account/second-factor/confirm": "user",
    "POST /account/second-factor/recovery-codes": "user",
    "POST /account/second-factor/off": "user",
    "POST /first-steps/hide": "user",
    "GET /settings": "user",
    "POST /settings": "user",
    "POST /settings/theme": "viewer",
    "GET /settings/about": "user",
    "GET /settings/backups": "admin",
    "POST /settings/backups": "admin",
    "POST /settings/backups/{name}/download": "admin",
    "POST /settings/backups/{name}/remove": "admin",
    "GET /settings/receivers": "editor",
    "POST /settings/receivers": "admin",
    "POST /settings/receivers/{name}/test": "editor",
    "POST /settings/receivers/{name}/remove": "admin",
    "GET /audit": "admin",
    "GET /design": "admin",
    "GET /users": "admin",
    "POST /users": "admin",
    "GET /users/{name}": "admin",
    "POST /users/{name}/role": "admin",
    "POST /users/{name}/password": "admin",
    "POST /users/{name}/second-factor/off": "admin",
    "POST /users/{name}/credentials/revoke-all": "admin",
    "POST /users/{name}/credentials/{id}/revoke": "admin",
    "POST /users/{name}/remove": "admin",
    "GET /api/hosts/{key}/charts": "viewer",
    "GET /api/hosts/{key}/sections": "viewer",
    "GET /api/hosts/{key}/changes": "viewer",
    "GET /login": "public",
    "POST /login": "public",
    "GET /login/oidc": "public",
    "GET /login/oidc/callback": "public",
    "POST /login/code": "public",
    "POST /logout": "public",
    "POST /auth/token": "public",
    "POST /auth/refresh": "public",
    "POST /api/v1/auth/register": "public",
    "POST /api/v1/auth/login": "public",
    "GET /health": "public",
    "GET /api/health": "public",
    "POST /api/metrics": "push",
    "GET /api/metrics": "viewer",
    "GET /api/metrics/raw": "viewer",
    "GET /api/sessions": "viewer",
    "GET /api/sessions/{session_id}": "viewer",
    "GET /api/profile": "viewer",
    "GET /api/insights": "viewer",
    "GET /api/session-usage": "viewer",
    "POST /api/sessions/ingest": "push",
    "POST /api/session-outcomes": "push",
    "POST /api/session-outcomes/github": "public",
    "GET /api/session-github": "admin",
    "PUT /api/session-github": "admin",
    "DELETE /api/session-github": "admin",
    "GET /api/session-prices": "viewer",
    "PUT /api/session-prices": "admin",
    "DELETE /api/session-prices": "admin",
    "DELETE /api/session-developers/{name}": "admin",
    "GET /ws/sessions": "public",
    "GET /sessions": "user",
    "GET /sessions/usage": "user",
    "GET /sessions/profile": "user",
    "GET /sessions/insights": "user",
    "GET /sessions/prices": "user",
    "POST /sessions/prices": "admin",
    "POST /sessions/prices/remove": "admin",
    "GET /sessions/setup": "user",
    "POST /sessions/setup": "editor",
    "GET /sessions/{session_id}": "user",
    "GET /api/recent": "push",
    "POST /report": "public",
    "GET /install/redshank-exporter.pyz": "public",
    "POST /api/v1/projects/": "user",
    "GET /api/v1/projects/": "user",
    "GET /api/v1/projects/{project_key}": "user",
    "POST /api/v1/projects/{project_key}/api-keys/": "user",
    "GET /api/v1/projects/{project_key}/api-keys/": "user",
    "DELETE /api/v1/projects/{project_key}/api-keys/": "user",
    "DELETE /api/v1/projects/{project_key}/api-keys/{id}": "user",
    "GET /api/v1/projects/{project_key}/metrics/summary": "user",
    "GET /api/v1/projects/{project_key}/metrics/time-series": "user",
    "POST /api/v1/projects/{project_key}/metrics/cleanup": "user",
    "GET /api/v1/projects/{project_key}/metrics/latency": "user",
    "GET /api/v1/projects/{project_key}/metrics/breakdown": "user",
    "GET /api/v1/projects/{project_key}/metrics/routes": "user",
    "GET /api/v1/projects/{project_key}/metrics/consumers": "user",
    "GET /api/v1/projects/{project_key}/metrics/requests": "user",
    # With a project's API key; see tests/replaces/test_api_analytics.py.
    "POST /api/v1/track": "public",
    "POST /api/v1/track/batch": "public",
    "GET /projects": "user",
    "POST /projects": "user",
    "GET /projects/{project_key}": "user",
    "GET /projects/{project_key}/events": "user",
    "GET /projects/{project_key}/trends": "user",
    "GET /projects/{project_key}/funnel": "user",
    "GET /projects/{project_key}/retention": "user",
    "POST /projects/{project_key}/reports": "user",
    "POST /projects/{project_key}/reports/{id}/remove": "user",
    "POST /projects/{project_key}/schema": "user",
    "POST /projects/{project_key}/shares": "user",
    "POST /projects/{project_key}/shares/{id}/revoke": "user",
    # The token in the path is the credential.
    "GET /share/{token}": "public",
    "GET /projects/{project_key}/paths": "user",
    "GET /projects/{project_key}/sessions": "user",
    "GET /projects/{project_key}/persons": "user",
    "GET /projects/{project_key}/person": "user",
    "POST /projects/{project_key}/person/erase": "user",
    "GET /projects/{project_key}/segments": "user",
    "POST /projects/{project_key}/segments": "user",
    "POST /projects/{project_key}/segments/{id}": "user",
    "POST /projects/{project_key}/segments/{id}/remove": "user",
    "GET /projects/{project_key}/traffic": "user",
    "GET /projects/{project_key}/settings": "user",
    "POST /projects/{project_key}/settings": "user",
    "POST /projects/{project_key}/settings/remove": "user",
    "POST /projects/{project_key}/settings/members": "user",
    "POST /projects/{project_key}/settings/members/{name}/role": "user",
    "POST /projects/{project_key}/settings/members/{name}/remove": "user",
    "POST /projects/{project_key}/settings/keys": "user",
    "POST /projects/{project_key}/settings/keys/{id}/revoke": "user",
    "GET /v1/projects/{project_key}": "viewer",
    "PATCH /v1/projects/{project_key}": "user",
    "DELETE /v1/projects/{project_key}": "user",
    "GET /v1/projects/{project_key}/members": "viewer",
    "POST /v1/projects/{project_key}/members": "user",
    "PUT /v1/projects/{project_key}/members/{name}": "user",
    "DELETE /v1/projects/{project_key}/members/{name}": "user",
    "GET /v1/projects": "viewer",
    "POST /v1/projects": "editor",
    # SDKs in browsers send with the project's public key.
    "POST /v1/events/batch": "public",
    "GET /e.js": "public",
    # SDKs of PostHog and Segment send with the project's public key too.
    "POST /capture": "public",
    "POST /capture/": "public",
    "POST /batch": "public",
    "POST /batch/": "public",
    "POST /i/v0/e": "public",
    "POST /i/v0/e/": "public",
    "POST /e/": "public",
    "POST /decide": "public",
    "POST /decide/": "public",
    "POST /flags": "public",
    "POST /flags/": "public",
    "POST /v1/track": "public",
    "POST /v1/t": "public",
    "POST /v1/identify": "public",
    "POST /v1/i": "public",
    "POST /v1/page": "public",
    "POST /v1/p": "public",
    "POST /v1/screen": "public",
    "POST /v1/s": "public",
    "POST /v1/alias": "public",
    "POST /v1/a": "public",
    "POST /v1/group": "public",
    "POST /v1/g": "public",
    "POST /v1/batch": "public",
    "POST /v1/b": "public",
    "GET /array/{project_key}/config": "public",
    "GET /array/{project_key}/config.js": "public",
    "GET /v1/reports/sessions": "viewer",
    "POST /v1/reports/sessions": "viewer",
    "GET /v1/reports/overview": "viewer",
    "GET /v1/reports/top-events": "viewer",
    "GET /v1/reports/events-timeseries": "viewer",
    "GET /v1/reports/conversion": "viewer",
    "POST /v1/reports/funnel": "viewer",
    "POST /v1/reports/overview": "viewer",
    "POST /v1/reports/top-events": "viewer",
    "POST /v1/reports/events-timeseries": "viewer",
    "POST /v1/reports/conversion": "viewer",
    "POST /v1/reports/trends": "viewer",
    "POST /v1/reports/funnel/persons": "viewer",
    "GET /v1/projects/{project_key}/segments": "viewer",
    "POST /v1/projects/{project_key}/segments": "user",
    "PUT /v1/projects/{project_key}/segments/{id}": "user",
    "DELETE /v1/projects/{project_key}/segments/{id}": "user",
    "GET /v1/projects/{project_key}/shares": "user",
    "POST /v1/projects/{project_key}/shares": "user",
    "DELETE /v1/projects/{project_key}/shares/{id}": "user",
    "GET /v1/projects/{project_key}/reports": "viewer",
    "POST /v1/projects/{project_key}/reports": "user",
    "GET /v1/projects/{project_key}/reports/{id}": "viewer",
    "PUT /v1/projects/{project_key}/reports/{id}": "user",
    "DELETE /v1/projects/{project_key}/reports/{id}": "user",
    "POST /v1/reports/retention": "viewer",
    "POST /v1/reports/retention/persons": "viewer",
    "POST /v1/reports/paths": "viewer",
    "GET /v1/projects/{project_key}/persons": "viewer",
    "GET /v1/projects/{project_key}/persons/{name}": "viewer",
    "GET /v1/projects/{project_key}/persons/{name}/events": "viewer",
    "DELETE /v1/projects/{project_key}/persons/{name}": "user",
    "GET /v1/projects/{project_key}/schema": "viewer",
    "PATCH /v1/projects/{project_key}/schema": "user",
    "GET /v1/projects/{project_key}/live": "viewer",
    "GET /v1/projects/{project_key}/export": "user",
    "POST /v1/projects/{project_key}/import": "user",
    "GET /db/health": "public",
    "POST /db/test-insert": "editor",
    "GET /api/hosts/{key}/keys": "editor",
    "POST /api/hosts/{key}/keys": "editor",
    "DELETE /api/hosts/{key}/keys": "editor",
    "POST /host/{key}/keys/rotate": "editor",
    "POST /host/{key}/keys/revoke": "editor",
    "GET /-/healthy": "public",
    "GET /-/ready": "public",
    "GET /openapi.json": "public",
    # Its token may come after the connection: see tests/web/live/test_socket.py.
    "GET /ws/metrics": "public",
    "GET /apispec.json": "public",
    "GET /docs": "public",
    "GET /swagger": "public",
    "GET /redoc": "public",
    "POST /-/reload": "admin",
    "PUT /-/reload": "admin",
    "GET /metrics": "scrape",
    "GET /api/fleet": "viewer",
    "GET /api/fleet/trends": "viewer",
    "GET /api/v2/alerts": "viewer",
    "POST /api/v2/alerts": "push",
    "GET /api/v2/alerts/groups": "viewer",
    "GET /api/v2/receivers": "viewer",
    "GET /api/v2/status": "viewer",
    "GET /api/v2/silences": "viewer",
    "POST /api/v2/silences": "editor",
    "GET /api/v2/silence/{uuid}": "viewer",
    "DELETE /api/v2/silence/{uuid}": "editor",
    "GET /dashboards": "viewer",
    "POST /dashboards": "editor",
    "GET /dashboards/{uid}": "viewer",
    "GET /d/{uid}": "viewer",
    "GET /d/{uid}/{name}": "viewer",
    "GET /api/dashboards": "viewer",
    "GET /status/{slug}": "public",
    "GET /status/{slug}.json": "public",
    "GET /status/{slug}/feed.atom": "public",
    "GET /status/{slug}/feed.rss": "public",
    "GET /status/{slug}/accent.css": "public",
    "GET /status/{slug}/logo": "public",
    "GET /status/{slug}/badge/{what}.svg": "public",
    "GET /status/{slug}/badge/{component}/{what}.svg": "public",
    "GET /status-pages": "editor",
    "GET /status-pages/new": "editor",
    "POST /status-pages/new": "editor",
    "GET /status-pages/{slug}": "editor",
    "POST /status-pages/{slug}": "editor",
    "POST /status-pages/{slug}/delete": "editor",
    "POST /status-pages/{slug}/incidents": "editor",
    "POST /status-pages/{slug}/incidents/{id}": "editor",
    "GET /api/status-pages": "viewer",
    "POST /api/status-pages": "editor",
    "GET /api/status-pages/{slug}": "viewer",
    "PUT /api/status-pages/{slug}": "editor",
    "DELETE /api/status-pages/{slug}": "editor",
    "PUT /api/status-pages/{slug}/logo": "editor",
    "DELETE /api/status-pages/{slug}/logo": "editor",
    "GET /api/status-pages/{slug}/incidents": "viewer",
    "POST /api/status-pages/{slug}/incidents": "editor",
    "POST /api/status-pages/{slug}/incidents/{id}/updates": "editor",
    "DELETE /api/status-pages/{slug}/incidents/{id}": "editor",
    "GET /probes": "viewer",
    "GET /probes/new": "editor",
    "POST /probes/new": "editor",
    "GET /probes/{name}": "viewer",
    "POST /probes/{name}": "editor",
    "POST /probes/{name}/pause": "editor",
    "POST /probes/{name}/delete": "editor",
    "POST /probes/{name}/heartbeat-url": "editor",
    "GET /api/probes": "viewer",
    "POST /api/probes": "editor",
    "POST /api/probes/test": "editor",
    "GET /api/probes/{name}": "viewer",
    "PUT /api/probes/{name}": "editor",
    "DELETE /api/probes/{name}": "editor",
    "POST /api/probes/{name}/heartbeat-url": "editor",
    "GET /heartbeat/{token}": "public",
    "POST /heartbeat/{token}": "public",
    "POST /api/dashboards": "editor",
    "POST /api/dashboards/import": "editor",
    "POST /api/dashboards/text": "viewer",
    "GET /api/dashboards/{uid}": "viewer",
    "PUT /api/dashboards/{uid}": "editor",
    "DELETE /api/dashboards/{uid}": "editor",
    "POST /api/dashboards/{uid}/duplicate": "editor",
    "POST /api/dashboards/{uid}/restore": "editor",
    "GET /api/dashboards/{uid}/versions": "viewer",
    "GET /api/dashboards/{uid}/versions/{version}": "viewer",
    "GET /api/dashboards/{uid}/grafana": "viewer",
    "POST /api/dashboards/{uid}/shares": "editor",
    "GET /api/dashboards/{uid}/shares": "editor",
    "DELETE /api/dashboards/{uid}/shares/{id}": "editor",
    "POST /api/shared/dashboards/{token}/query": "public",
    "GET /share/dashboards/{token}": "public",
    "GET /api/explore": "viewer",
    "GET /api/explore/words": "viewer",
    "POST /api/explore/history": "viewer",
    "DELETE /api/explore/history": "viewer",
    "POST /api/explore/saved": "user",
    "DELETE /api/explore/saved/{id}": "user",
    "POST /api/annotations": "user",
    "GET /api/annotations": "viewer",
    "DELETE /api/annotations/{id}": "user",
    "GET /api/hosts": "viewer",
    "POST /api/hosts": "editor",
    "GET /api/hosts/{key}": "viewer",
    "DELETE /api/hosts/{key}": "editor",
    "PUT /api/hosts/{key}/tags": "editor",
    "GET /api/hosts/{key}/checks": "viewer",
    "PUT /api/hosts/{key}/checks/{check}": "editor",
    "DELETE /api/hosts/{key}/checks/{check}": "editor",
    "GET /api/alerts": "viewer",
    "GET /api/alerts/history": "viewer",
    "GET /api/alerts/what-if": "viewer",
    "GET /api/alerts/{id}": "viewer",
    "GET /api/alerts/{id}/explanation": "viewer",
    "GET /api/silences/preview": "viewer",
    "POST /api/alerts/{id}/acknowledge": "editor",
    "DELETE /api/alerts/{id}/acknowledge": "editor",
    "GET /api/notifications": "viewer",
    "GET /api/session": "viewer",
    "GET /api/palette": "viewer",
    "PUT /api/account/password": "user",
    "GET /api/account/credentials": "user",
    "POST /api/account/tokens": "user",
    "DELETE /api/account/credentials/{id}": "user",
    "GET /api/account/second-factor": "user",
    "POST /api/account/second-factor": "user",
    "POST /api/account/second-factor/confirm": "user",
    "POST /api/account/second-factor/recovery-codes": "user",
    "DELETE /api/account/second-factor": "user",
    "GET /api/audit": "admin",
    "POST /api/keys/rotate": "admin",
    "GET /api/users": "admin",
    "POST /api/users": "admin",
    "PUT /api/users/{name}/role": "admin",
    "GET /api/users/{name}/credentials": "admin",
    "DELETE /api/users/{name}/credentials": "admin",
    "DELETE /api/users/{name}/credentials/{id}": "admin",
    "POST /api/users/{name}/tokens": "admin",
    "DELETE /api/users/{name}/second-factor": "admin",
    "PUT /api/users/{name}/password": "admin",
    "DELETE /api/users/{name}": "admin",
    "GET /api/v1/query": "viewer",
    "POST /api/v1/query": "viewer",
    "GET /api/v1/query_range": "viewer",
    "POST /api/v1/query_range": "viewer",
    "GET /api/v1/series": "viewer",
    "POST /api/v1/series": "viewer",
    "GET /api/v1/labels": "viewer",
    "POST /api/v1/labels": "viewer",
    "GET /api/v1/label/{name}/values": "viewer",
    "GET /api/v1/metadata": "viewer",
    "GET /api/v1/targets": "viewer",
    "GET /api/v1/rules": "viewer",
    "GET /api/v1/alerts": "viewer",
    "GET /api/v1/status/buildinfo": "viewer",
    "GET /api/v1/status/walreplay": "viewer",
    "GET /api/v1/status/runtimeinfo": "viewer",
    "GET /api/v1/status/flags": "viewer",
    "GET /api/v1/status/config": "viewer",
    "GET /api/v1/targets/metadata": "viewer",
    "GET /api/v1/status/tsdb": "viewer",
    "GET /api/v1/scrape_pools": "viewer",
    "GET /api/v1/format_query": "viewer",
    "POST /api/v1/format_query": "viewer",
    "GET /api/v1/parse_query": "viewer",
    "POST /api/v1/parse_query": "viewer",
    "GET /api/v1/query_exemplars": "viewer",
    "POST /api/v1/query_exemplars": "viewer",
    "GET /federate": "viewer",
    "GET /version": "viewer",
    "POST /api/v1/read": "viewer",
    "POST /api/v1/admin/tsdb/delete_series": "admin",
    "PUT /api/v1/admin/tsdb/delete_series": "admin",
    "POST /api/v1/admin/tsdb/clean_tombstones": "admin",
    "PUT /api/v1/admin/tsdb/clean_tombstones": "admin",
    "POST /api/v1/admin/tsdb/snapshot": "admin",
    "PUT /api/v1/admin/tsdb/snapshot": "admin",
    "GET /api/v1/alertmanagers": "viewer",
    "GET /api/v1/notifications": "viewer",
    "GET /api/v1/notifications/live": "viewer",
}
ROWS: list[tuple[str, str, Access]] = [
    (route.split(" ")[0], route.split(" ")[1], Access[access.upper()])
    for route, access in ACCESS.items()
]
REFERENCE_PATHS = ("/docs", "/swagger", "/redoc")
MACHINE_PATHS = (
    "/ws/",
    "/federate",
    "/version",
    "/api/",
    "/auth/",
    "/static/",
    "/-/",
    "/metrics",
    "/health",
    "/heartbeat/",
    "/status/{slug}.json",
    "/status/{slug}/",
    "/v1/",
    "/e.js",
    "/e/",
    "/i/v0/e",
    "/capture",
    "/batch",
    "/decide",
    "/flags",
    "/array/",
    "/db/",
    "/report",
    "/install/",
    "/openapi.json",
    "/apispec.json",
)


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def concrete(path: str) -> str:
    for pattern, value in (
        ("{path}", "redshank.css"),
        ("{key}", "no-such-host"),
        ("{check}", "cpu"),
        ("{id}", "999"),
        ("{uuid}", "no-such-silence"),
        ("{uid}", "no-such-dashboard"),
        ("{version}", "1"),
        ("{name}", "nobody"),
        ("{project_key}", "no-such-project"),
        ("{token}", "no-such-link"),
        ("{session_id}", "no-such-session"),
        ("{slug}", "no-such-page"),
        ("{component}", "no-such-component"),
        ("{what}", "status"),
    ):
        path = path.replace(pattern, value)
    assert "{" not in path
    return path


def sent_to_login(location: str | None) -> bool:
    return location is not None and location.startswith("/login")


async def test_every_route_has_a_row(world: World) -> None:
    routes = world.client.app[ROUTES]
    stated = {f"{method} {path}": route.access.name for (method, path), route in routes.items()}
    assert {
        key: access.lower() for key, access in stated.items() if not key.startswith("HEAD ")
    } == ACCESS
    resolvable = {
        (method.method, method.resource.canonical)
        for method in world.client.app.router.routes()
        if method.resource is not None
    }
    assert resolvable == set(routes)


async def test_every_answer_has_the_security_headers(world: World) -> None:
    for method, path, _ in ROWS:
        for headers in ({}, await world.cookie()):
            answer = await world.client.request(
                method, concrete(path), headers=headers, allow_redirects=False
            )
            own = {"Content-Security-Policy"} if path in REFERENCE_PATHS else set()
            if world.client.app[ROUTES][method, path].for_any_page:
                own = {"Cross-Origin-Resource-Policy"}
            expected = {key: SECURITY_HEADERS[key] for key in SECURITY_HEADERS.keys() - own}
            assert expected.items() <= dict(answer.headers).items()
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert "script-src 'self'" in policy
            answer.close()


async def test_unknown_address_has_them_too(world: World) -> None:
    for accept in ("text/html", "application/json"):
        answer = await world.client.get("/no/such/page", headers={"Accept": accept})
        assert answer.status == 404
        assert answer.content_type == accept
        assert SECURITY_HEADERS.items() <= dict(answer.headers).items()


async def test_garbled_or_expired_credentials_are_refused(world: World) -> None:
    secret = await world.secret(CredentialKind.BEARER)
    for header in (
        f"Basic {secret}",
        "Bearer",
        "Bearer ",
        f"Bearer {secret}x",
        f"Bearer {secret} {secret}",
        secret,
    ):
        answer = await world.client.get("/api/fleet", headers={"Authorization": header})
        assert answer.status == 401, header
    world.now[0] = NOW_MS + 86_400_000
    answer = await world.client.get("/api/fleet", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status == 401


async def test_wrong_token_is_not_rescued_by_a_cookie(world: World) -> None:
    headers = await world.cookie() | {"Authorization": "Bearer wrong"}
    assert (await world.client.get("/api/fleet", headers=headers)).status == 401


async def test_metrics_can_be_closed(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    settings = WebSettings(metrics_public=False)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        assert (await world.client.get("/metrics")).status == 401
        headers = await world.bearer(Role.VIEWER)
        assert (await world.client.get("/metrics", headers=headers)).status == 200


async def test_anonymous_viewer_looks_and_changes_nothing(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(anonymous_viewer=True)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        assert (await world.client.get("/api/v1/query?query=up")).status == 200
        session = await (await world.client.get("/api/session")).json()
        assert (session["user"], session["role"]) == (None, "viewer")
        for method, path, access in ROWS:
            if access in (Access.USER, Access.EDITOR, Access.ADMIN):
                answer = await world.client.request(
                    method, concrete(path), json={}, allow_redirects=False
                )
                page = answer.headers.get("Location", "").startswith("/login")
                assert answer.status == 401 or page, path


async def test_head_is_answered_like_get(world: World) -> None:
    answer = await world.client.head("/health")
    assert answer.status == 200
    assert await answer.read() == b""


async def test_wrong_method_names_the_right_ones(world: World) -> None:
    answer = await world.client.post("/api/fleet", headers=await world.bearer())
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert "GET" in (await answer.json())["error"]


async def test_every_page_route_is_of_the_page_surface(world: World) -> None:
    for route in world.client.app[ROUTES].values():
        expected = (
            Surface.JSON
            if route.path.startswith(("/api/v1/auth/", "/api/v1/projects/", "/api/v1/track"))
            else Surface.ALERTMANAGER
            if route.path.startswith("/api/v2/")
            else Surface.PROMETHEUS
            if route.path.startswith(("/api/v1/", "/federate", "/version"))
            else Surface.JSON
            if route.path.startswith(MACHINE_PATHS)
            else Surface.PAGE
        )
        assert route.surface is expected, route.path


def test_every_route_for_programs_is_documented() -> None:
    page = (Path(__file__).parents[3] / "docs" / "api.md").read_text()
    for _, path, _ in ROWS:
        if path.startswith(MACHINE_PATHS) and not path.startswith("/static/"):
            documented = path.replace("/hosts/{key}", "/hosts/{host}").replace(
                "/host/{key}", "/host/{host}"
            )
            assert documented in page, path
