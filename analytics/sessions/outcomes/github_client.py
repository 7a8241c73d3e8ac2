"""Requests to GitHub's API: pages, unchanged answers, rate limits and repeated attempts.

Source: docs.github.com, "Best practices for using the REST API", "Rate limits for the REST
API" and "Using pagination in the REST API".
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson
from yarl import URL

from analytics.errors import AnalyticsError
from model.clock import Clock

Sleep = Callable[[float], Awaitable[None]]

_ATTEMPTS: Final = 5
_FIRST_WAIT_S: Final = 2.0
_SECONDARY_WAIT_S: Final = 60.0
"""GitHub asks for a minute at least after a secondary limit without `Retry-After`."""
_LONGEST_WAIT_S: Final = 3_700.0
"""A rate limit is lifted within the hour."""
_MOST_REDIRECTS: Final = 5
_MOST_BODY_BYTES: Final = 32 * 2**20
_MOST_PAGES: Final = 10_000
_TIMEOUT: Final = aiohttp.ClientTimeout(total=60)
_REDIRECTS: Final = frozenset({301, 302, 307, 308})
_HEADERS: Final = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
    "User-Agent": "redshank",
}


class GithubError(AnalyticsError):
    """GitHub did not answer a request as its documentation says, or refused it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "sessions.github")


@dataclass(slots=True)
class GithubStatistics:
    """Counts of requests since the start.

    Attributes:
        requests: by status; 0 stands for no answer.
        waited_s: seconds spent waiting for a rate limit or before another attempt.
        remaining: requests that the rate limit still allows; None before the first answer.
        failures: by repository, passes that failed.
        success_ms: by repository, the time of the last complete pass.
    """

    requests: dict[int, int] = field(default_factory=dict)
    waited_s: float = 0.0
    remaining: int | None = None
    failures: dict[str, int] = field(default_factory=dict)
    success_ms: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GithubPage:
    """One page of an answer.

    Attributes:
        body: the decoded JSON.
        etag: what names this state of the first page; "" if GitHub names none.
    """

    body: Any
    etag: str


@dataclass(frozen=True, slots=True)
class _GithubAnswer:
    status: int
    headers: Mapping[str, str]
    body: bytes
    next_url: URL | None


