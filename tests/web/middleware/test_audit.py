import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role, Scope
from storage.api.audit import AuditEntry
from tests.patience import PATIENCE_S
from tests.web.alerting_double import an_alert
from tests.web.world import PASSWORD, World, world_at
from web.http.audit_trail import AUDITED, AuditLog, is_change, note
from web.http.routing import ROUTES, SAFE_METHODS, Access, Handler, Route, Surface, add_routes
from web.middleware.audit import audit, run_to_completion
from web.settings import WebSettings

NOT_RECORDED_BY_ITSELF = {
    "POST /api/v1/read",
    # They evaluate and change nothing.
    "POST /api/v1/query",
    "POST /api/v1/query_range",
    "POST /api/v1/series",
    "POST /api/v1/labels",
    "POST /api/v1/format_query",
    "POST /api/v1/parse_query",
    "POST /api/dashboards/text",
    "POST /api/shared/dashboards/{token}/query",
    # What a user ran is the user's own.
    "POST /api/explore/history",
    "DELETE /api/explore/history",
    "POST /api/v1/query_exemplars",
    # How pages look, for this user only.
    "POST /settings/theme",
    # It asks for confirmation.
    "POST /hosts/selection",
    "POST /v1/reports/overview",
    "POST /v1/reports/top-events",
    "POST /v1/reports/events-timeseries",
    "POST /v1/reports/conversion",
    "POST /v1/reports/sessions",
    "POST /v1/reports/trends",
    "POST /v1/reports/funnel",
    "POST /v1/reports/funnel/persons",
    "POST /v1/reports/retention",
    "POST /v1/reports/retention/persons",
    "POST /v1/reports/paths",
    # Events and tracked requests are data, as samples are.
    "POST /api/v1/track",
    "POST /api/v1/track/batch",
    "POST /v1/events/batch",
    "POST /capture",
    "POST /capture/",
    "POST /batch",
    "POST /batch/",
    "POST /i/v0/e",
    "POST /i/v0/e/",
    "POST /e/",
    "POST /decide",
    "POST /decide/",
    "POST /flags",
    "POST /flags/",
    "POST /v1/track",
    "POST /v1/t",
    "POST /v1/identify",
    "POST /v1/i",
    "POST /v1/page",
    "POST /v1/p",
    "POST /v1/screen",
    "POST /v1/s",
    "POST /v1/alias",
    "POST /v1/a",
    "POST /v1/group",
    "POST /v1/g",
    "POST /v1/batch",
    "POST /v1/b",
    # Without a login; their handlers add notes.
    "POST /login",
    "POST /login/code",
    "POST /logout",
    "POST /acknowledge/{token}",
    "POST /heartbeat/{token}",
    "POST /auth/token",
    "POST /auth/refresh",
    "POST /api/v1/auth/register",
    "POST /api/v1/auth/login",
    "POST /report",
    # Signed by GitHub.
    "POST /api/session-outcomes/github",
}


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


async def entries(world: World) -> list[AuditEntry]:
    return list(reversed(await world.services.audit.entries(1000)))


async def told(world: World) -> list[tuple[str, str, str]]:
    return [(each.actor, each.action, each.subject) for each in await entries(world)]


