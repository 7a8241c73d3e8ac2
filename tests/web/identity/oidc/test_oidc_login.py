"""Logins at a provider, honest and hostile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from joserfc.jwk import RSAKey
from pytest_aiohttp import AiohttpClient
from yarl import URL

from storage.api.accounts import Role
from tests.web.identity.oidc.fake_provider import (
    CLIENT,
    SECRET,
    FakeProvider,
    running_provider,
    unsigned,
)
from tests.web.service_doubles import NOW_MS
from tests.web.world import PASSWORD, World, world_at
from web.settings import WebSettings


class Login:
    """A world with a provider, and a browser that goes through a login."""

    def __init__(self, world: World, provider: FakeProvider) -> None:
        self.world, self.provider = world, provider

    async def begin(self, target: str = "/targets") -> URL:
        """Return the address at the provider."""
        answer = await self.world.client.get(
            "/login/oidc", params={"next": target}, allow_redirects=False
        )
        assert answer.status == 303, await answer.text()
        return URL(answer.headers["Location"])

    async def authorize(self, address: URL) -> URL:
        """Return the address that the provider sends the browser back to."""
        answer = await self.world.client.session.get(address, allow_redirects=False)
        return URL(answer.headers["Location"])

    async def come_back(self, back: URL) -> ClientResponse:
        """Come back from the provider."""
        return await self.world.client.session.get(back, allow_redirects=False)

    async def run(self, target: str = "/targets") -> ClientResponse:
        """Run a whole login."""
        return await self.come_back(await self.authorize(await self.begin(target)))

    async def who(self) -> tuple[str | None, str | None]:
        """Return name and role of the browser's session."""
        session = await (await self.world.client.get("/api/session")).json()
        user = session.get("user")
        return (user["name"], user["role"]) if user else (None, None)


@asynccontextmanager
async def login_at(
    tmp_path: Path, aiohttp_client: AiohttpClient, web: dict[str, Any] | None = None, **oidc: Any
) -> AsyncIterator[Login]:
    async with running_provider(now_ms=lambda: NOW_MS) as provider:
        section = {"issuer": provider.issuer, "client_id": CLIENT, "client_secret": SECRET} | oidc
        settings = WebSettings.model_validate({"oidc": section} | (web or {}))
        async with world_at(tmp_path, aiohttp_client, settings) as world:
            provider.now_ms = world.clock
            yield Login(world, provider)


