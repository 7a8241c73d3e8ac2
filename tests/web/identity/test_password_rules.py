"""Passwords that are guessed first are refused, wherever one is set."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pytest_aiohttp import AiohttpClient

from tests.web.service_doubles import NOW_MS
from tests.web.world import PASSWORD, World, world_at
from web.accounts.forms import ResetForm
from web.http.errors import BadRequestError
from web.identity.first_admin import ensure_first_admin
from web.identity.password_rules import weakness
from web.identity.passwords import generate_password


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        (" " * 10, "has too few different characters"),
        ("\t \t \t \t \t ", "has too few different characters"),
        ("aaaaaaaaaa", "has too few different characters"),
        ("abcdeabcdeab", "repeats a few characters"),
        ("abcdefghijkl", "is a sequence"),
        ("9876543210", "is a sequence"),
        ("password12", "is a common password"),
        ("Password2026!", "is a common password"),
        ("P@ssw0rd!!!", "is a common password"),
        ("--letmein--", "is a common password"),
        ("qwertyuiop", "is a common password"),
        ("1qaz2wsx3edc", "is a common password"),
        ("ann.SMITH99", "is mostly the name 'Ann.Smith'"),
        ("redshank2026", "is mostly the name 'redshank'"),
    ],
)
def test_password_that_is_guessed_first_is_weak(password: str, reason: str) -> None:
    assert weakness(password, "Ann.Smith") == reason


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "monkey 8f7g3h2j1k",
        "ann.smith rides to work",
        "gr\u00fcne H\u00e4user",
        "83710492657182",
        "password for the cat",
    ],
)
def test_long_or_random_password_is_not_weak(password: str) -> None:
    assert weakness(password, "Ann.Smith") is None


def test_generated_password_is_not_weak() -> None:
    assert [weakness(generate_password(), "admin") for _ in range(20)] == [None] * 20


@given(st.text(min_size=1, max_size=256), st.text(max_size=20))
def test_any_text_is_judged(password: str, name: str) -> None:
    reason = weakness(password, name)
    assert reason is None or reason
    assert (weakness(password * 2, name) is None) <= (len(set(password.casefold())) >= 5)


def test_form_names_the_field() -> None:
    with pytest.raises(ValidationError, match="is a common password") as caught:
        ResetForm(password="password12")
    assert caught.value.errors()[0]["loc"] == ("password",)


async def test_weak_password_is_refused_wherever_one_is_set(world: World) -> None:
    admin, common = await world.bearer(), "password12"
    own = {"Authorization": await bearer_of_ann(world)}
    changes = [
        ("POST", "/api/users", admin, {"name": "bob", "password": common}, "password"),
        ("POST", "/api/users", admin, {"name": "robert", "password": "robert1234"}, "password"),
        ("PUT", "/api/users/ann/password", admin, {"password": common}, "password"),
        ("PUT", "/api/users/annabella/password", admin, {"password": "annabella1"}, "password"),
        (
            *("PUT", "/api/account/password", own),
            {"current_password": PASSWORD, "new_password": common},
            "new_password",
        ),
    ]
    await world.user("annabella")
    for method, path, headers, body, field in changes:
        answer = await world.client.request(method, path, json=body, headers=headers)
        assert (answer.status, (await answer.json())["field"]) == (400, field), path


async def test_page_shows_why_a_password_is_refused(world: World) -> None:
    await world.user("annabella")
    for password, reason in (("password12", "is a common"), ("annabella1", "is mostly the name")):
        answer = await world.client.post(
            "/users/annabella/password", data={"password": password}, headers=await world.cookie()
        )
        assert (answer.status, reason in await answer.text()) == (400, True)


@pytest.mark.parametrize("password", ["short", "password12", "admin12345"])
async def test_first_administrator_has_no_weak_password_either(world: World, password: str) -> None:
    with pytest.raises(BadRequestError, match="the administrator's first password"):
        await ensure_first_admin(world.accounts, password, NOW_MS)
    assert await world.accounts.users() == []


async def bearer_of_ann(world: World) -> str:
    await world.user("ann")
    body = {"username": "ann", "password": PASSWORD}
    answer = await world.client.post("/auth/token", json=body)
    return f"Bearer {(await answer.json())['access_token']}"
