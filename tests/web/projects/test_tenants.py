"""No tenant sees or changes another tenant's project, on any route and with any credential.

Every route has a row here, or is outside of projects. A row holds a request that succeeds
for the project's owner, so that its refusal to others means something.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from pytest_aiohttp import AiohttpClient
from yarl import URL

from analytics.product.definitions import ReportKind
from storage.api.accounts import Role
from storage.api.marks.annotations import NewAnnotation
from storage.api.projects import ProjectRole
from tests.web.middleware.test_guard import ACCESS, concrete, sent_to_login
from tests.web.projects.tenants import Tenant, add_tenant, send
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.pages import REPORTS_WITH_PAGES

MARK = "secret-of-ann"
"""Part of every text of ann's project; no answer to eve holds it."""

EVENT = f"{MARK}-event"
PERSON = f"{MARK}-person"
TRENDS = {"events": [EVENT]}
FUNNEL = {"steps": [EVENT, EVENT]}
RETENTION = {"startEvent": EVENT}
TRACKED = {"method": "GET", "path": f"/{MARK}", "status_code": 200, "response_time_ms": 1}


REPORTS: dict[str, dict[str, Any]] = {
    "overview": {},
    "top-events": {},
    "events-timeseries": {},
    "conversion": {"eventName": EVENT},
    "trends": TRENDS,
    "funnel": FUNNEL,
    "funnel/persons": {**FUNNEL, "step": 1},
    "retention": RETENTION,
    "retention/persons": {**RETENTION, "cohortIndex": 4},
    "paths": {},
    "sessions": {},
}
"""Reports over events, and the bodies that ask them."""


@dataclass(frozen=True)
class Row:
    """A request of ann's project.

    Attributes:
        body: sent as JSON, with the project's key where the path has none.
        form: sent as a form.
        query: parameters.
        ends: whether it destroys what other rows need: the owner sends it last.
    """

    body: Any = None
    form: Mapping[str, str] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    ends: bool = False


def in_json(definition: Mapping[str, Any]) -> str:
    return json.dumps(definition)


