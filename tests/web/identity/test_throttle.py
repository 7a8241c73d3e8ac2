"""Guessing is slow from any number of addresses, and keeps no user out of a known device."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from model.limits import LimitName
from storage.api.accounts import CredentialKind
from tests.web.service_doubles import NOW_MS
from tests.web.world import PASSWORD, World, world_at
from web.identity.keys import KeyRing
from web.identity.secret_hashes import secret_hash
from web.identity.throttle import FailureBackoff, FailureLimit, LoginAttempt, LoginThrottle
from web.settings import WebSettings

MINUTE_MS = 60_000


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    settings = WebSettings.model_validate({"trusted_proxies": ["127.0.0.0/8"]})
    async with world_at(tmp_path, aiohttp_client, settings) as world:
        await world.user("ann")
        yield world


def stranger(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"203.0.113.{number}"}


async def log_in(world: World, password: str, headers: Mapping[str, str], name: str = "ann") -> int:
    form = {"username": name, "password": password}
    answer = await world.client.session.post(
        world.client.make_url("/login"), data=form, headers=headers, allow_redirects=False
    )
    return answer.status


async def known_device(world: World) -> str:
    """Log in, and return the cookie that the browser keeps after logging out."""
    answer = await world.client.post(
        "/login",
        data={"username": "ann", "password": PASSWORD},
        headers=stranger(1),
        allow_redirects=False,
    )
    cookie = answer.cookies["redshank_device"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    world.client.session.cookie_jar.clear()
    return f"redshank_device={cookie.value}"


async def attacked(world: World) -> None:
    """Guess from many addresses until strangers must wait."""
    for number in range(10, 20):
        assert await log_in(world, "wrong", stranger(number)) == 401


async def test_guesses_from_many_addresses_are_slowed_down(world: World) -> None:
    await attacked(world)
    body = {"username": "ann", "password": "wrong"}
    for wait_s in (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300):
        refused = await world.client.post("/auth/token", json=body, headers=stranger(99))
        assert (refused.status, refused.headers["Retry-After"]) == (429, str(wait_s))
        # A refused attempt does not prolong the wait.
        world.now[0] += wait_s * 1000
        number = 100 + wait_s % 100
        assert (await log_in(world, "wrong", stranger(number))) in (401, 429)


async def test_right_password_of_a_stranger_waits_only_as_long(world: World) -> None:
    await attacked(world)
    assert await log_in(world, PASSWORD, stranger(99)) == 429
    world.now[0] += 1000
    assert await log_in(world, PASSWORD, stranger(99)) == 303
    assert await log_in(world, "wrong", stranger(98)) == 401, "the count began anew"


async def test_user_logs_in_on_a_known_device_during_an_attack(world: World) -> None:
    cookie = await known_device(world)
    await attacked(world)
    assert await log_in(world, PASSWORD, stranger(99)) == 429
    assert await log_in(world, PASSWORD, stranger(99) | {"Cookie": cookie}) == 303
    # Neither the address nor the name keeps a known device out.
    for _ in range(5):
        world.now[0] += 10 * MINUTE_MS
        await log_in(world, "wrong", stranger(1))
    assert await log_in(world, PASSWORD, stranger(1) | {"Cookie": cookie}) == 303


async def test_known_device_of_one_user_is_none_of_another(world: World) -> None:
    await world.user("bob")
    cookie = await known_device(world)
    for number in range(10, 20):
        assert await log_in(world, "wrong", stranger(number), "bob") == 401
    assert await log_in(world, PASSWORD, stranger(99) | {"Cookie": cookie}, "bob") == 429


async def test_stolen_device_cookie_gives_few_guesses(world: World) -> None:
    cookie = {"Cookie": await known_device(world)}
    await attacked(world)
    for number in range(50, 55):
        assert await log_in(world, "wrong", stranger(number) | cookie) == 401
    assert await log_in(world, "wrong", stranger(55) | cookie) == 429


@pytest.mark.parametrize("forged", ["", "x", "1.2.3", "1.2.3.4", "1.1700000000.abc." + "0" * 64])
async def test_forged_device_cookie_is_none(world: World, forged: str) -> None:
    await attacked(world)
    headers = stranger(99) | {"Cookie": f"redshank_device={forged}"}
    assert await log_in(world, PASSWORD, headers) == 429


async def test_device_is_forgotten_after_half_a_year(world: World) -> None:
    cookie = await known_device(world)
    world.now[0] += 180 * 86_400_000
    await attacked(world)
    assert await log_in(world, PASSWORD, stranger(99) | {"Cookie": cookie}) == 429


async def test_password_is_confirmed_in_a_session_during_an_attack(world: World) -> None:
    await attacked(world)
    ann = await world.user("ann")
    await world.accounts.add_credential(
        ann.id, CredentialKind.SESSION, secret_hash("s"), "x", NOW_MS, NOW_MS + 86_400_000
    )
    body = {"current_password": PASSWORD, "new_password": "another long one"}
    answer = await world.client.put(
        "/api/account/password", json=body, headers={"Cookie": "redshank_session=s"}
    )
    assert answer.status == 204


async def test_made_up_names_wait_as_those_of_users_do(world: World) -> None:
    for name in ("ann", "nobody"):
        statuses = [await log_in(world, "wrong", stranger(at), name) for at in range(10, 23)]
        assert statuses == [401] * 10 + [429] * 3
    assert world.services.refusals.totals()[LimitName.LOGIN_FAILURES] == 6


def test_made_up_names_do_not_displace_the_count_of_an_account() -> None:
    throttle = LoginThrottle()
    ann = LoginAttempt("ann", "203.0.113.1", 1)
    for number in range(10):
        throttle.begin(LoginAttempt("ann", f"203.0.113.{number}", 1), 0)
    for number in range(12_000):
        throttle.begin(LoginAttempt(f"name {number}", f"10.0.{number >> 8}.{number & 255}"), 0)
    assert throttle.wait_ms(ann, 0) == 1000


@given(st.lists(st.integers(-10_000_000, 10_000_000), max_size=200))
def test_wait_is_never_longer_than_five_minutes(steps_ms: list[int]) -> None:
    """Also not when the clock is set back."""
    backoff, now_ms = FailureBackoff(), 1_700_000_000_000
    for step_ms in steps_ms:
        now_ms += step_ms
        backoff.count("ann", now_ms)
        assert 0 <= backoff.wait_ms("ann", now_ms) <= 300_000
        assert backoff.wait_ms("ann", now_ms - 10**9) <= 300_000


def test_authentication_codes_depend_on_purpose_text_and_key(tmp_path: Path) -> None:
    keys = KeyRing.open(tmp_path / "keys.json", 0)
    codes = {keys.authentication_code(p, t) for p in ("a", "b") for t in ("x", "y", "")}
    assert keys.authentication_code("a", "x") in codes
    keys.rotate(1, 1000)
    codes |= {keys.authentication_code("a", "x")}
    assert len(codes) == 7


def test_no_wait_lasts_until_a_time_that_the_clock_was_wrong_about() -> None:
    now_ms = 1_700_000_000_000
    ahead_ms = now_ms + 3 * 365 * 86_400_000
    limit, backoff = FailureLimit(2, 60_000), FailureBackoff()
    for _ in range(30):
        limit.count("a", ahead_ms)
        backoff.count("a", ahead_ms)
    assert limit.wait_ms("a", ahead_ms) == 60_000
    assert 0 < backoff.wait_ms("a", ahead_ms) <= 5 * 60_000
    assert limit.wait_ms("a", now_ms) == 0
    assert backoff.wait_ms("a", now_ms) == 0
    # The guesses after that count as always.
    for _ in range(30):
        limit.count("a", now_ms)
        backoff.count("a", now_ms)
    assert limit.wait_ms("a", now_ms) == 60_000
    assert 0 < backoff.wait_ms("a", now_ms) <= 5 * 60_000
