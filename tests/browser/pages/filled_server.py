"""The demonstration server with something on every page, and an address of each page.

Tests walk the addresses of all pages. `ADDRESSES` has a row for each page whose route has
parameters; `tests/browser/pages/test_rows.py` fails for one without.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import web

from alerting.notifications.acknowledge_links import AcknowledgeLink, AcknowledgeLinks
from alerting.settings import AlertingSettings
from model.clock import system_clock
from storage.api.accounts import Role, User
from tests.web.web_demo import Demonstration, demonstration
from web.http.routing import OPEN_TO_ALL, ROUTES, Principal, Surface

PASSWORD: Final = "demo-password"

HOST: Final = "10.0.1.16:9100"
_REPORT: Final = "step=app_open&step=signup&breakdown=plan"

ADDRESSES: Final[Mapping[str, tuple[str, ...]]] = {
    "/": ("/", "/?q=no-such-host"),
    "/host/{key}": (f"/host/{HOST}",),
    "/host/{key}/remove": ("/host/pushed/remove",),
    "/alerts": ("/alerts", "/alerts?view=history", "/alerts?view=notifications"),
    "/alerts/{id}": ("/alerts/1",),
    "/acknowledge/{token}": ("/acknowledge/{link}",),
    "/silences/{uuid}/edit": ("/silences/{silence}/edit",),
    "/maintenance/{uuid}/edit": ("/maintenance/{window}/edit",),
    "/explore": ("/explore", "/explore?query=node_load1"),
    "/dashboards/{uid}": ("/dashboards/node", "/dashboards/mine", "/dashboards/mine?edit"),
    "/users/{name}": ("/users/vera",),
    "/sessions/{session_id}": ("/sessions/one",),
    "/projects/{project_key}": ("/projects/{project}",),
    "/projects/{project_key}/events": (
        "/projects/{project}/events",
        "/projects/{project}/events?view=schema",
    ),
    "/projects/{project_key}/trends": ("/projects/{project}/trends?event=app_open&breakdown=plan",),
    "/projects/{project_key}/funnel": (f"/projects/{{project}}/funnel?{_REPORT}",),
    "/projects/{project_key}/retention": ("/projects/{project}/retention",),
    "/projects/{project_key}/paths": ("/projects/{project}/paths",),
    "/projects/{project_key}/sessions": ("/projects/{project}/sessions",),
    "/projects/{project_key}/persons": ("/projects/{project}/persons",),
    "/projects/{project_key}/person": ("/projects/{project}/person?id=person-1",),
    "/projects/{project_key}/segments": ("/projects/{project}/segments",),
    "/projects/{project_key}/traffic": ("/projects/{project}/traffic",),
    "/projects/{project_key}/settings": ("/projects/{project}/settings",),
    "/share/{token}": ("/share/{share}",),
    "/share/dashboards/{token}": ("/share/dashboards/{board}",),
    "/probes/{name}": ("/probes/shop",),
    "/status/{slug}": ("/status/acme",),
    "/status-pages/{slug}": ("/status-pages/acme",),
}
"""The addresses of pages, by their route. Words in braces are keys of `Filled.keys`.

A page without a row is opened by its route, which must have no braces then.
"""

FAILURES: Final[Mapping[str, int]] = {
    "/no/such/page": 404,
    "/host/no-such-host": 404,
    "/share/no-link": 404,
    "/acknowledge/no-link": 403,
}
"""Addresses of error pages, with their statuses."""

ELSEWHERE: Final = frozenset(
    {
        "/dashboard",
        "/graph",
        "/d/{uid}",
        "/d/{uid}/{name}",
        "/swagger",
        "/redoc",
        "/login/oidc",
        "/login/oidc/callback",
    }
)
"""Routes that lead to another page, or show the same one."""


@dataclass(frozen=True, slots=True)
class Filled:
    """The demonstration, filled.

    Attributes:
        served: the server.
        keys: what stands for the words in braces in `ADDRESSES`.
    """

    served: Demonstration
    keys: Mapping[str, str]

    @property
    def url(self) -> str:
        """The server's address."""
        return self.served.url

    def addresses(self, role: Role) -> Iterator[tuple[str, str]]:
        """Yield the route and the address of each page that a user of this role may see."""
        reader = Principal(User(0, "", role, "", 0), None)
        routes = self.served.app[ROUTES]
        for path in sorted(page_routes(self.served.app)):
            access = routes["GET", path].access
            if access in OPEN_TO_ALL or reader.may(access):
                for address in ADDRESSES.get(path, (path,)):
                    yield path, address.format(**self.keys)


