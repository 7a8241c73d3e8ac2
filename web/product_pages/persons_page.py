"""The persons of a project: found by their id, each with a timeline; and erased on request."""

from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from storage.api.projects import ProjectRole
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface
from web.product_pages.parts import ReportParts, given, report_page
from web.product_pages.properties import shown_event, value_text
from web.projects.frame import ProjectFrame

_LISTED: Final = 50
_TIMELINE: Final = 100
_PATH: Final = "/projects/{project_key}/person"

PERSONS: Final = report_page("/persons", "Persons", "persons_page")
PERSON: Final = Page(
    path=_PATH,
    title="Person",
    template="product_pages/person_page.html",
    access=Access.USER,
    parent="/projects",
)


class PersonsPages:
    """Finds, shows and erases persons."""

    def __init__(self, parts: ReportParts) -> None:
        self._parts, self._persons = parts, parts.analytics.persons

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._parts.shell.route(PERSONS, self.show),
            self._parts.shell.route(PERSON, self.person),
            Route("POST", f"{_PATH}/erase", self.erase, Access.USER, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """List the persons whose id begins with a text, the latest first."""
        frame, prefix = await self._parts.frame(request), given(request.query, "q")
        return await self._parts.shell.page(
            request,
            PERSONS,
            **frame.values("/persons"),
            prefix=prefix,
            limit=_LISTED,
            found=await self._persons.find(frame.project, prefix, _LISTED),
            erased=request.query.get("erased", ""),
        )

    async def person(self, request: web.Request) -> web.Response:
        """Show a person with the timeline."""
        frame = await self._parts.frame(request)
        distinct_id, name = request.query.get("id", ""), given(request.query, "name")
        profile = await self._persons.profile(frame.project, distinct_id)
        if profile is None:
            raise MissingError("the project has no events of this person")
        timeline = await self._persons.timeline(
            frame.project,
            distinct_id,
            _TIMELINE,
            _cursor(given(request.query, "before")),
            (name,) if name else None,
        )
        older = None
        if timeline.following is not None:
            time_ms, sequence = timeline.following
            pairs = {"id": distinct_id, "before": f"{time_ms}_{sequence}"}
            older = f"{request.path}?{urlencode(pairs | ({'name': name} if name else {}))}"
        return await self._parts.shell.page(
            request,
            PERSON,
            **frame.values("/persons"),
            person_id=distinct_id,
            profile=profile,
            own=[(one, value_text(one.value)) for one in profile.own],
            latest=[(one, value_text(one.value)) for one in profile.properties],
            events=[shown_event(each) for each in timeline.events],
            name=name,
            older=older,
        )

    async def erase(self, request: web.Request) -> web.Response:
        """Delete a person's events if the box was ticked."""
        frame = await ProjectFrame.of(self._parts.access, request, ProjectRole.OWNER)
        form = await read_form(request)
        distinct_id = form.get("id", "")
        if form.get("confirmed") != "yes":
            raise BadRequestError("confirm that the events are to be deleted", "confirmed")
        erased = await self._parts.analytics.erase_person(frame.project, distinct_id)
        # Without the id: who asks to be erased must not live on in the log.
        note(request, "person.erase", frame.project.key, events=str(erased))
        raise web.HTTPSeeOther(f"{frame.path}/persons?erased={erased}")


def _cursor(text: str) -> tuple[int, int] | None:
    """Return time and sequence of the last event of the page before, None for the first page."""
    time_ms, _, sequence = text.partition("_")
    try:
        return (int(time_ms), int(sequence)) if text else None
    except ValueError:
        raise BadRequestError("is not a cursor", "before") from None