PAGES = "/projects/{project_key}"
API = "/v1/projects/{project_key}"
TENANT = "/api/v1/projects/{project_key}"
ROWS: dict[str, Row] = {
    f"GET {PAGES}": Row(),
    f"GET {PAGES}/events": Row(),
    f"POST {PAGES}/schema": Row(form={"kind": "event", "name": EVENT}),
    f"GET {PAGES}/trends": Row(query={"event": EVENT}),
    f"GET {PAGES}/funnel": Row(query={"step": EVENT, "at": "1"}),
    f"GET {PAGES}/retention": Row(query={"start": EVENT}),
    f"GET {PAGES}/paths": Row(),
    f"GET {PAGES}/sessions": Row(),
    f"GET {PAGES}/persons": Row(),
    f"GET {PAGES}/person": Row(query={"id": PERSON}),
    f"POST {PAGES}/person/erase": Row(form={"id": PERSON, "confirmed": "yes"}, ends=True),
    f"POST {PAGES}/reports": Row(
        form={"kind": "trends", "definition": in_json(TRENDS), "name": "x"}
    ),
    f"POST {PAGES}/reports/{{id}}/remove": Row(form={}, ends=True),
    f"POST {PAGES}/shares": Row(
        form={"kind": "trends", "definition": in_json(TRENDS), "title": "x", "days": "1"}
    ),
    f"POST {PAGES}/shares/{{id}}/revoke": Row(form={}, ends=True),
    f"GET {PAGES}/segments": Row(),
    f"POST {PAGES}/segments": Row(form={"name": "page", "where": EVENT, "op": "event_at_least"}),
    f"POST {PAGES}/segments/{{id}}": Row(
        form={"name": MARK, "where": EVENT, "op": "event_at_least"}
    ),
    f"POST {PAGES}/segments/{{id}}/remove": Row(form={}, ends=True),
    f"GET {PAGES}/traffic": Row(),
    f"GET {PAGES}/settings": Row(),
    f"POST {PAGES}/settings": Row(form={"week_start": "2"}),
    f"POST {PAGES}/settings/remove": Row(form={"confirmation": MARK}, ends=True),
    f"POST {PAGES}/settings/members": Row(form={"user": "cat", "role": "viewer"}),
    f"POST {PAGES}/settings/members/{{name}}/role": Row(form={"role": "editor"}),
    f"POST {PAGES}/settings/members/{{name}}/remove": Row(form={}, ends=True),
    f"POST {PAGES}/settings/keys": Row(form={"label": "x"}),
    f"POST {PAGES}/settings/keys/{{id}}/revoke": Row(form={}, ends=True),
    f"GET {API}": Row(),
    f"PATCH {API}": Row({"weekStart": 3}),
    f"DELETE {API}": Row(ends=True),
    f"GET {API}/members": Row(),
    f"POST {API}/members": Row({"user": "cat", "role": "viewer"}),
    f"PUT {API}/members/{{name}}": Row({"role": "editor"}),
    f"DELETE {API}/members/{{name}}": Row(ends=True),
    f"GET {API}/segments": Row(),
    f"POST {API}/segments": Row({"name": "x", "definition": [{"event": EVENT}]}),
    f"PUT {API}/segments/{{id}}": Row({"name": MARK, "definition": [{"event": EVENT}]}),
    f"DELETE {API}/segments/{{id}}": Row(ends=True),
    f"GET {API}/reports": Row(),
    f"POST {API}/reports": Row({"name": "x", "kind": "trends", "definition": TRENDS}),
    f"GET {API}/reports/{{id}}": Row(),
    f"PUT {API}/reports/{{id}}": Row({"name": MARK, "definition": TRENDS}),
    f"DELETE {API}/reports/{{id}}": Row(ends=True),
    f"GET {API}/shares": Row(),
    f"POST {API}/shares": Row({"kind": "trends", "definition": TRENDS, "title": "x"}),
    f"DELETE {API}/shares/{{id}}": Row(ends=True),
    f"GET {API}/persons": Row(),
    f"GET {API}/persons/{{name}}": Row(),
    f"GET {API}/persons/{{name}}/events": Row(),
    f"DELETE {API}/persons/{{name}}": Row(ends=True),
    f"GET {API}/schema": Row(),
    f"PATCH {API}/schema": Row({"events": [{"name": EVENT, "description": "x"}]}),
    f"GET {API}/live": Row(),
    f"GET {API}/export": Row(),
    f"POST {API}/import": Row({"eventId": "imported", "name": EVENT, "timeMs": 0}),
    "POST /api/annotations": Row({"text": MARK, "project": "{project_key}"}),
    "GET /api/annotations": Row(query={"project": "{project_key}"}),
    "DELETE /api/annotations/{id}": Row(ends=True),
    f"GET {TENANT}": Row(),
    f"POST {TENANT}/api-keys/": Row({"name": "x"}),
    f"GET {TENANT}/api-keys/": Row(),
    f"DELETE {TENANT}/api-keys/": Row(query={"id": "{id}"}, ends=True),
    f"DELETE {TENANT}/api-keys/{{id}}": Row(ends=True),
    f"GET {TENANT}/metrics/breakdown": Row(),
    f"POST {TENANT}/metrics/cleanup": Row({"retention_days": 1}, ends=True),
    **{
        f"GET {TENANT}/metrics/{name}": Row()
        for name in ("summary", "time-series", "latency", "routes", "consumers", "requests")
    },
    **{
        f"GET /v1/reports/{name}": Row(query={"projectKey": "{project_key}"})
        for name in ("overview", "top-events", "events-timeseries", "sessions")
    },
    "GET /v1/reports/conversion": Row(query={"projectKey": "{project_key}", "eventName": EVENT}),
    **{
        f"POST /v1/reports/{name}": Row({"projectKey": "{project_key}", **body})
        for name, body in REPORTS.items()
    },
}
"""Requests of one project."""

ACROSS = {
    "GET /projects",
    "POST /projects",
    "GET /v1/projects",
    "POST /v1/projects",
    "GET /api/v1/projects/",
    "POST /api/v1/projects/",
    "GET /share/{token}",
    "POST /api/v1/track",
    "POST /api/v1/track/batch",
    "GET /db/health",
    "POST /db/test-insert",
}
"""Routes that list projects, or whose credential says which project is meant."""

SENDING = {
    "POST /v1/events/batch",
    "GET /e.js",
    *(
        f"POST /{name}{end}"
        for name in ("capture", "batch", "i/v0/e", "decide", "flags")
        for end in ("", "/")
    ),
    "POST /e/",
    *(
        f"POST /v1/{name}"
        for name in ("track", "identify", "page", "screen", "alias", "group", "batch")
    ),
    *(f"POST /v1/{letter}" for letter in "tipsagb"),
    "GET /array/{project_key}/config",
    "GET /array/{project_key}/config.js",
}
"""Routes to which anybody sends with a project's public key; they answer nothing of it."""

