"""`/report`: reports of hosts."""

from typing import Final

from aiohttp import web

from ingest.errors import MalformedMessageError, TooMuchError
from ingest.hosts.pushed_hosts import PushedHosts
from model.clock import Clock
from storage.api.host_keys import HostKey, HostKeyRecords
from web.http.bodies import read_body
from web.http.errors import (
    BadRequestError,
    ForbiddenError,
    TooMuchInsideError,
    UnauthorizedError,
)
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.responses import body_response
from web.http.routing import Access, Route, Surface
from web.identity.secret_hashes import secret_hash
from web.identity.tokens import token_of
from web.ingest.models import ReportAnswer, ReportForm

_TAG: Final = "push"
_FIELD: Final = "host_key"
_JSON: Final = "application/json"
_EXPOSITION: Final = "text/plain"
_TIME_HEADER: Final = "X-Collected-At-Ms"

_TOUCH_AFTER_MS: Final = 30_000
"""`last_used_ms` is updated at most this often: each update is a write to disk."""


class ReportsApi:
    """Receives reports."""

    def __init__(self, hosts: PushedHosts, keys: HostKeyRecords, clock: Clock) -> None:
        self._hosts, self._keys, self._clock = hosts, keys, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the route. It is public: the handler checks the host key."""
        collected = f"With {_EXPOSITION}: the time of the exposition in Unix milliseconds."
        report = Operation(
            _TAG,
            ReportAnswer,
            ReportForm,
            other_bodies={_EXPOSITION: str},
            headers={_TIME_HEADER: collected},
            errors=(401, 403, 409),
        )
        return (
            Route("POST", "/report", self.receive, Access.PUBLIC, Surface.JSON, operation=report),
        )

    async def receive(self, request: web.Request) -> web.Response:
        """Store a report of a host; its bearer token is the host key."""
        secret = token_of(request.headers)
        if not secret:
            raise UnauthorizedError(
                f"{_FIELD}: send the host's key as Authorization: Bearer <host_key>", _FIELD
            )
        now_ms = self._clock()
        found = await self._keys.find(secret_hash(secret), now_ms)
        if found is None:
            raise ForbiddenError(f"{_FIELD}: is not the key of a registered host", _FIELD)
        key, host = found
        if request.content_type == _EXPOSITION:
            number = await self._receive_exposition(request, host.id)
            await self._touch(key, now_ms)
            return body_response(ReportAnswer(data_id=number).model_dump_json().encode(), _JSON)
        form = await read_json(request, ReportForm)
        if form.host_key and secret_hash(form.host_key) != key.secret_hash:
            raise UnauthorizedError(
                f"{_FIELD}: differs from the key in the Authorization header", _FIELD
            )
        number = await self._hosts.receive(host.id, form.report())
        await self._touch(key, now_ms)
        return body_response(ReportAnswer(data_id=number).model_dump_json().encode(), _JSON)

    async def _receive_exposition(self, request: web.Request, host_id: int) -> int:
        """Store the exposition of an exporter that pushes; return its number."""
        try:
            time_ms = int(request.headers.get(_TIME_HEADER, ""))
        except ValueError:
            raise BadRequestError(
                f"{_TIME_HEADER}: send the time of the exposition in milliseconds", _TIME_HEADER
            ) from None
        body = await read_body(request)
        try:
            return await self._hosts.receive_exposition(host_id, body, time_ms)
        except TooMuchError as exc:
            raise TooMuchInsideError(str(exc)) from exc
        except MalformedMessageError as exc:
            raise BadRequestError(str(exc)) from exc

    async def _touch(self, key: HostKey, now_ms: int) -> None:
        if key.last_used_ms is None or now_ms - key.last_used_ms >= _TOUCH_AFTER_MS:
            await self._keys.touch(key.id, now_ms)