class GithubClient:
    """Reads from the API with a token, one request at a time, as GitHub asks for."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api_url: str,
        token: str,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
        statistics: GithubStatistics | None = None,
    ) -> None:
        self._session, self._api = session, URL(api_url)
        self._headers = {**_HEADERS, "Authorization": f"Bearer {token}"}
        self._clock, self._sleep = clock, sleep
        self._statistics = statistics or GithubStatistics()
        # The answer that used up the rate limit, until its reset.
        self._last: _GithubAnswer | None = None

    async def pages(
        self, path: str, parameters: dict[str, str], etag: str = ""
    ) -> AsyncGenerator[GithubPage, None]:
        """Yield the pages of a list; none if the first one still has this ETag.

        Raises:
            GithubError: a page cannot be read.
        """
        url: URL | None = self._url(path).update_query({**parameters, "per_page": "100"})
        for _ in range(_MOST_PAGES):
            if url is None:
                return
            answer = await self._get(url, etag)
            if answer.status == 304:
                return
            yield GithubPage(_decoded(answer.body, url), answer.headers.get("ETag", ""))
            url, etag = answer.next_url, ""

    async def one(self, path: str) -> Any:
        """Return one object.

        Raises:
            GithubError: it cannot be read.
        """
        url = self._url(path)
        return _decoded((await self._get(url, "")).body, url)

    def _url(self, path: str) -> URL:
        return URL(f"{self._api}{path}")

    async def _get(self, url: URL, etag: str) -> _GithubAnswer:
        """Return an answer with status 200 or 304, after redirects, waits and new attempts."""
        wait_s, redirects, attempt = _FIRST_WAIT_S, 0, 1
        if self._last is not None:
            await self._wait(self._until_reset_s(self._last))
            self._last = None
        while True:
            answer = await self._attempt(url, etag)
            status = answer.status if answer is not None else 0
            if answer is not None:
                if status in (200, 304):
                    if _number(answer, "X-RateLimit-Remaining") == 0:
                        self._last = answer
                    return answer
                if status in _REDIRECTS and redirects < _MOST_REDIRECTS:
                    redirects, url = redirects + 1, self._redirected(url, answer)
                    continue
                limit_s = self._limit_s(answer)
                if limit_s is None and status < 500:
                    raise GithubError(_refusal(status, url))
            else:
                limit_s = None
            if attempt == _ATTEMPTS:
                raise GithubError(f"{url.path}: no usable answer in {attempt} attempts ({status})")
            await self._wait(wait_s if limit_s is None else max(limit_s, wait_s))
            wait_s, attempt = wait_s * 2, attempt + 1

    async def _attempt(self, url: URL, etag: str) -> _GithubAnswer | None:
        """Return the answer of one request, None if there was none."""
        headers = {**self._headers, "If-None-Match": etag} if etag else self._headers
        try:
            async with self._session.get(
                url, headers=headers, allow_redirects=False, timeout=_TIMEOUT
            ) as response:
                body = await _bounded(response)
                link = response.links.get("next")
                next_url = URL(str(link["url"])) if link else None
                answer = _GithubAnswer(response.status, response.headers, body, next_url)
        except (aiohttp.ClientError, TimeoutError, OSError):
            self._count(0)
            return None
        self._count(answer.status)
        remaining = _number(answer, "X-RateLimit-Remaining")
        if remaining is not None:
            self._statistics.remaining = remaining
        if next_url is not None and next_url.origin() != self._api.origin():
            raise GithubError("a link leads to another host; the token is not sent there")
        return answer

    def _count(self, status: int) -> None:
        counts = self._statistics.requests
        counts[status] = counts.get(status, 0) + 1

    def _redirected(self, url: URL, answer: _GithubAnswer) -> URL:
        found = url.join(URL(answer.headers.get("Location", "")))
        if found.origin() != self._api.origin():
            raise GithubError(f"{url.path} redirects to another host; the token is not sent there")
        return found

    def _limit_s(self, answer: _GithubAnswer) -> float | None:
        """Return how long a rate limit lasts, None if the answer is of another kind."""
        if answer.status not in (403, 429):
            return None
        after_s = _number(answer, "Retry-After")
        if after_s is not None:
            return float(after_s)
        if _number(answer, "X-RateLimit-Remaining") == 0:
            return self._until_reset_s(answer)
        if answer.status == 429 or b"secondary rate limit" in answer.body.lower():
            return _SECONDARY_WAIT_S
        return None

    def _until_reset_s(self, answer: _GithubAnswer) -> float:
        reset_s = _number(answer, "X-RateLimit-Reset")
        if reset_s is None:
            return _SECONDARY_WAIT_S
        # One second more: the header has no fraction.
        return max(reset_s - self._clock() / 1000, 0.0) + 1.0

    async def _wait(self, wait_s: float) -> None:
        wait_s = min(wait_s, _LONGEST_WAIT_S)
        self._statistics.waited_s += wait_s
        await self._sleep(wait_s)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    parts, size = [], 0
    async for part in response.content.iter_chunked(65_536):
        size += len(part)
        if size > _MOST_BODY_BYTES:
            raise GithubError(f"{response.url.path}: the answer has more than 32 MiB")
        parts.append(part)
    return b"".join(parts)


def _number(answer: _GithubAnswer, name: str) -> int | None:
    text = answer.headers.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


def _decoded(body: bytes, url: URL) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise GithubError(f"{url.path}: the answer is not JSON: {exc}") from exc


def _refusal(status: int, url: URL) -> str:
    if status == 401:
        return "the token is not valid (401): create a new one and set sessions.github.token"
    if status in (403, 404):
        return f"{url.path}: {status}: the repository does not exist, or the token may not read it"
    return f"{url.path}: GitHub refused the request ({status})"
