"""Every route against every kind of credential.

The rows are ACCESS of tests/web/middleware/test_guard.py, one for each route, as a test there
checks. A new kind of credential is one line in CREDENTIALS, and its name in each line of
ADMITTED that admits it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import CredentialKind, Role, Scope
from tests.web.middleware.test_guard import ACCESS, concrete, sent_to_login
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.identity.secret_hashes import secret_hash
from web.settings import WebSettings

Headers = Mapping[str, str]
Maker = Callable[[World], Awaitable[Headers]]


def session(role: Role) -> Maker:
    return lambda world: world.cookie(role)


def token(role: Role, scope: Scope) -> Maker:
    return lambda world: world.bearer(role, frozenset({scope}))


async def nothing(_: World) -> Headers:
    return {}


async def unknown_token(_: World) -> Headers:
    return {"Authorization": "Bearer unknown"}


async def unknown_session(_: World) -> Headers:
    return {"Cookie": "redshank_session=unknown"}


async def expired(world: World, kind: CredentialKind) -> str:
    admin, secret = await world.user("the-admin"), f"expired {kind}".replace(" ", "-")
    await world.accounts.add_credential(
        admin.id, kind, secret_hash(secret), "test", NOW_MS - 2000, NOW_MS - 1000
    )
    return secret


async def expired_token(world: World) -> Headers:
    return {"Authorization": f"Bearer {await expired(world, CredentialKind.BEARER)}"}


async def expired_session(world: World) -> Headers:
    return {"Cookie": f"redshank_session={await expired(world, CredentialKind.SESSION)}"}


async def revoked_token(world: World) -> Headers:
    secret = await world.secret(CredentialKind.BEARER)
    await world.accounts.revoke_credential(secret_hash(secret))
    return {"X-API-Key": secret}


UNKNOWN: dict[str, Maker] = {
    "nothing": nothing,
    "unknown token": unknown_token,
    "unknown session": unknown_session,
    "expired token": expired_token,
    "expired session": expired_session,
    "revoked token": revoked_token,
}
KNOWN: dict[str, Maker] = {
    "viewer session": session(Role.VIEWER),
    "editor session": session(Role.EDITOR),
    "admin session": session(Role.ADMIN),
    "viewer token": token(Role.VIEWER, Scope.WRITE),
    "editor token": token(Role.EDITOR, Scope.WRITE),
    "admin token": token(Role.ADMIN, Scope.WRITE),
    "viewer read token": token(Role.VIEWER, Scope.READ),
    "editor read token": token(Role.EDITOR, Scope.READ),
    "admin read token": token(Role.ADMIN, Scope.READ),
    "viewer push token": token(Role.VIEWER, Scope.PUSH),
    "editor push token": token(Role.EDITOR, Scope.PUSH),
    "admin push token": token(Role.ADMIN, Scope.PUSH),
    "control socket": nothing,
}
CREDENTIALS = UNKNOWN | KNOWN

ADMIN = {"admin session", "admin token", "control socket"}
EDITOR = {"editor session", "editor token"} | ADMIN
USER = {"viewer session", "viewer token"} | EDITOR
ADMITTED: dict[str, set[str]] = {
    "public": set(CREDENTIALS),
    "scrape": set(CREDENTIALS),
    "viewer": USER | {"viewer read token", "editor read token", "admin read token"},
    "user": USER,
    "push": EDITOR | {"editor push token", "admin push token"},
    "editor": EDITOR,
    "admin": ADMIN,
}

JUDGED_BY_THEIR_HANDLERS = (
    "/login",
    "/auth/",
    "/api/v1/auth/",
    "/report",
    "/api/v1/track",
    "/share/",
    "/api/shared/dashboards/",
    "/acknowledge/",
    "/heartbeat/",
    "/api/session-outcomes/github",
)
"""Public routes that check a password or a key themselves."""


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client, WebSettings(enable_admin_api=True)) as world:
        yield world


@asynccontextmanager
async def by_control_socket(world: World, path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    """Yield a client of the application's control socket."""
    runner = world.client.server.runner
    assert runner is not None
    await web.UnixSite(runner, str(path)).start()
    async with aiohttp.ClientSession(
        "http://localhost", connector=aiohttp.UnixConnector(str(path))
    ) as client:
        yield client


@pytest.mark.parametrize("row", ACCESS)
async def test_route_admits_exactly_those_it_should(world: World, row: str, tmp_path: Path) -> None:
    method, path = row.split(" ")
    url = concrete(path)
    async with by_control_socket(world, tmp_path / "control.sock") as control:
        for name, maker in CREDENTIALS.items():
            headers = await maker(world)
            client = control if name == "control socket" else world.client.session
            address = url if client is control else str(world.client.make_url(url))
            answer = await client.request(
                method, address, headers=headers, json={}, allow_redirects=False
            )
            answer.close()
            away = sent_to_login(answer.headers.get("Location")) and path != "/logout"
            if ACCESS[row] == "public" and path.startswith(JUDGED_BY_THEIR_HANDLERS):
                assert answer.status < 500, name
            elif name in ADMITTED[ACCESS[row]]:
                assert answer.status not in (401, 403), name
                assert not away, name
                assert answer.status < 500, name
            elif name in UNKNOWN:
                assert answer.status == 401 or away, (name, answer.status)
            else:
                assert answer.status == 403, (name, answer.status)


def test_table_names_only_what_there_is() -> None:
    assert set(ACCESS.values()) <= set(ADMITTED)
    for access, names in ADMITTED.items():
        assert names <= set(CREDENTIALS), access
        if access not in ("public", "scrape"):
            assert not names & set(UNKNOWN), access


def test_higher_role_never_may_less() -> None:
    for access, names in ADMITTED.items():
        for kind in ("session", "token", "read token", "push token"):
            roles = [f"{role} {kind}" in names for role in ("viewer", "editor", "admin")]
            assert roles == sorted(roles), (access, kind)


def test_token_never_may_more_than_a_session_of_its_role() -> None:
    for names in ADMITTED.values():
        for role in ("viewer", "editor", "admin"):
            for kind in ("token", "read token", "push token"):
                assert f"{role} {kind}" not in names or f"{role} session" in names
