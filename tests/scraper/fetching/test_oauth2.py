import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import BasicAuth, web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from model.labels import Labels
from scraper.errors import FetchError
from scraper.fetching.fetch import Fetcher
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession
from scraper.fetching.oauth2 import EARLY_S, OAuth2Access, TokenCache
from scraper.fetching.secrets import Secret
from scraper.fetching.targets import ScrapeTarget

CLIENT = OAuth2Access(
    "prom", Secret("s&cret"), "http://tokens/", ("read", "write"), (("aud", "x"),)
)


@dataclass
class TokenServer:
    """A token endpoint and a target that accepts its tokens.

    Attributes:
        forms: the forms that the token endpoint received.
        takes_header: whether it accepts credentials in the Authorization header.
    """

    takes_header: bool = True
    forms: list[dict[str, str]] = field(default_factory=list)

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        header = request.headers.get("Authorization")
        if header is not None and self.takes_header:
            client = BasicAuth.decode(header)
            is_known = (client.login, client.password) == ("prom", "s%26cret")
        else:
            is_known = (form.get("client_id"), form.get("client_secret")) == ("prom", "s&cret")
        if not is_known:
            return web.json_response({"error": "invalid_client"}, status=401)
        return web.json_response(
            {"access_token": f"t{len(self.forms)}", "token_type": "bearer", "expires_in": 3600}
        )

    async def metrics(self, request: web.Request) -> web.Response:
        return web.Response(text=f'sent{{token="{request.headers["Authorization"]}"}} 1\n')


@asynccontextmanager
async def serving(
    server: TokenServer,
) -> AsyncIterator[tuple[Fetcher, Callable[[str], ScrapeTarget]]]:
    app = web.Application()
    app.router.add_post("/token", server.token)
    app.router.add_get("/metrics", server.metrics)
    session = HttpSession()
    async with TestServer(app) as test_server:
        await session.open()

        def target(secret: str) -> ScrapeTarget:
            client = OAuth2Access(
                "prom",
                Secret(secret),
                str(test_server.make_url("/token")),
                CLIENT.scopes,
                CLIENT.endpoint_params,
            )
            url = str(test_server.make_url("/metrics"))
            labels = Labels.of(job="j")
            return ScrapeTarget(url, labels, 30.0, 20.0, access=HttpAccess(auth=client))

        yield Fetcher(session), target
        await session.close()


async def test_scrape_sends_the_token_of_the_endpoint() -> None:
    server = TokenServer()
    async with serving(server) as (fetcher, target):
        for _ in range(3):
            fetched = await fetcher.fetch(target("s&cret"))
            assert fetched.body == b'sent{token="Bearer t1"} 1\n'
    assert server.forms == [{"grant_type": "client_credentials", "scope": "read write", "aud": "x"}]


async def test_credentials_are_sent_in_the_form_where_the_header_is_refused() -> None:
    server = TokenServer(takes_header=False)
    async with serving(server) as (fetcher, target):
        assert (await fetcher.fetch(target("s&cret"))).body == b'sent{token="Bearer t2"} 1\n'
    assert [form.get("client_id") for form in server.forms] == [None, "prom"]


async def test_refused_client_fails_the_scrape_with_the_reason_and_without_the_secret() -> None:
    async with serving(TokenServer()) as (fetcher, target):
        with pytest.raises(FetchError, match=r"HTTP status 401.*invalid_client") as failure:
            await fetcher.fetch(target("wr0ng"))
    assert "wr0ng" not in str(failure.value)


class Endpoint:
    """A scripted token endpoint; `sent` counts the requests."""

    def __init__(self, **document: object) -> None:
        self.document, self.sent = document, 0

    async def __call__(
        self, _access: OAuth2Access, _headers: dict[str, str], _form: bytes
    ) -> tuple[int, bytes]:
        self.sent += 1
        await asyncio.sleep(0)
        return 200, json.dumps({"access_token": f"t{self.sent}", **self.document}).encode()


async def test_token_is_renewed_before_it_expires() -> None:
    now_s = 0.0
    endpoint = Endpoint(expires_in="60")
    cache = TokenCache(endpoint, lambda: now_s)
    assert await cache.header(CLIENT) == "Bearer t1"
    now_s = 60 - EARLY_S - 1
    assert await cache.header(CLIENT) == "Bearer t1"
    now_s = 60 - EARLY_S
    assert await cache.header(CLIENT) == "Bearer t2"


async def test_token_without_an_expiry_is_kept() -> None:
    now_s = 0.0
    cache = TokenCache(Endpoint(), lambda: now_s)
    await cache.header(CLIENT)
    now_s = 1e9
    assert await cache.header(CLIENT) == "Bearer t1"


async def test_targets_that_start_together_share_one_request() -> None:
    endpoint = Endpoint(expires_in=60)
    cache = TokenCache(endpoint, lambda: 0.0)
    headers = await asyncio.gather(*(cache.header(CLIENT) for _ in range(50)))
    assert (set(headers), endpoint.sent) == ({"Bearer t1"}, 1)


async def test_rotated_secret_gets_a_new_token(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    client = OAuth2Access("prom", Secret(file=file), "http://tokens/")
    cache = TokenCache(Endpoint(expires_in=3600), lambda: 0.0)
    for secret, header in (("a", "Bearer t1"), ("a", "Bearer t1"), ("b", "Bearer t2")):
        await asyncio.to_thread(file.write_text, secret)
        assert await cache.header(client) == header


def answering(status: int, body: bytes) -> Callable[..., Awaitable[tuple[int, bytes]]]:
    async def post(*_: object) -> tuple[int, bytes]:
        return status, body

    return post


@given(
    st.integers(200, 599),
    st.binary() | st.from_regex(r'\{"access_token": .*\}').map(str.encode) | st.just(b"[" * 10**5),
)
def test_any_answer_is_a_token_or_a_reason(status: int, body: bytes) -> None:
    cache = TokenCache(answering(status, body), lambda: 0.0)
    try:
        header = asyncio.run(cache.header(CLIENT))
    except FetchError:
        return
    assert status == 200
    assert json.loads(body)["access_token"] in header
