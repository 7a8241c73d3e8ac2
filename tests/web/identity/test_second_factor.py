import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from html.parser import HTMLParser
from pathlib import Path

import pyotp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_aiohttp import AiohttpClient

from model.limits import LimitName
from storage.api.accounts import CredentialKind
from tests.web.service_doubles import NOW_MS
from tests.web.world import PASSWORD, World, world_at
from web.accounts.second_factor_page import qr_code
from web.identity.codes import (
    STEP_MS,
    new_recovery_codes,
    new_secret,
    provisioning_uri,
    recovery_hash,
    step_of,
)

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
LOGIN = {"username": "the-admin", "password": PASSWORD}
PATH = "/api/account/second-factor"


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


def code_at(secret: str, now_ms: int) -> str:
    return pyotp.TOTP(secret).at(now_ms // 1000)


async def enrol(world: World) -> tuple[str, list[str]]:
    """Turn the admin's second factor on; return its secret and recovery codes."""
    headers = await world.bearer()
    body = {"current_password": PASSWORD}
    begun = await (await world.client.post(PATH, json=body, headers=headers)).json()
    code = {"code": code_at(begun["secret"], world.now[0])}
    answer = await world.client.post(f"{PATH}/confirm", json=code, headers=headers)
    assert answer.status == 200
    return begun["secret"], (await answer.json())["recovery_codes"]


async def token_status(world: World, totp: str = "") -> int:
    answer = await world.client.post("/auth/token", json={**LOGIN, "totp": totp})
    return answer.status


def test_codes_are_those_of_the_specification() -> None:
    # RFC 6238, appendix B: SHA-1, 59 s, its last six digits.
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert step_of(secret, "287082", 59_000) == 1


def test_code_of_a_clock_that_is_a_step_off_counts_and_no_other() -> None:
    step = NOW_MS // STEP_MS
    for offset, expected in ((-2, None), (-1, step - 1), (0, step), (1, step + 1), (2, None)):
        code = code_at(SECRET, NOW_MS + offset * STEP_MS)
        assert step_of(SECRET, code, NOW_MS) == expected


@settings(deadline=None)
@given(st.text())
def test_no_code_that_was_made_up_is_an_error(code: str) -> None:
    valid = {code_at(SECRET, NOW_MS + offset * STEP_MS) for offset in (-1, 0, 1)}
    assert (step_of(SECRET, code, NOW_MS) is not None) == (code in valid)
    assert len(recovery_hash(code)) == 64


def test_recovery_codes_are_distinct_and_read_however_they_are_typed() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([a-z2-9]{5}-){4}[a-z2-9]{5}", code) for code in codes)
    typed = f" {codes[0].upper().replace('-', ' ')} "
    assert recovery_hash(typed) == recovery_hash(codes[0])


def test_uri_names_the_server_and_the_user() -> None:
    uri = provisioning_uri(new_secret(), "ann & bob")
    assert uri.startswith("otpauth://totp/Redshank:ann%20%26%20bob?secret=")
    assert "issuer=Redshank" in uri


def test_qr_code_is_markup_without_style_or_script() -> None:
    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag in ("svg", "g", "path")
            assert not {name for name, _ in attrs} & {"style", "href"}

    picture = qr_code(provisioning_uri(SECRET, '"><script>alert(1)</script>'))
    Tags().feed(picture)
    assert picture.startswith("<svg")


async def test_password_alone_opens_nothing_once_it_is_on(world: World) -> None:
    secret, _ = await enrol(world)
    world.now[0] += STEP_MS
    missing = await world.client.post("/auth/token", json=LOGIN)
    assert (missing.status, (await missing.json())["field"]) == (401, "totp")
    refresh = await world.client.post("/auth/refresh", json=LOGIN)
    login = await world.client.post("/api/v1/auth/login", json=LOGIN)
    assert (refresh.status, login.status) == (401, 401)
    assert await token_status(world, "000000") == 401
    assert await token_status(world, code_at(secret, world.now[0])) == 200


async def test_code_is_used_once(world: World) -> None:
    secret, _ = await enrol(world)
    # The code that turned it on is used up too.
    assert await token_status(world, code_at(secret, world.now[0])) == 401
    world.now[0] += STEP_MS
    code = code_at(secret, world.now[0])
    outcomes = await asyncio.gather(*(token_status(world, code) for _ in range(4)))
    assert sorted(outcomes) == [200, 401, 401, 401]
    assert await token_status(world, code_at(secret, world.now[0] - STEP_MS)) == 401


async def test_recovery_code_opens_one_login(world: World) -> None:
    _, codes = await enrol(world)
    assert await token_status(world, codes[0].upper()) == 200
    assert await token_status(world, codes[0]) == 401
    assert await token_status(world, codes[1]) == 200
    shown = await world.client.get(PATH, headers=await world.bearer())
    assert await shown.json() == {"enabled": True, "recovery_codes_left": 8}


async def test_guessing_codes_is_refused_after_a_while_even_the_right_one(world: World) -> None:
    secret, codes = await enrol(world)
    world.now[0] += STEP_MS
    for _ in range(10):
        assert await token_status(world, "000000") == 401
    refused = await world.client.post(
        "/auth/token", json={**LOGIN, "totp": code_at(secret, world.now[0])}
    )
    assert refused.status == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert world.services.refusals.totals()[LimitName.LOGIN_FAILURES] == 1
    world.now[0] += 15 * 60_000
    assert await token_status(world, codes[0]) == 200


async def renewal(world: World, code: str) -> tuple[int, list[str]]:
    """Ask for new recovery codes; return the status and the codes."""
    answer = await world.client.post(
        f"{PATH}/recovery-codes", json={"code": code}, headers=await world.bearer()
    )
    return answer.status, (await answer.json()).get("recovery_codes", [])


async def test_renewed_recovery_codes_count_and_the_old_no_longer(world: World) -> None:
    secret, old = await enrol(world)
    assert await token_status(world, old[0]) == 200
    world.now[0] += STEP_MS
    code = code_at(secret, world.now[0])
    status, new = await renewal(world, code)
    assert (status, len({*old, *new})) == (200, 20)
    shown = await world.client.get(PATH, headers=await world.bearer())
    assert await shown.json() == {"enabled": True, "recovery_codes_left": 10}
    assert await token_status(world, old[1]) == 401
    assert await token_status(world, new[0]) == 200
    # The code is used up, for logins too.
    assert await token_status(world, code) == 401


async def test_renewal_needs_a_fresh_code_of_the_app(world: World) -> None:
    assert (await renewal(world, "123456"))[0] == 409
    secret, old = await enrol(world)
    for code in ("000000", old[0], code_at(secret, world.now[0]), ""):
        assert (await renewal(world, code))[0] == 400
    assert await token_status(world, old[0]) == 200
    world.now[0] += STEP_MS
    code = code_at(secret, world.now[0])
    outcomes = await asyncio.gather(*(renewal(world, code) for _ in range(4)))
    assert sorted(status for status, _ in outcomes) == [200, 400, 400, 400]


async def test_guesses_at_renewal_and_at_login_are_counted_together(world: World) -> None:
    secret, _ = await enrol(world)
    world.now[0] += STEP_MS
    for _ in range(5):
        assert (await renewal(world, "000000"))[0] == 400
        assert await token_status(world, "000000") == 401
    assert (await renewal(world, code_at(secret, world.now[0])))[0] == 429
    assert await token_status(world, code_at(secret, world.now[0])) == 429


async def test_renewal_is_in_the_audit_log_without_codes(world: World) -> None:
    secret, _ = await enrol(world)
    world.now[0] += STEP_MS
    _, codes = await renewal(world, code_at(secret, world.now[0]))
    log = await (await world.client.get("/api/audit", headers=await world.bearer())).text()
    assert "second-factor.renew-codes" in log
    assert not any(code in log for code in codes)


async def test_enrolment_needs_the_password_and_a_right_first_code(world: World) -> None:
    headers = await world.bearer()
    wrong = await world.client.post(PATH, json={"current_password": "no"}, headers=headers)
    assert (wrong.status, (await wrong.json())["field"]) == (400, "current_password")
    none = await world.client.post(f"{PATH}/confirm", json={"code": "123456"}, headers=headers)
    assert none.status == 409
    body = {"current_password": PASSWORD}
    begun = await (await world.client.post(PATH, json=body, headers=headers)).json()
    bad = await world.client.post(f"{PATH}/confirm", json={"code": "000000"}, headers=headers)
    assert (bad.status, (await bad.json())["field"]) == (400, "code")
    # Until then the password is enough.
    assert await token_status(world) == 200
    code = {"code": code_at(begun["secret"], world.now[0])}
    assert (await world.client.post(f"{PATH}/confirm", json=code, headers=headers)).status == 200
    again = await world.client.post(PATH, json=body, headers=headers)
    assert again.status == 409


async def test_it_is_turned_off_with_the_password_only(world: World) -> None:
    await enrol(world)
    headers = await world.bearer()
    wrong = await world.client.delete(PATH, json={"current_password": "no"}, headers=headers)
    assert wrong.status == 400
    assert await token_status(world) == 401
    off = await world.client.delete(PATH, json={"current_password": PASSWORD}, headers=headers)
    assert off.status == 204
    assert await token_status(world) == 200


async def test_admin_turns_it_off_for_somebody_else(world: World) -> None:
    await enrol(world)
    headers = await world.bearer()
    path = "/api/users/the-admin/second-factor"
    assert (await world.client.delete(path, headers=headers)).status == 204
    assert (await world.client.delete(path, headers=headers)).status == 404
    assert await token_status(world) == 200


async def test_neither_secret_nor_recovery_codes_are_in_the_records(
    world: World, tmp_path: Path
) -> None:
    secret, codes = await enrol(world)

    def dump() -> str:
        with closing(sqlite3.connect(tmp_path / "records.db")) as database:
            return "\n".join(database.iterdump())

    text = await asyncio.to_thread(dump)
    for each in (secret, *codes, codes[0].replace("-", "")):
        assert each not in text


async def login_ticket(world: World, target: str = "/alerts") -> str:
    answer = await world.client.post("/login", data={**LOGIN, "next": target})
    text = await answer.text()
    assert answer.status == 200
    assert "redshank_session" not in answer.cookies
    found = re.search(r'name="ticket" value="([^"]+)"', text)
    assert found is not None
    return found[1]


async def test_page_asks_for_the_code_as_a_second_step(world: World) -> None:
    secret, _ = await enrol(world)
    world.now[0] += STEP_MS
    ticket = await login_ticket(world)
    form = {"ticket": ticket, "next": "/alerts", "code": "000000"}
    wrong = await world.client.post("/login/code", data=form)
    assert wrong.status == 401
    assert "This code is wrong" in await wrong.text()
    form["code"] = code_at(secret, world.now[0])
    right = await world.client.post("/login/code", data=form, allow_redirects=False)
    assert (right.status, right.headers["Location"]) == (303, "/alerts")
    assert "redshank_session" in right.cookies
    replayed = await world.client.post("/login/code", data=form, allow_redirects=False)
    assert replayed.status == 401


async def test_ticket_is_no_credential_and_no_code_is_no_code(world: World) -> None:
    await enrol(world)
    ticket = await login_ticket(world)
    headers = {"Authorization": f"Bearer {ticket}"}
    assert (await world.client.get("/api/session", headers=headers)).status == 401
    for form in ({"ticket": ticket}, {"ticket": ticket, "code": ""}, {"ticket": "x", "code": "1"}):
        answer = await world.client.post("/login/code", data=form, allow_redirects=False)
        assert answer.status == 401
        assert "redshank_session" not in answer.cookies


@pytest.mark.parametrize("end", ["time", "password", "removal"])
async def test_ticket_ends(world: World, end: str) -> None:
    _, codes = await enrol(world)
    ticket = await login_ticket(world)
    match end:
        case "time":
            world.now[0] += 302_000
        case "password":
            await world.accounts.set_password("the-admin", "another hash")
        case "removal":
            await world.user("another-admin")
            await world.accounts.remove_user("the-admin")
    form = {"ticket": ticket, "code": codes[0]}
    answer = await world.client.post("/login/code", data=form, allow_redirects=False)
    assert answer.status == 401
    assert "log in again" in await answer.text()


async def test_ticket_of_another_site_is_refused(world: World) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await world.client.post("/login/code", data={"ticket": "x"}, headers=headers)
    assert answer.status == 403


async def test_pages_turn_it_on_and_off(world: World) -> None:
    headers = await world.cookie()
    page = "/account/second-factor"
    assert "Set it up" in await (await world.client.get(page, headers=headers)).text()
    wrong = await world.client.post(page, data={"current_password": "no"}, headers=headers)
    assert "the current password is wrong" in await wrong.text()
    begun = await world.client.post(page, data={"current_password": PASSWORD}, headers=headers)
    text = await begun.text()
    assert "<svg" in text
    secret = re.search(r'data-copy="([A-Z2-7]{32})"', text)
    assert secret is not None
    bad = await world.client.post(f"{page}/confirm", data={"code": "12"}, headers=headers)
    assert bad.status == 400
    form = {"code": code_at(secret[1], world.now[0])}
    on = await (await world.client.post(f"{page}/confirm", data=form, headers=headers)).text()
    assert len(re.findall(r"<li><code>[a-z2-9-]{29}</code>", on)) == 10
    assert secret[1] not in await (await world.client.get(page, headers=headers)).text()
    assert (
        "10 recovery codes left"
        in await (await world.client.get("/account", headers=headers)).text()
    )
    refused = await world.client.post(f"{page}/off", data={}, headers=headers)
    assert refused.status == 400
    off = await world.client.post(
        f"{page}/off", data={"current_password": PASSWORD}, headers=headers
    )
    assert "The second factor is off" in await off.text()


async def test_sessions_that_exist_go_on(world: World) -> None:
    session = {"Cookie": f"redshank_session={await world.secret(CredentialKind.SESSION)}"}
    await enrol(world)
    assert (await world.client.get("/api/session", headers=session)).status == 200


async def test_page_renews_recovery_codes_and_shows_them_once(world: World) -> None:
    secret, old = await enrol(world)
    headers, page = await world.cookie(), "/account/second-factor"
    form = {"code": code_at(secret, world.now[0])}
    used = await world.client.post(f"{page}/recovery-codes", data=form, headers=headers)
    assert used.status == 400
    assert "wrong or was used before" in await used.text()
    world.now[0] += STEP_MS
    form = {"code": code_at(secret, world.now[0])}
    text = await (
        await world.client.post(f"{page}/recovery-codes", data=form, headers=headers)
    ).text()
    new = re.findall(r"<li><code>([a-z2-9-]{29})</code>", text)
    assert len({*old, *new}) == 20
    again = await (await world.client.get(page, headers=headers)).text()
    assert not any(code in again for code in new)
    form = {"code": "000000"}
    for _ in range(10):
        refused = await world.client.post(f"{page}/recovery-codes", data=form, headers=headers)
    assert refused.status == 429
    assert "too many wrong codes" in await refused.text()
