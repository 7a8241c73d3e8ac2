from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pytest_aiohttp import AiohttpClient

from model.limits import LimitName
from storage.api.accounts import Role
from tests.web.world import PASSWORD, World, world_at
from web.http.network import sender_network
from web.http.quotas import MOST_SENDERS
from web.identity.throttle import LoginAttempt, LoginThrottle
from web.settings import WebSettings

MACHINES = "127.0.0.0/8"


def limited(**quotas: int) -> WebSettings:
    given: dict[str, Any] = {
        "trusted_proxies": [MACHINES],
        "rate_limits": {"requests": {"key_per_minute": 0, "address_per_minute": 0} | quotas},
    }
    return WebSettings.model_validate(given)


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    """Ten requests a minute of a key, twenty of an address."""
    async with world_at(
        tmp_path, aiohttp_client, limited(key_per_minute=10, address_per_minute=20)
    ) as world:
        yield world


def of(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


async def statuses(world: World, count: int, headers: dict[str, str]) -> list[int]:
    return [(await world.client.get("/api/session", headers=headers)).status for _ in range(count)]


async def test_key_over_its_quota_gets_retry_after(world: World) -> None:
    headers = await world.bearer(Role.VIEWER)
    assert await statuses(world, 11, headers) == [200] * 10 + [429]
    answer = await world.client.get("/api/session", headers=headers)
    assert answer.headers["Retry-After"] == "6"
    assert answer.headers["RateLimit-Limit"] == "10"
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert answer.headers["RateLimit-Reset"] == "60"
    assert (await answer.json())["error"] == "more than 10 requests a minute from this key"
    world.now[0] += 6_000
    assert await statuses(world, 2, headers) == [200, 429]


async def test_refused_requests_are_counted_by_whose_quota_was_used_up(world: World) -> None:
    headers = await world.bearer(Role.VIEWER)
    await statuses(world, 10, headers)
    refused = world.services.refusals
    assert not any(refused.totals().values())
    await statuses(world, 3, headers)
    assert refused.totals()[LimitName.KEY_QUOTA] == 3
    await statuses(world, 9, {})
    assert refused.totals()[LimitName.KEY_QUOTA] == 3
    assert refused.totals()[LimitName.ADDRESS_QUOTA] == 2


async def test_other_keys_of_the_same_user_are_not_affected(world: World) -> None:
    await statuses(world, 11, await world.bearer(Role.VIEWER))
    assert await statuses(world, 1, await world.bearer(Role.VIEWER)) == [200]


async def test_every_response_shows_the_quota(world: World) -> None:
    headers = await world.bearer()
    first = await world.client.get("/api/fleet", headers=headers)
    assert first.headers["RateLimit-Remaining"] == "9"
    assert first.headers["RateLimit-Policy"] == "10;w=60"
    missing = await world.client.get("/api/hosts/none", headers=headers)
    assert missing.headers["RateLimit-Remaining"] == "8"
    anonymous = await world.client.get("/login")
    assert anonymous.headers["RateLimit-Limit"] == "20"


async def test_address_is_limited_with_and_without_credentials(world: World) -> None:
    wrong = {"Authorization": "Bearer wrong"} | of("203.0.113.7")
    assert await statuses(world, 21, wrong) == [401] * 20 + [429]
    right = await world.bearer() | of("203.0.113.7")
    assert await statuses(world, 1, right) == [429]
    assert await statuses(world, 1, await world.bearer() | of("203.0.113.8")) == [200]


async def test_network_of_ipv6_counts_as_one_sender(world: World) -> None:
    found = [
        (await statuses(world, 1, of(f"2001:db8:1:2:{number:x}::1")))[0] for number in range(21)
    ]
    assert found == [401] * 20 + [429]
    assert await statuses(world, 1, of("2001:db8:1:3::1")) == [401]


async def test_refusal_has_the_format_of_the_surface(world: World) -> None:
    await statuses(world, 20, of("203.0.113.9"))
    page = await world.client.get("/login", headers=of("203.0.113.9"))
    assert (page.status, page.content_type) == (429, "text/html")
    query = await world.client.get("/api/v1/query?query=up", headers=of("203.0.113.9"))
    assert query.status == 429
    assert (await query.json())["errorType"] == "too_many_requests"
    unknown = await world.client.get("/nothing", headers=of("203.0.113.9"))
    assert unknown.status == 429


async def test_probes_are_always_answered(world: World) -> None:
    for path in ("/health", "/-/healthy", "/-/ready"):
        for _ in range(25):
            answer = await world.client.get(path)
            assert answer.status == 200
            assert "RateLimit-Limit" not in answer.headers


async def test_control_socket_is_not_limited(world: World, tmp_path: Path) -> None:
    runner = world.client.server.runner
    assert runner is not None
    path = str(tmp_path / "control.sock")
    site = web.UnixSite(runner, path)
    await site.start()
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path)) as session:
        for _ in range(30):
            async with session.get("http://localhost/api/session") as answer:
                assert answer.status == 200


async def test_zero_is_no_limit(tmp_path: Path, aiohttp_client: AiohttpClient) -> None:
    async with world_at(tmp_path, aiohttp_client, limited()) as world:
        answer = await world.client.get("/api/session", headers=await world.bearer())
        assert answer.status == 200
        assert "RateLimit-Limit" not in answer.headers


def test_defaults_let_a_fleet_push_and_dashboards_ask() -> None:
    limits = WebSettings().rate_limits
    # 3,000 messages a second from one key are the rate that is promised.
    assert limits.push.key_per_minute >= 5 * 3_000 * 60
    assert limits.push.address_per_minute >= 5 * 3_000 * 60
    # Twenty people with thirty panels each that refresh every five seconds.
    assert limits.requests.key_per_minute >= 5 * 20 * 30 * 12
    assert limits.requests.address_per_minute >= 5 * 20 * 30 * 12


def test_documented_quotas_are_the_defaults() -> None:
    docs = Path(__file__).parents[3] / "docs"
    limits = WebSettings().rate_limits
    for page in ("security.md", "configuration.md"):
        text = (docs / page).read_text()
        for quota in (limits.requests, limits.push):
            assert f"key_per_minute: {quota.key_per_minute}" in text
            assert f"address_per_minute: {quota.address_per_minute}" in text
    assert f"{MOST_SENDERS:,} senders" in (docs / "security.md").read_text()


@pytest.mark.parametrize(
    ("address", "sender"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unknown", "unknown"),
        ("203.0.113.7:5000", "203.0.113.7:5000"),
        ("", ""),
        ("x:" * 500, "x:" * 32),
    ],
)
def test_sender_of_an_address(address: str, sender: str) -> None:
    assert sender_network(address) == sender


def test_guessing_from_one_network_of_ipv6_is_throttled() -> None:
    throttle = LoginThrottle()
    for number in range(50):
        throttle.begin(LoginAttempt(f"name {number}", f"2001:db8::{number:x}"), 0)
    assert throttle.wait_ms(LoginAttempt("ann", "2001:db8::ffff"), 0) > 0
    assert throttle.wait_ms(LoginAttempt("ann", "2001:db8:0:1::1"), 0) == 0


async def test_wrong_passwords_are_throttled_below_any_rate_limit(world: World) -> None:
    await world.user("ann")
    body = {"username": "ann", "password": PASSWORD + "x"}
    for _ in range(5):
        await world.client.post("/auth/token", json=body, headers=of("203.0.113.7"))
    answer = await world.client.post("/auth/token", json=body, headers=of("203.0.113.7"))
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 60