def page_routes(app: web.Application) -> set[str]:
    """Return the routes of all pages of an application, without those of `ELSEWHERE`."""
    return {
        path
        for (method, path), route in app[ROUTES].items()
        if method == "GET" and route.surface is Surface.PAGE and path not in ELSEWHERE
    }


@asynccontextmanager
async def filled_server(folder: Path) -> AsyncIterator[Filled]:
    """Serve the demonstration, with users, a project, sessions, silences and shared reports."""
    async with demonstration(folder) as served:
        async with aiohttp.ClientSession(served.url) as client:
            found = await _Filling(client).fill()
        settings = AlertingSettings.model_validate(
            {"acknowledge_links": "1h", "external_url": served.url}
        )
        links = AcknowledgeLinks(
            settings, served.records.alerts, lambda text: text.encode().hex(), system_clock
        )
        served.alerting.router.links = links
        link = AcknowledgeLink("one", 1, "ops", system_clock() + 3_600_000)
        yield Filled(served, {**found, "link": links.token(link)})


class _Filling:
    """Sends what fills the pages, as an administrator's programs would."""

    def __init__(self, client: aiohttp.ClientSession) -> None:
        self._client, self._now = client, datetime.now(UTC)

    async def fill(self) -> dict[str, str]:
        """Send everything; return the keys of what was made."""
        credentials = {"username": "admin", "password": PASSWORD}
        token = (await self._post("/auth/token", credentials))["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"
        for name, role in (("vera", "viewer"), ("ed", "editor")):
            user = {"name": name, "role": role, "password": PASSWORD}
            await self._post("/api/users", user)
        await self._post("/api/hosts", {"name": "pushed", "push": True})
        await self._status_page()
        await self._device()
        return {**await self._silences(), **await self._project(), **await self._session()}

    async def _post(self, path: str, body: Any, **headers: str) -> Any:
        async with self._client.post(path, json=body, headers=headers) as answer:
            assert answer.status in (200, 201, 202), (path, answer.status, await answer.text())
            return await answer.json()

    def _time(self, **ago: float) -> str:
        return (self._now - timedelta(**ago)).isoformat()

    async def _silences(self) -> dict[str, str]:
        matcher = {"name": "instance", "value": HOST, "isRegex": False, "isEqual": True}
        silence = {
            "matchers": [matcher],
            "startsAt": self._time(),
            "endsAt": self._time(hours=-2),
            "createdBy": "admin",
            "comment": "a new disk",
        }
        window = {
            "title": "Backup",
            "matchers": f'instance="{HOST}"',
            "from": "22:00",
            "to": "02:00",
            "weekdays": ["sat"],
        }
        made = await self._post("/api/v2/silences", silence)
        opened = await self._post("/api/maintenance", window)
        return {"silence": made["silenceID"], "window": opened["id"]}

    async def _status_page(self) -> None:
        probe = {"name": "shop", "kind": "tcp", "target": "127.0.0.1:9"}
        await self._post("/api/probes", probe)
        component = {"id": "shop", "name": "Shop", "kind": "probe", "probe": "shop"}
        groups = [{"name": "Services", "components": [component | {"show_response": True}]}]
        page = {"slug": "acme", "title": "Acme status", "groups": groups}
        await self._post("/api/status-pages", page)

    async def _device(self) -> None:
        """Let a device push, which has no page of a host."""
        credential = self._client.headers["Authorization"].removeprefix("Bearer ")
        message = {
            "message_id": "first",
            "timestamp": self._now.timestamp(),
            "device_id": "greenhouse",
            "source": "lora",
            "metrics": [
                {"metric_name": "room_celsius", "metric_value": 21.5},
                {"metric_name": "room_humidity_ratio", "metric_value": 0.61},
            ],
        }
        await self._post("/api/metrics", message, **{"X-API-Key": credential})

    async def _project(self) -> dict[str, str]:
        project = await self._post("/api/v1/projects/", {"name": "Shop"})
        key = project["project_key"]
        events = [
            {
                "eventName": name,
                "userId": f"person-{person}",
                "timestamp": self._time(hours=person * 7 + 1 - step / 60),
                "properties": {"plan": ("free", "team")[person % 2], "$pathname": f"/{name}"},
            }
            for person in range(12)
            for step, name in enumerate(("app_open", "signup", "checkout")[: 1 + person % 3])
        ]
        await self._post("/v1/events/batch", {"projectKey": key, "events": events})
        for name, role in (("vera", "viewer"), ("ed", "editor")):
            await self._post(f"/v1/projects/{key}/members", {"user": name, "role": role})
        secret = await self._post(f"/api/v1/projects/{key}/api-keys/", {"name": "web server"})
        requests = [
            {
                "method": "GET",
                "path": f"/items/{number % 3}",
                "status_code": 500 if number % 9 == 0 else 200,
                "response_time_ms": 12.0 + number,
                "timestamp": self._time(minutes=number),
            }
            for number in range(40)
        ]
        await self._post(
            "/api/v1/track/batch", {"requests": requests}, **{"X-API-Key": secret["api_key"]}
        )
        steps = [{"event": "app_open"}, {"event": "signup"}]
        shared = {"kind": "funnel", "title": "Sign-up", "days": 7, "definition": {"steps": steps}}
        share = await self._post(f"/v1/projects/{key}/shares", shared)
        variables = {"job": {"values": ["node"]}, "instance": {"values": [HOST]}}
        board = await self._post("/api/dashboards/node/shares", {"days": 7, "variables": variables})
        await self._dashboard()
        return {
            "project": key,
            "share": share["url"].rsplit("/", 1)[1],
            "board": board["url"].rsplit("/", 1)[1],
        }

    async def _dashboard(self) -> None:
        """Make a dashboard with a variable, a link, two versions and a share."""
        panel = {"id": 1, "title": "Load", "queries": [{"expr": "node_load1"}]}
        dashboard: dict[str, Any] = {
            "title": "Mine",
            "panels": [panel | {"place": {"x": 0, "y": 0, "w": 12, "h": 8}}],
            "variables": [{"name": "job", "query": "label_values(up, job)"}],
            "links": [{"title": "Runbook", "url": "https://example.com/runbook"}],
        }
        made = await self._post("/api/dashboards", {"uid": "mine", "dashboard": dashboard})
        changed = {"version": made["version"], "dashboard": dashboard | {"title": "My load"}}
        async with self._client.put("/api/dashboards/mine", json=changed) as answer:
            assert answer.status == 200, await answer.text()
        await self._post("/api/dashboards/mine/shares", {"days": 7})

    async def _session(self) -> dict[str, str]:
        traces = [
            {
                "session_id": "one" if number < 20 else f"session-{number % 4}",
                "developer_id": ("ann", "bob")[number % 2],
                "timestamp": self._time(minutes=number),
                "model": "claude-sonnet-4-5",
                "tokens_in": 25_000 * number,
                "tokens_out": 150 * number,
                "latency_ms": 1234.5,
                "status_code": 200,
                "accepted_flag": 1,
                "repo_slug": "shop",
                "accepted_lines": 4,
            }
            for number in range(40)
        ]
        body = b"".join(orjson.dumps(trace) + b"\n" for trace in traces)
        async with self._client.post(
            "/api/sessions/ingest", data=body, params={"team": "web"}
        ) as answer:
            assert answer.status == 200, await answer.text()
        return {}