OUTSIDE = (
    "/static/",
    "/dashboard",
    "/d/",
    "/alert-report",
    "/alert-rules",
    "/acknowledge/",
    "/api/rules/",
    "/silences",
    "/routes",
    "/maintenance",
    "/api/dashboards",
    "/api/probes",
    "/probes",
    "/heartbeat/",
    "/status/",
    "/status-pages",
    "/api/status-pages",
    "/api/palette",
    "/api/silences",
    "/api/maintenance",
    "/host/",
    "/hosts/",
    "/add-host",
    "/install/",
    "/alerts",
    "/explore",
    "/api/explore",
    "/api/shared/dashboards",
    "/share/dashboards",
    "/graph",
    "/targets",
    "/discovery",
    "/store",
    "/account",
    "/audit",
    "/design",
    "/first-steps/",
    "/settings",
    "/users",
    "/login",
    "/logout",
    "/auth/",
    "/health",
    "/metrics",
    "/report",
    "/federate",
    "/version",
    "/-/",
    "/docs",
    "/swagger",
    "/redoc",
    "/openapi.json",
    "/apispec.json",
    "/ws/metrics",
    "/ws/sessions",
    "/sessions",
    "/api/sessions",
    "/api/session-",
    "/api/profile",
    "/api/insights",
    "/api/health",
    "/api/metrics",
    "/api/recent",
    "/api/receivers",
    "/api/notifications",
    "/api/hosts",
    "/api/fleet",
    "/api/alerts",
    "/api/account",
    "/api/users",
    "/api/audit",
    "/api/keys",
    "/api/session",
    "/api/checks",
    "/api/config",
    "/api/v1/auth/",
    "/api/v2/",
)
"""Beginnings of the paths of routes that know no project."""


def is_prometheus(path: str) -> bool:
    """Report whether a path is of the Prometheus API, which knows samples only."""
    return path.startswith("/api/v1/") and not path.startswith(
        ("/api/v1/projects", "/api/v1/track", "/api/v1/auth")
    )


@dataclass(frozen=True)
class Numbers:
    """The numbers of what ann's project has."""

    segment: int
    report: int
    share: int
    key: int
    annotation: int
    token: str


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def fill(world: World, tenant: Tenant, mark: str) -> Numbers:
    """Give a project one of everything."""
    analytics, project = world.services.analytics, tenant.project
    # As every request does: it reads the file of the time zone, away from the loop.
    await analytics.projects.find(project.key)
    await send(
        world,
        tenant,
        *(
            {
                "eventName": f"{mark}-event",
                "anonymousId": f"{mark}-person",
                "timestamp": NOW_MS - age * 3_600_000,
                "properties": {f"{mark}-property": mark},
            }
            for age in (1, 2)
        ),
    )
    requests = analytics.parser.request({**TRACKED, "path": f"/{mark}"}, NOW_MS)
    await analytics.requests.append_requests(project.id, [requests])
    segment = await analytics.segments.create(project, mark, [{"event": f"{mark}-event"}])
    definition = {"events": [f"{mark}-event"]}
    report = await analytics.saved_reports.save(project, mark, ReportKind.TRENDS, definition, "ann")
    share = await analytics.shares.create(
        project, "trends", mark, in_json(definition), tenant.name, 1
    )
    key = await analytics.keyring.issue(project, mark)
    mark_at = NewAnnotation(NOW_MS, NOW_MS, mark, (), "", project.key, tenant.name)
    annotation = await world.services.annotations.add(mark_at, NOW_MS)
    return Numbers(segment.id, report.id, share.id, key.key.id, annotation.id, share.token)


def address(route: str, row: Row, tenant: Tenant, numbers: Numbers) -> tuple[str, str]:
    """Return method and path of a row's request."""
    method, path = route.split(" ")
    number = numbers.segment if "/segments/" in path else numbers.report
    number = numbers.share if "/shares/" in path else number
    number = numbers.key if "keys/" in path else number
    number = numbers.annotation if "/annotations/" in path else number
    name = PERSON if "/persons/" in path else "cat"
    for pattern, value in (
        ("{project_key}", tenant.project.key),
        ("{id}", str(number)),
        ("{name}", name),
    ):
        path = path.replace(pattern, value)
    return method, path


def filled_in(value: Any, tenant: Tenant, numbers: Numbers) -> Any:
    """Return a body or query with the project's key in its place."""
    text = json.dumps(value).replace("{project_key}", tenant.project.key)
    return json.loads(text.replace("{id}", str(numbers.key)))


