"""`/api/v2/silences` and `/api/v2/silence/{id}`."""

import uuid
from typing import Final

from aiohttp import web

from alerting.notifications.router import AlertRouter
from alerting.routing.silence_changes import changed_silences, expired, problem_of
from alerting.routing.silences import Silence, SilenceState
from model.clock import Clock
from model.labels import Labels
from model.matchers import BadPatternError, Matcher
from web.alertmanager.documents import SilenceDocument, SilenceIdDocument, silence_document
from web.alertmanager.filters import matchers_of, silence_matches
from web.alertmanager.forms import MatcherForm, SilenceForm, SilencePath, time_ms
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

_TAG: Final = "alertmanager"
_SURFACE: Final = Surface.ALERTMANAGER
_FIELDS: Final = {"ends": "endsAt", "matchers": "matchers"}
_ORDER: Final = (SilenceState.ACTIVE, SilenceState.PENDING, SilenceState.EXPIRED)


class SilencesApi:
    """Adds, changes, expires and lists silences."""

    def __init__(self, router: AlertRouter, clock: Clock) -> None:
        self._router, self._clock = router, clock

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        listing = Operation(_TAG, list[SilenceDocument], errors=(400,))
        add = Operation(_TAG, SilenceIdDocument, SilenceForm, errors=(400, 404))
        one = Operation(_TAG, SilenceDocument, path=SilencePath, errors=(404,))
        expire = Operation(_TAG, status=200, path=SilencePath, errors=(404,))
        return tuple(
            Route(method, f"/api/v2/{path}", handler, access, _SURFACE, operation=operation)
            for method, path, handler, access, operation in (
                ("GET", "silences", self.listed, Access.VIEWER, listing),
                ("POST", "silences", self.put, Access.EDITOR, add),
                ("GET", "silence/{uuid}", self.one, Access.VIEWER, one),
                ("DELETE", "silence/{uuid}", self.expire, Access.EDITOR, expire),
            )
        )

    async def listed(self, request: web.Request) -> web.Response:
        """List silences: active ones first, then pending and expired ones."""
        filters, now_ms = matchers_of(request.query.getall("filter", [])), self._clock()
        found = [
            each
            for each in self._router.dispatcher.silences.all()
            if silence_matches(filters, each.matchers)
        ]
        found.sort(key=lambda each: (_ORDER.index(each.state(now_ms)), each.ends_ms, each.id))
        return json_response([silence_document(each, now_ms) for each in found])

    def _known(self, silence_id: str) -> Silence:
        silence = self._router.dispatcher.silences.get(silence_id)
        if silence is None:
            raise MissingError(f"silence {silence_id} not found")
        return silence

    async def one(self, request: web.Request) -> web.Response:
        """Show one silence."""
        silence = self._known(request.match_info["uuid"])
        return json_response(silence_document(silence, self._clock()))

    async def put(self, request: web.Request) -> web.Response:
        """Add a silence, or change the one whose id is given.

        A change of the matchers or of a start in the past makes a new silence, and the old one
        expires.
        """
        form, now_ms = await read_json(request, SilenceForm), self._clock()
        before = self._known(form.id) if form.id else None
        starts_ms, ends_ms = time_ms(form.startsAt) or now_ms, time_ms(form.endsAt) or 0
        matchers = tuple(_matcher(number, each) for number, each in enumerate(form.matchers))
        windows = before.windows if before is not None else ()
        new = Silence(
            str(uuid.uuid4()),
            matchers,
            starts_ms,
            ends_ms,
            now_ms,
            form.createdBy,
            form.comment,
            windows,
            Labels.with_empty(form.annotations),
        )
        problem = problem_of(new, now_ms)
        if problem is not None:
            field, reason = problem
            raise BadRequestError(f"{_FIELDS[field]}: {reason}")
        changed = changed_silences(before, new, now_ms)
        await self._router.put_silences(changed)
        note(request, "silence.put", changed[0].id, comment=form.comment[:200])
        return json_response({"silenceID": changed[0].id})

    async def expire(self, request: web.Request) -> web.Response:
        """End a silence now."""
        silence, now_ms = self._known(request.match_info["uuid"]), self._clock()
        if silence.state(now_ms) is not SilenceState.EXPIRED:
            await self._router.put_silences([expired(silence, now_ms)])
        note(request, "silence.expire", silence.id)
        return web.Response()


def _matcher(number: int, form: MatcherForm) -> Matcher:
    operator = {
        (False, True): "=",
        (False, False): "!=",
        (True, True): "=~",
        (True, False): "!~",
    }[form.isRegex, form.isEqual]
    try:
        return Matcher.of(form.name, operator, form.value)
    except BadPatternError as exc:
        raise BadRequestError(f"matchers.{number}.value: {exc}") from exc