@pytest.fixture
async def login(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[Login]:
    async with login_at(tmp_path, aiohttp_client) as login:
        yield login


async def test_new_user_is_added_and_reaches_the_wanted_page(login: Login) -> None:
    answer = await login.run("/targets?state=down")
    assert (answer.status, answer.headers["Location"]) == (303, "/targets?state=down")
    assert await login.who() == ("ann", "viewer")
    user = await login.world.accounts.user("ann")
    assert user is not None
    assert user.password_hash == ""
    entries = await login.world.services.audit.entries(10, None)
    assert {entry.action for entry in entries} >= {"user.add", "login"}


async def test_same_subject_is_the_same_user_after_a_change_of_name(login: Login) -> None:
    await login.run()
    await login.world.client.post("/logout")
    assert await login.who() == (None, None)
    login.provider.claims["preferred_username"] = "ann-b"
    await login.run()
    assert (await login.who())[0] == "ann"
    assert len(await login.world.accounts.users()) == 1


async def test_login_page_shows_the_button_and_the_form(login: Login) -> None:
    text = await (await login.world.client.get("/login?next=/targets")).text()
    assert 'href="/login/oidc?next=%2Ftargets"' in text
    assert "Log in with <bdi>single sign-on</bdi>" in text
    assert 'name="password"' in text


def with_claim(**claims: Any) -> Callable[[dict[str, Any]], None]:
    return lambda found: found.update(claims)


def without_claim(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda found: found.pop(name) and None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (with_claim(nonce="another"), "nonce"),
        (without_claim("nonce"), "nonce"),
        (with_claim(aud="another-client"), "aud"),
        (with_claim(aud=[]), "aud"),
        (without_claim("aud"), "aud"),
        (with_claim(aud=[CLIENT, "another"]), "azp"),
        (with_claim(aud=[CLIENT, "another"], azp="another"), "azp"),
        (with_claim(azp="another"), "azp"),
        (with_claim(iss="https://evil.example"), "iss"),
        (with_claim(exp=NOW_MS // 1000 - 3600), "exp"),
        (without_claim("exp"), "exp"),
        (with_claim(iat=NOW_MS // 1000 + 3600), "iat"),
        (with_claim(iat=NOW_MS // 1000 - 3600), "old"),
        (with_claim(sub=""), "sub"),
        (with_claim(sub="x" * 256), "sub"),
        (without_claim("sub"), "sub"),
        (with_claim(sub=["17"]), "sub"),
    ],
)
async def test_token_with_a_wrong_claim_is_refused(
    login: Login, change: Callable[[dict[str, Any]], None], problem: str
) -> None:
    login.provider.change = change
    answer = await login.run()
    text = await answer.text()
    assert answer.status == 403, text
    assert problem in text
    assert await login.who() == (None, None)
    assert await login.world.accounts.users() == []


async def test_token_that_is_not_signed_by_the_provider_is_refused(login: Login) -> None:
    provider, stranger = login.provider, FakeProvider(issuer=login.provider.issuer)
    stranger.now_ms = provider.now_ms
    # Another key with the same id.
    stranger.key = RSAKey.generate_key(2048, {"kid": "first"})
    for sign, problem in (
        (unsigned, "algorithm"),
        (provider.signed_with_public_key, "algorithm"),
        (lambda claims: stranger.id_token(claims["nonce"]), "not signed by its keys"),
        (lambda claims: "nonsense", "not a signed token"),
        (lambda claims: "a.b.c", "header"),
    ):
        provider.sign = sign
        answer = await login.run()
        text = await answer.text()
        assert answer.status == 403, text
        assert problem in text
        assert await login.world.accounts.users() == []


async def test_keys_are_fetched_again_after_a_rotation(login: Login) -> None:
    await login.run()
    await login.world.client.post("/logout")
    login.provider.rotate()
    login.world.now[0] += 60_000
    assert (await login.run()).status == 303
    assert login.provider.requests.count("/keys") == 2


async def test_unknown_key_ids_do_not_flood_the_provider(login: Login) -> None:
    await login.run()
    await login.world.client.post("/logout")
    login.provider.rotate()
    for _ in range(3):
        assert (await login.run()).status == 403
    assert login.provider.requests.count("/keys") == 1


async def test_answer_counts_once(login: Login) -> None:
    address = await login.begin()
    cookies = login.world.client.session.cookie_jar.filter_cookies(login.world.client.make_url("/"))
    kept = {"Cookie": f"redshank_oidc={cookies['redshank_oidc'].value}"}
    back = await login.authorize(address)
    assert (await login.come_back(back)).status == 303
    await login.world.client.post("/logout")
    # Whoever saw the answer and the cookie sends them once more.
    again = await login.world.client.session.get(back, headers=kept, allow_redirects=False)
    assert again.status == 403
    assert login.provider.requests.count("/token") == 1
    assert await login.who() == (None, None)


async def test_code_that_the_provider_has_seen_is_refused(login: Login) -> None:
    used = await login.authorize(await login.begin())
    await login.come_back(used)
    await login.world.client.post("/logout")
    back = await login.authorize(await login.begin())
    answer = await login.come_back(back.update_query(code=used.query["code"]))
    assert answer.status == 403
    assert "log in again" in await answer.text()


async def test_answer_in_another_browser_is_refused(
    login: Login, aiohttp_client: AiohttpClient
) -> None:
    # Login CSRF: the attacker's own answer is opened by the victim.
    back = await login.authorize(await login.begin())
    login.world.client.session.cookie_jar.clear()
    assert (await login.come_back(back)).status == 403
    await login.begin()
    assert (await login.come_back(back)).status == 403
    assert "/token" not in login.provider.requests


@pytest.mark.parametrize(
    "query",
    [
        {"state": "another"},
        {"state": ""},
        {"code": ""},
        {"code": "x" * 5000},
        {"iss": "https://evil.example"},
    ],
)
async def test_changed_answer_is_refused(login: Login, query: dict[str, str]) -> None:
    back = await login.authorize(await login.begin())
    assert (await login.come_back(back.update_query(query))).status == 403
    assert "/token" not in login.provider.requests


async def test_answer_without_its_issuer_is_refused_where_the_provider_names_it(
    login: Login,
) -> None:
    back = await login.authorize(await login.begin())
    answer = await login.come_back(back.without_query_params("iss"))
    assert answer.status == 403
    assert "/token" not in login.provider.requests


async def test_login_expires(login: Login) -> None:
    back = await login.authorize(await login.begin())
    login.world.now[0] += 600_001
    answer = await login.come_back(back)
    assert answer.status == 403
    assert "took too long" in await answer.text()


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil", "x"])
async def test_login_leads_to_no_other_site(login: Login, target: str) -> None:
    answer = await login.run(target)
    assert answer.headers["Location"] == "/"


async def test_refusal_of_the_provider_is_shown_as_text(login: Login) -> None:
    back = await login.authorize(await login.begin())
    error = {"error": "access_denied", "error_description": "<script>no</script>\nfor you"}
    answer = await login.come_back(back.without_query_params("code").update_query(error))
    text = await answer.text()
    assert answer.status == 403
    assert "refused the login: &lt;script&gt;no&lt;/script&gt; for you" in text


async def test_existing_user_is_not_taken_over(login: Login) -> None:
    await login.world.user("ann", Role.ADMIN)
    answer = await login.run()
    assert answer.status == 403
    assert "exists here already" in await answer.text()
    assert await login.who() == (None, None)


async def test_existing_user_is_linked_where_the_settings_say_so(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with login_at(tmp_path, aiohttp_client, link_existing=True) as login:
        await login.world.user("ann", Role.EDITOR)
        assert (await login.run()).status == 303
        # Without groups in the settings the role stays.
        assert await login.who() == ("ann", "editor")


async def test_groups_give_the_highest_role_at_each_login(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    roles = {"staff": "viewer", "ops": "admin", "dev": "editor"}
    async with login_at(tmp_path, aiohttp_client, roles=roles, default_role=None) as login:
        await login.world.user("root", Role.ADMIN)
        login.provider.claims["groups"] = ["dev", "ops", 7, "others"]
        await login.run()
        assert await login.who() == ("ann", "admin")
        await login.world.client.post("/logout")
        login.provider.claims["groups"] = "staff"
        await login.run()
        assert await login.who() == ("ann", "viewer")
        await login.world.client.post("/logout")
        login.provider.claims["groups"] = ["others"]
        answer = await login.run()
        assert answer.status == 403
        assert "none of the groups" in await answer.text()


async def test_last_admin_keeps_the_role(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    async with login_at(tmp_path, aiohttp_client, roles={"ops": "admin"}) as login:
        login.provider.claims["groups"] = ["ops"]
        await login.run()
        await login.world.client.post("/logout")
        login.provider.claims["groups"] = []
        await login.run()
        assert await login.who() == ("ann", "admin")


async def test_missing_claims_come_from_userinfo_of_the_same_user(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with login_at(tmp_path, aiohttp_client, roles={"ops": "editor"}) as login:
        login.provider.user_info = {"sub": "17", "groups": ["ops"], "preferred_username": "eve"}
        await login.run()
        # The claims of the signed token win.
        assert await login.who() == ("ann", "editor")
        await login.world.client.post("/logout")
        login.provider.user_info = {"sub": "18", "groups": ["ops"]}
        assert (await login.run()).status == 403


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"email": "ann@Example.com", "email_verified": True}, 303),
        ({"email": "ann@example.com", "email_verified": False}, 403),
        ({"email": "ann@example.com"}, 403),
        ({"email": "ann@evil.com", "email_verified": True}, 403),
        ({"email": "example.com", "email_verified": True}, 403),
        ({"email": "ann@example.com.evil.com", "email_verified": True}, 403),
        ({"email": 7, "email_verified": True}, 403),
        ({}, 403),
    ],
)
async def test_only_verified_addresses_of_the_domains_log_in(
    tmp_path: Path, aiohttp_client: AiohttpClient, claims: dict[str, Any], status: int
) -> None:
    async with login_at(tmp_path, aiohttp_client, domains=["example.com"]) as login:
        del login.provider.claims["email"]
        login.provider.claims |= claims
        assert (await login.run()).status == status


async def test_document_of_another_issuer_is_refused(login: Login) -> None:
    login.provider.document["issuer"] = "https://evil.example"
    answer = await login.world.client.get("/login/oidc")
    assert answer.status == 503
    assert "must be the same" in await answer.text()


async def test_endpoint_without_https_is_refused(login: Login) -> None:
    login.provider.document["token_endpoint"] = "http://login.example/token"
    answer = await login.world.client.get("/login/oidc")
    assert answer.status == 503
    assert "token_endpoint is not https" in await answer.text()


async def test_provider_that_is_away_is_named_on_the_login_page(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with login_at(tmp_path, aiohttp_client, timeout_s=0.05) as login:
        login.provider.hold = asyncio.Event()
        answer = await login.world.client.get("/login/oidc")
        text = await answer.text()
        login.provider.hold.set()
        assert answer.status == 503
        assert "No answer in 0.05 s" in text
        assert 'name="password"' in text


async def test_wrong_secret_is_named(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    secret = tmp_path / "secret"
    await asyncio.to_thread(secret.write_text, "wrong\n")
    given: dict[str, Any] = {"client_secret": None, "client_secret_file": str(secret)}
    async with login_at(tmp_path, aiohttp_client, **given) as login:
        answer = await login.run()
        assert answer.status == 503
        assert "invalid_client" in await answer.text()
        await asyncio.to_thread(secret.write_text, SECRET + "\n")
        assert (await login.run()).status == 303
        await asyncio.to_thread(secret.unlink)
        await login.world.client.post("/logout")
        assert (await login.run()).status == 503


async def test_passwords_can_be_switched_off(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    async with login_at(tmp_path, aiohttp_client, {"local_login": False}) as login:
        await login.world.user("bob")
        assert 'name="password"' not in await (await login.world.client.get("/login")).text()
        form = {"username": "bob", "password": PASSWORD}
        assert (await login.world.client.post("/login", data=form)).status == 403
        for path in ("/auth/token", "/api/v1/auth/login"):
            answer = await login.world.client.post(path, json=form)
            assert answer.status == 403, path
        assert (await login.run()).status == 303


async def test_failed_login_is_audited_without_secrets(login: Login) -> None:
    login.provider.change = with_claim(nonce="another")
    back = await login.authorize(await login.begin())
    await login.come_back(back)
    (entry,) = await login.world.services.audit.entries(10, None)
    assert entry.action == "login.failed"
    assert back.query["code"] not in str(entry)
    assert back.query["code"] not in str(login.world.logs)
    assert SECRET not in str(login.world.logs)


async def test_server_without_a_provider_has_no_such_page(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        assert (await world.client.get("/login/oidc")).status == 404
        assert (await world.client.get("/login/oidc/callback")).status == 404
        assert "/login/oidc" not in await (await world.client.get("/login")).text()