def run_sql(path: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(statement).fetchall()


async def test_every_unsafe_route_is_recorded_or_known_not_to_be(world: World) -> None:
    unrecorded = {
        f"{method} {path}"
        for (method, path), route in world.client.app[ROUTES].items()
        # Pushing samples is no change.
        if method not in SAFE_METHODS
        and route.access is not Access.PUSH
        and not is_change(route, method)
    }
    assert unrecorded == NOT_RECORDED_BY_ITSELF
    assert all(access.name != "PUBLIC" for access in AUDITED)


async def test_change_whose_handler_says_nothing_is_recorded_by_its_route(
    world: World, aiohttp_client: AiohttpClient
) -> None:
    async def silent(request: web.Request) -> web.Response:
        return web.Response(status=int(request.query["status"]))

    log = AuditLog(world.services.audit, world.services.clock, world.settings)
    app = web.Application(middlewares=[audit(log)])
    path = "/api/things/{id}/parts/{part}"
    add_routes(app, [Route("PATCH", path, silent, Access.EDITOR, Surface.JSON)])
    client = await aiohttp_client(app)
    for status in (200, 303, 400, 500):
        await client.patch(f"/api/things/7/parts/a%2Fb?status={status}", allow_redirects=False)
    assert await told(world) == [("", f"PATCH {path}", "7, a/b")] * 2


async def test_changes_are_recorded_with_actor_action_and_address(world: World) -> None:
    headers = await world.bearer()
    body = {"name": "bob", "role": "editor", "password": "long enough for us"}
    await world.client.post("/api/users", json=body, headers=headers)
    await world.client.put("/api/users/bob/role", json={"role": "viewer"}, headers=headers)
    await world.client.put(
        "/api/users/bob/password", json={"password": "another long one"}, headers=headers
    )
    await world.client.post("/api/users/bob/tokens", json={"label": "x"}, headers=headers)
    await world.client.delete("/api/users/bob/credentials", headers=headers)
    await world.client.delete("/api/users/bob", headers=headers)
    assert await told(world) == [
        ("the-admin", "user.add", "bob"),
        ("the-admin", "user.role", "bob"),
        ("the-admin", "user.password", "bob"),
        ("the-admin", "token.add", "bob"),
        ("the-admin", "credential.revoke-all", "bob"),
        ("the-admin", "user.remove", "bob"),
    ]
    added = (await entries(world))[0]
    assert (added.address, added.details) == ("127.0.0.1", {"role": "editor"})


async def test_hosts_checks_alerts_and_reloads_are_recorded(world: World) -> None:
    headers = await world.bearer(Role.ADMIN)
    await world.client.post("/api/hosts", json={"name": "db-1", "url": "db-1"}, headers=headers)
    await world.client.put("/api/hosts/1/checks/cpu", json={"warning": 91}, headers=headers)
    await world.client.delete("/api/hosts/1/checks/cpu", headers=headers)
    alert = await world.alerting.put(an_alert())
    await world.client.post(f"/api/alerts/{alert.id}/acknowledge", headers=headers)
    await world.client.post("/api/receivers/phone/test", headers=headers)
    await world.client.post("/-/reload", headers=headers)
    await world.client.delete("/api/hosts/1", headers=headers)
    assert await told(world) == [
        ("the-admin", "host.add", "db-1"),
        ("the-admin", "check.set", "db-1"),
        ("the-admin", "check.reset", "db-1"),
        ("the-admin", "alert.acknowledge", "HighCpu a:9100"),
        ("the-admin", "receiver.test", "phone"),
        ("the-admin", "configuration.reload", ""),
        ("the-admin", "host.remove", "db-1"),
    ]


async def test_forms_are_recorded_as_the_api_is(world: World) -> None:
    headers = await world.cookie()
    await world.client.post("/add-host", data={"name": "db-1", "url": "db-1"}, headers=headers)
    await world.client.post("/host/1/checks/cpu", data={"warning": "91"}, headers=headers)
    await world.client.post("/host/1/remove", headers=headers)
    actions = [action for _, action, _ in await told(world)]
    assert actions == ["host.add", "check.set", "host.remove"]


async def test_what_was_refused_is_not_recorded_as_a_change(world: World) -> None:
    viewer, admin = await world.bearer(Role.VIEWER), await world.bearer()
    await world.client.post("/api/hosts", json={"name": "a", "url": "a"}, headers=viewer)
    await world.client.post("/api/hosts", json={}, headers=admin)
    await world.client.delete("/api/users/nobody", headers=admin)
    await world.client.post("/users", data={"name": "x"}, headers=await world.cookie())
    await world.client.get("/api/fleet", headers=admin)
    await world.client.post("/api/v1/query", data={"query": "up"}, headers=admin)
    assert await entries(world) == []


async def test_logins_are_recorded_whether_they_succeed_or_fail(world: World) -> None:
    await world.user("ann")
    wrong = {"username": "ann", "password": "wrong"}
    stranger = {"username": "my password!", "password": PASSWORD}
    right = {"username": "ann", "password": PASSWORD}
    await world.client.post("/login", data=wrong)
    await world.client.post("/auth/token", json=stranger)
    await world.client.post("/login", data=right, allow_redirects=False)
    await world.client.post("/auth/token", json=right)
    await world.client.post("/logout", allow_redirects=False)
    found = await entries(world)
    assert [(each.actor, each.action, each.subject) for each in found] == [
        ("", "login.failed", "ann"),
        ("", "login.failed", "unknown user"),
        ("ann", "login", "ann"),
        ("ann", "token.login", "ann"),
        ("ann", "logout", "ann"),
    ]
    assert found[0].details == {"route": "/login", "wrong": "password"}


async def test_secrets_are_never_recorded(world: World, tmp_path: Path) -> None:
    await world.user("ann")
    form = {"username": "ann", "password": PASSWORD}
    cookie = await world.client.post("/login", data=form, allow_redirects=False)
    token = await (await world.client.post("/auth/token", json=form)).json()
    made = await (await world.client.post("/api/account/tokens", json={"label": "x"})).json()
    new = {"current_password": PASSWORD, "new_password": "a whole new password"}
    await world.client.put("/api/account/password", json=new)
    await world.client.post("/login", data={"username": "hunter2secret", "password": "guess1234"})
    rows = await asyncio.to_thread(run_sql, tmp_path / "records.db", "select * from audit")
    assert len(rows) == 5
    text = repr(rows)
    for secret in (
        PASSWORD,
        new["new_password"],
        "hunter2secret",
        "guess1234",
        token["access_token"],
        made["access_token"],
        cookie.cookies["redshank_session"].value,
    ):
        assert secret not in text


async def test_log_needs_an_admin_and_is_paged(world: World) -> None:
    headers = await world.bearer()
    for number in range(5):
        body = {"name": f"h{number}", "url": f"h{number}"}
        await world.client.post("/api/hosts", json=body, headers=headers)
    first = await (await world.client.get("/api/audit?limit=2", headers=headers)).json()
    assert [each["subject"] for each in first["entries"]] == ["h4", "h3"]
    before = first["entries"][-1]["id"]
    path = f"/api/audit?limit=2&before={before}"
    second = await (await world.client.get(path, headers=headers)).json()
    assert [each["subject"] for each in second["entries"]] == ["h2", "h1"]
    for path in ("/api/audit?limit=0", "/api/audit?before=x", "/audit?limit=1001"):
        assert (await world.client.get(path, headers=headers)).status == 400
    editor = await world.bearer(Role.EDITOR)
    assert (await world.client.get("/api/audit", headers=editor)).status == 403
    reading = await world.bearer(Role.ADMIN, frozenset({Scope.READ}))
    assert (await world.client.get("/api/audit", headers=reading)).status == 403


async def test_page_shows_the_log_and_links_older_entries(world: World) -> None:
    headers = await world.cookie()
    for name in ("<script>alert(1)</script>", "plain"):
        body = {"name": name, "url": f"h{len(name)}"}
        await world.client.post("/api/hosts", json=body, headers=headers)
    text = await (await world.client.get("/audit?limit=1", headers=headers)).text()
    assert "Host added" in text
    assert "plain" in text
    assert "/audit?before=2" in text
    older = await (await world.client.get("/audit?before=2", headers=headers)).text()
    assert "<script>alert" not in older
    assert "&lt;script&gt;" in older


async def test_number_of_entries_is_bound_by_settings(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    settings = WebSettings(audit_entries=3)
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        headers = await world.bearer()
        for number in range(6):
            body = {"name": f"h{number}", "url": f"h{number}"}
            await world.client.post("/api/hosts", json=body, headers=headers)
        assert len(await entries(world)) == 3


async def test_failing_log_does_not_hide_what_was_done(world: World, tmp_path: Path) -> None:
    headers = await world.bearer()
    await asyncio.to_thread(run_sql, tmp_path / "records.db", "drop table audit")
    body = {"name": "db-1", "url": "db-1"}
    answer = await world.client.post("/api/hosts", json=body, headers=headers)
    assert answer.status == 201
    assert any(each["event"] == "audit_failed" for each in world.logs)


async def test_change_is_recorded_though_the_client_hung_up(
    world: World, aiohttp_client: AiohttpClient
) -> None:
    begun, gone, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        begun.set()
        await gone.wait()
        note(request, "thing.change", "7")
        return web.Response()

    @web.middleware
    async def watching(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        finally:
            done.set()

    log = AuditLog(world.services.audit, world.services.clock, world.settings)
    app = web.Application(middlewares=[watching, audit(log)])
    add_routes(app, [Route("POST", "/api/things", slow, Access.EDITOR, Surface.JSON)])
    client = await aiohttp_client(app, server_kwargs={"handler_cancellation": True})
    async with asyncio.timeout(PATIENCE_S):
        asking = asyncio.ensure_future(client.post("/api/things"))
        await begun.wait()
        asking.cancel()
        await asyncio.wait([asking])
        gone.set()
        await done.wait()
    assert await told(world) == [("", "thing.change", "7")]


async def test_cancelled_caller_waits_for_the_work_and_is_cancelled() -> None:
    begun, go_on, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go_on.wait()
        finished.set()

    caller = asyncio.ensure_future(run_to_completion(work()))
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    go_on.set()
    await asyncio.wait([caller])
    assert caller.cancelled()
    assert finished.is_set()
