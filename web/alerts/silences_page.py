"""The pages of silences: the list, and the form with what the matchers match now."""

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from alerting.routing.silence_changes import changed_silences, expired
from alerting.routing.silences import Silence, SilenceState
from model.clock import Clock
from web.alerts.matched_alerts import matched, matchers_text, open_alerts
from web.alerts.previewed_form import PreviewedForm
from web.alerts.silence_forms import DURATIONS, read_silence, silence_fields
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface, user_of
from web.live.shell import PageAddress, Shell
from web.services import Alerting

_STATES: Final = {
    "active": SilenceState.ACTIVE,
    "pending": SilenceState.PENDING,
    "expired": SilenceState.EXPIRED,
}

SILENCES: Final = Page(
    path="/silences",
    title="Silences",
    template="alerts/silences_page.html",
    parent="/alerts",
    notices={
        "made": "The silence holds from its start on.",
        "changed": "The silence is changed.",
        "expired": "The silence has ended: its alerts are sent if they still fire.",
    },
)
NEW_SILENCE: Final = Page(
    path="/silences/new",
    title="New silence",
    template="alerts/silence_form.html",
    access=Access.EDITOR,
    parent="/alerts",
)
SILENCE: Final = Page(
    path="/silences/{uuid}/edit",
    title="Change a silence",
    template="alerts/silence_form.html",
    access=Access.EDITOR,
    parent="/alerts",
)


class SilencePages:
    """Lists, adds, changes and expires silences."""

    def __init__(self, alerting: Alerting, shell: Shell, clock: Clock) -> None:
        self._alerting, self._shell, self._clock = alerting, shell, clock
        self._form = PreviewedForm(alerting, shell, {"durations": DURATIONS})
        shell.add_region("silences", "alerts/silences_table.html", self._region, is_shared=True)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        one = "/silences/{uuid}"
        return (
            self._shell.route(SILENCES, self.show),
            self._shell.route(NEW_SILENCE, self.new),
            Route("POST", "/silences", self.add, Access.EDITOR, Surface.PAGE),
            self._shell.route(SILENCE, self.edit),
            Route("POST", f"{one}/edit", self.change, Access.EDITOR, Surface.PAGE),
            Route("POST", f"{one}/expire", self.expire, Access.EDITOR, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """List the silences of a state."""
        return await self._shell.page(
            request, SILENCES, **await self._region(PageAddress.of(request))
        )

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        now_ms = self._clock()
        state = address.query.get("state", "active")
        state = state if state in _STATES else "active"
        every = [
            each
            for each in self._alerting.router.dispatcher.silences.all()
            if not each.is_maintenance
        ]
        shown = [each for each in every if each.state(now_ms) is _STATES[state]]
        now_open = open_alerts(self._alerting)
        shown.sort(key=lambda each: (each.ends_ms, each.id), reverse=state == "expired")
        return {
            "state": state,
            "counts": {
                name: sum(each.state(now_ms) is wanted for each in every)
                for name, wanted in _STATES.items()
            },
            "silences": [
                (each, matchers_text(each.matchers), len(matched(now_open, each.matchers)))
                for each in shown
            ],
        }

    async def new(self, request: web.Request) -> web.Response:
        """Show the form of a new silence; its query fills the fields."""
        given = {"duration": "2h", "author": user_of(request).name, **request.query}
        return await self._form.page(request, NEW_SILENCE, "/silences", given, {})

    async def add(self, request: web.Request) -> web.Response:
        """Add a silence."""
        return await self._put(request, NEW_SILENCE, "/silences", None)

    async def edit(self, request: web.Request) -> web.Response:
        """Show the form of a silence that is to be changed."""
        silence = self._known(request)
        given = silence_fields(silence) | dict(request.query)
        return await self._form.page(request, SILENCE, f"/silences/{silence.id}/edit", given, {})

    async def change(self, request: web.Request) -> web.Response:
        """Change a silence."""
        silence = self._known(request)
        return await self._put(request, SILENCE, f"/silences/{silence.id}/edit", silence)

    async def _put(
        self, request: web.Request, page: Page, action: str, before: Silence | None
    ) -> web.Response:
        given, now_ms = await read_form(request), self._clock()
        try:
            wanted = read_silence(given, now_ms, user_of(request).name, before)
        except BadRequestError as exc:
            problems = {exc.field or "": exc.message}
            return await self._form.page(request, page, action, given, problems, 400)
        changed = changed_silences(before, wanted, now_ms)
        await self._alerting.router.put_silences(changed)
        note(request, "silence.put", changed[0].id, comment=wanted.comment[:200])
        state = changed[0].state(now_ms).value
        word = "made" if before is None else "changed"
        raise web.HTTPSeeOther(f"/silences?state={state}&notice={word}")

    async def expire(self, request: web.Request) -> web.Response:
        """End a silence now."""
        silence, now_ms = self._known(request), self._clock()
        if silence.state(now_ms) is not SilenceState.EXPIRED:
            await self._alerting.router.put_silences([expired(silence, now_ms)])
        note(request, "silence.expire", silence.id)
        raise web.HTTPSeeOther("/silences?notice=expired")

    def _known(self, request: web.Request) -> Silence:
        silence = self._alerting.router.dispatcher.silences.get(request.match_info["uuid"])
        if silence is None or silence.is_maintenance:
            raise MissingError(f"there is no silence {request.match_info['uuid']}")
        return silence