async def request(
    world: World, route: str, tenant: Tenant, numbers: Numbers, headers: Mapping[str, str]
) -> ClientResponse:
    row = ROWS[route]
    method, path = address(route, row, tenant, numbers)
    return await world.client.request(
        method,
        path,
        params=filled_in(dict(row.query), tenant, numbers),
        json=None if row.body is None else filled_in(row.body, tenant, numbers),
        data=None if row.form is None else dict(row.form),
        headers=headers,
        allow_redirects=False,
    )


def test_every_route_has_a_row_or_knows_no_project() -> None:
    rows = ROWS.keys() | ACROSS | SENDING
    without = [
        route
        for route in ACCESS.keys() - rows
        for path in (route.split(" ")[1],)
        if "{project_key}" in path
        or not (path == "/" or path.startswith(OUTSIDE) or is_prometheus(path))
    ]
    assert without == []
    assert rows - ACCESS.keys() == set()


PAGE_REPORTS: dict[ReportKind, dict[str, Any]] = {
    ReportKind.OVERVIEW: {"days": 7},
    ReportKind.TRENDS: {"events": [{"event": None}], "days": 7},
    ReportKind.FUNNEL: {"steps": [{"event": None}, {"event": None}], "days": 7},
    ReportKind.RETENTION: {"startEvent": {"event": None}, "days": 7},
    ReportKind.PATHS: {"days": 7},
    ReportKind.SESSIONS: {"days": 7},
}
"""The reports that can be saved and shared, over all events of a project."""


def test_every_report_with_a_page_has_a_row() -> None:
    assert PAGE_REPORTS.keys() == {report.kind for report in REPORTS_WITH_PAGES}


@pytest.mark.parametrize("kind", PAGE_REPORTS)
async def test_a_saved_or_shared_report_stays_in_its_project(
    world: World, kind: ReportKind
) -> None:
    ann = await add_tenant(world, "ann", MARK)
    eve = await add_tenant(world, "eve", "Eve's")
    await fill(world, ann, MARK)
    await fill(world, eve, "eve")
    definition = PAGE_REPORTS[kind]
    saved = await world.services.analytics.saved_reports.save(
        ann.project, MARK, kind, definition, "ann"
    )
    query = f"{'' if kind is ReportKind.OVERVIEW else f'/{kind}'}?saved={saved.id}"
    own = await world.client.get(ann.pages + query, headers=ann.session)
    assert own.status == 200
    for pages in (ann.pages, eve.pages):
        answer = await world.client.get(pages + query, headers=eve.session)
        assert answer.status == 404
        assert MARK not in await answer.text()
    body = {"kind": kind, "definition": definition, "title": "x"}
    denied = await world.client.post(f"{ann.api}/shares", json=body, headers=eve.token)
    assert denied.status == 404
    # Links with the same question: each answers about its own project.
    for tenant, other in ((ann, "eve-"), (eve, MARK)):
        made = await world.client.post(f"{tenant.api}/shares", json=body, headers=tenant.token)
        assert made.status == 201
        answer = await world.client.get(URL((await made.json())["url"]).path)
        assert answer.status == 200
        assert other not in await answer.text()


async def test_no_row_answers_another_tenant_and_each_answers_its_owner(world: World) -> None:
    ann = await add_tenant(world, "ann", MARK)
    eve = await add_tenant(world, "eve", "Eve's")
    await world.user("cat", Role.VIEWER)
    numbers, own = await fill(world, ann, MARK), await fill(world, eve, "eve")
    credentials = {
        "nobody": {},
        "session": eve.session,
        "token": eve.token,
        "key": {"X-API-Key": eve.key.secret},
        "read key": {"X-API-Key": eve.read_key.secret},
        "own key": {"X-API-Key": ann.key.secret},
        "share link": {"X-API-Key": own.token},
        "share link as token": {"Authorization": f"Bearer {own.token}"},
    }
    for route in ROWS:
        for name, headers in credentials.items():
            answer = await request(world, route, ann, numbers, headers)
            text = await answer.text()
            away = sent_to_login(answer.headers.get("Location"))
            assert answer.status in (401, 403, 404) or away, (route, name, answer.status)
            # An error may repeat the project's key, which eve has sent.
            assert MARK not in text, (route, name)
    for route in sorted(ROWS, key=lambda one: ROWS[one].ends):
        if ROWS[route].ends:
            # Each of them needs what another one has destroyed.
            ann = await add_tenant(world, f"ann-{list(ROWS).index(route)}", MARK)
            numbers = await fill(world, ann, MARK)
        if "{name}" in route and "/persons/" not in route and "POST" not in route.split("/")[-1]:
            records = world.services.analytics.projects.records
            await records.set_member(ann.project.id, "cat", ProjectRole.VIEWER)
        answer = await request(world, route, ann, numbers, ann.session)
        assert answer.status < 400, (route, answer.status, await answer.text())
        answer.close()


