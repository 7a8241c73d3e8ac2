"""A server that answers as GitHub's REST API does, on loopback.

Source: docs.github.com, "Using pagination", "Rate limits" and "Conditional requests".
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web
from aiohttp.test_utils import TestServer

TOKEN = "ghp_right"


def at(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def pull(number: int, updated_ms: int, **more: Any) -> dict[str, Any]:
    return {
        "number": number,
        "state": "open",
        "title": f"Change {number}",
        "user": {"login": "ann"},
        "created_at": at(updated_ms - 3_600_000),
        "updated_at": at(updated_ms),
        "merged_at": None,
        "closed_at": None,
        "merge_commit_sha": None,
        "head": {"sha": f"{number:040x}"},
        "base": {"repo": {"full_name": "o/r"}},
        **more,
    }


def review(key: int, number: int, time_ms: int) -> dict[str, Any]:
    return {
        "id": key,
        "user": {"login": "bob"},
        "state": "CHANGES_REQUESTED",
        "submitted_at": at(time_ms),
        "commit_id": f"{number:040x}",
        "pull_request_url": f"https://api.github.com/repos/o/r/pulls/{number}",
    }


def commit(number: int, time_ms: int) -> dict[str, Any]:
    return {
        "sha": f"{number:040x}",
        "html_url": f"https://github.com/o/r/commit/{number:040x}",
        "commit": {
            "message": f"Commit {number}\n\nWhy.",
            "author": {"name": "Ann", "email": "ann@example.com", "date": at(time_ms)},
            "committer": {"name": "Ann", "email": "ann@example.com", "date": at(time_ms)},
        },
        "author": {"login": "ann"},
    }


class Github:
    """The state of one repository, `o/r`, and what was asked.

    Attributes:
        faults: answers that are given first, whatever is asked.
        paths: the path and query of each request, with the status of the answer.
        remaining: requests that the rate limit still allows.
    """

    def __init__(self) -> None:
        self.pulls: list[dict[str, Any]] = []
        self.reviews: dict[int, list[dict[str, Any]]] = {}
        self.commits: list[dict[str, Any]] = []
        self.sizes: dict[int, tuple[int, int]] = {}
        self.faults: list[Callable[[web.Request], web.Response]] = []
        self.paths: list[tuple[str, int]] = []
        self.remaining = 5_000
        self.reset_s = 0
        self.most_per_page = 100
        self.next_origin = ""

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._middleware])
        app.router.add_get("/repos/o/r/pulls", self._pulls)
        app.router.add_get("/repos/o/r/pulls/{number}", self._pull)
        app.router.add_get("/repos/o/r/pulls/{number}/reviews", self._reviews)
        app.router.add_get("/repos/o/r/commits", self._commits)
        return app

    def statuses(self, path: str) -> list[int]:
        return [status for asked, status in self.paths if asked.split("?")[0] == path]

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if self.faults:
            answer: web.StreamResponse = self.faults.pop(0)(request)
        elif request.headers.get("Authorization") != f"Bearer {TOKEN}":
            answer = web.json_response({"message": "Bad credentials"}, status=401)
        else:
            try:
                answer = await handler(request)
            except web.HTTPNotFound:
                answer = web.json_response({"message": "Not Found"}, status=404)
        if answer.status != 304:
            self.remaining -= 1
        answer.headers.setdefault("X-RateLimit-Limit", "5000")
        answer.headers.setdefault("X-RateLimit-Remaining", str(max(self.remaining, 0)))
        answer.headers.setdefault("X-RateLimit-Reset", str(self.reset_s))
        self.paths.append((str(request.rel_url), answer.status))
        return answer

    def _list(self, request: web.Request, found: list[dict[str, Any]]) -> web.Response:
        size = min(int(request.query.get("per_page", "30")), self.most_per_page)
        page = int(request.query.get("page", "1"))
        body = orjson.dumps(found[(page - 1) * size : page * size])
        etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        headers = {"ETag": etag}
        if page * size < len(found):
            origin = self.next_origin or str(request.url.origin())
            more = request.rel_url.update_query({"page": str(page + 1)})
            last = request.rel_url.update_query({"page": str(-(-len(found) // size))})
            headers["Link"] = f'<{origin}{more}>; rel="next", <{origin}{last}>; rel="last"'
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def _pulls(self, request: web.Request) -> web.Response:
        assert request.query["state"] == "all"
        assert (request.query["sort"], request.query["direction"]) == ("updated", "desc")
        found = sorted(self.pulls, key=lambda one: str(one["updated_at"]), reverse=True)
        return self._list(request, found)

    async def _pull(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        for one in self.pulls:
            if one["number"] == number:
                added, removed = self.sizes.get(number, (0, 0))
                return web.json_response({**one, "additions": added, "deletions": removed})
        raise web.HTTPNotFound

    async def _reviews(self, request: web.Request) -> web.Response:
        return self._list(request, self.reviews.get(int(request.match_info["number"]), []))

    async def _commits(self, request: web.Request) -> web.Response:
        since = request.query["since"]
        found = [one for one in self.commits if one["commit"]["committer"]["date"] >= since]
        found.sort(key=lambda one: str(one["commit"]["committer"]["date"]), reverse=True)
        return self._list(request, found)


def refusal(status: int, **headers: str) -> Callable[[web.Request], web.Response]:
    """Return a fault; underscores of a header's name stand for hyphens."""

    def answer(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({"message": "no"}, status=status, headers=named)

    return answer


@asynccontextmanager
async def running_github(github: Github) -> AsyncIterator[str]:
    """Serve; yields the URL."""
    server = TestServer(github.application())
    await server.start_server()
    try:
        yield str(server.make_url("")).rstrip("/")
    finally:
        await server.close()


def numbered(count: int, time_ms: int) -> Iterator[tuple[int, int]]:
    """Yield numbers from 1, each a minute older than the one before."""
    yield from ((number, time_ms - number * 60_000) for number in range(1, count + 1))