async def test_no_other_route_shows_another_tenants_texts(world: World) -> None:
    ann, eve = await add_tenant(world, "ann", MARK), await add_tenant(world, "eve", "Eve's")
    await fill(world, ann, MARK)
    own = await fill(world, eve, "eve")
    for route in ACCESS:
        method, path = route.split(" ")
        # A stream has no end, and a walk that logs eve out would see nothing afterwards.
        if path.startswith(("/static/", "/account", "/api/account", "/auth", "/logout")):
            continue
        if path == "/api/v1/notifications/live":
            continue
        keys = ({"X-API-Key": key.secret} for key in (eve.key, eve.read_key))
        for headers in (eve.session, eve.token, *keys):
            url = concrete(path).replace("no-such-link", own.token)
            answer = await world.client.request(
                method, url, headers=headers, json={}, allow_redirects=False
            )
            assert MARK.encode() not in await answer.read(), route
            answer.close()


async def test_a_project_key_tracks_requests_of_its_own_project_only(world: World) -> None:
    ann, eve = await add_tenant(world, "ann"), await add_tenant(world, "eve")
    body = {**TRACKED, "projectKey": ann.project.key, "project": ann.project.key}
    answer = await world.client.post(
        "/api/v1/track", json=body, headers={"X-API-Key": eve.key.secret}
    )
    assert answer.status == 202
    assert set(await world.services.analytics.events.volumes(0)) == {eve.project.id}


async def test_a_read_key_reads_reports_and_logs_of_its_project_and_changes_nothing(
    world: World,
) -> None:
    ann = await add_tenant(world, "ann", MARK)
    numbers = await fill(world, ann, MARK)
    expected = {route for route in ROWS if "/metrics/" in route or "/v1/reports/" in route}
    expected = {route for route in expected if "POST" not in route or "/v1/reports/" in route}
    expected |= {f"GET {API}/schema", f"GET {API}/live"}
    answered = set()
    for route in ROWS:
        for headers in (
            {"X-API-Key": ann.read_key.secret},
            {"Authorization": f"Bearer {ann.read_key.secret}"},
        ):
            answer = await request(world, route, ann, numbers, headers)
            assert answer.status in (200, 403), (route, answer.status, await answer.text())
            if answer.status == 200:
                answered.add(route)
            answer.close()
    assert answered == expected


async def test_a_read_key_does_not_track(world: World) -> None:
    ann = await add_tenant(world, "ann")
    for path, body in (("", TRACKED), ("/batch", {"requests": [TRACKED]})):
        answer = await world.client.post(
            f"/api/v1/track{path}", json=body, headers={"X-API-Key": ann.read_key.secret}
        )
        assert answer.status == 403
        assert "scope track" in await answer.text()
    assert await world.services.analytics.events.volumes(0) == {}


@pytest.mark.parametrize("region", ["project", "project-events"])
async def test_no_live_region_shows_another_tenants_project(world: World, region: str) -> None:
    ann, eve = await add_tenant(world, "ann", MARK), await add_tenant(world, "eve")
    await fill(world, ann, MARK)
    for tenant, kind in ((ann, "region"), (eve, "error")):
        async with world.client.ws_connect("/ws/metrics", headers=tenant.session) as socket:
            page = f"/live/{region}/{ann.project.key}"
            await socket.send_json({"type": "subscribe", "id": "page", "page": page})
            while (message := await socket.receive_json()).get("id") != "page":
                pass
            assert message["type"] == kind
            assert MARK not in json.dumps(message) or tenant is ann


async def test_an_unknown_project_and_another_tenants_get_the_same_answer(world: World) -> None:
    ann, eve = await add_tenant(world, "ann", MARK), await add_tenant(world, "eve")
    for path in ("/projects/{}", "/v1/projects/{}", "/api/v1/projects/{}"):
        answers = []
        for key in (ann.project.key, "0123456789ab"):
            answer = await world.client.get(path.format(key), headers=eve.token)
            answers.append((answer.status, (await answer.text()).replace(key, "")))
        assert answers[0] == answers[1], path
