"""The pages of probes: the list, which is kept live, and the form of one probe."""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web
from pydantic import ValidationError

from model.clock import Clock
from model.probing.definitions import ProbeKind
from scraper.probing.library import ProbeEntry
from scraper.probing.prober import ProbeOutcome
from storage.api.errors import RecordError
from web.http.errors import BadRequestError
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface
from web.http.validation import field_errors
from web.http.viewing.texts import marked
from web.live.shell import PageAddress, Shell
from web.probes.actions import ProbeActions
from web.probes.documents import ProbeDocument, masked, probe_document
from web.probes.form_fields import definition_of, form_of

PROBES: Final = Page(
    path="/probes",
    title="Probes",
    template="probes/list.html",
    position=42,
    notices={
        "stored": "The probe is stored and runs.",
        "deleted": "The probe is deleted. Its samples stay.",
        "paused": "The probe is paused: it does not run, and has no alert.",
        "resumed": "The probe runs again.",
    },
)
NEW_PROBE: Final = Page(
    path="/probes/new",
    title="New probe",
    template="probes/form.html",
    access=Access.EDITOR,
    parent="/probes",
)
PROBE: Final = Page(
    path="/probes/{name}", title="Probe", template="probes/form.html", parent="/probes"
)
_KINDS: Final = (
    ("http", "HTTP", marked("Asks a web address and checks status, text or JSON.")),
    ("tcp", "TCP", marked("Connects to a port.")),
    ("ping", "Ping", marked("Sends an ICMP echo request.")),
    ("dns", "DNS", marked("Asks a name server for records.")),
    ("tls", marked("TLS certificate"), marked("Warns before a certificate expires.")),
    ("heartbeat", marked("Heartbeat"), marked("Waits for a job to call a URL in time.")),
)


class ProbePages:
    """Lists, adds, changes, tests, pauses and deletes probes."""

    def __init__(self, actions: ProbeActions, shell: Shell, clock: Clock) -> None:
        self._actions, self._probes = actions, actions.probes
        self._shell, self._clock = shell, clock
        shell.add_region("probes", "probes/live.html", self._region, is_shared=True)

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        one, edit, page = "/probes/{name}", Access.EDITOR, Surface.PAGE
        return (
            self._shell.route(PROBES, self.listed),
            self._shell.route(NEW_PROBE, self.new),
            Route("POST", "/probes/new", self.add, edit, page),
            self._shell.route(PROBE, self.show),
            Route("POST", one, self.change, edit, page),
            Route("POST", f"{one}/pause", self.pause, edit, page),
            Route("POST", f"{one}/delete", self.delete, edit, page),
            Route("POST", f"{one}/heartbeat-url", self.issue, edit, page),
        )

    def _values(self, query: Mapping[str, str]) -> dict[str, Any]:
        search = query.get("q", "").strip()[:200]
        state = query.get("state", "")
        found = [self._row(each) for each in self._probes.library.entries()]
        counts = {
            name: sum(row["state"] == name for row in found)
            for name in ("up", "down", "pending", "paused")
        }
        shown = [
            row for row in found if search.casefold() in row["text"] and state in ("", row["state"])
        ]
        return {
            "probes": shown,
            "total": len(found),
            "counts": counts,
            "search": search,
            "chosen_state": state if state in counts else "",
            "now_ms": self._clock(),
        }

    def _row(self, entry: ProbeEntry) -> dict[str, Any]:
        document: ProbeDocument = probe_document(entry, self._probes)
        state = self._probes.prober.state(entry.definition.name)
        labels = " ".join(f"{name}={value}" for name, value in entry.definition.labels.items())
        return {
            **document,
            "recent": _spark(state.recent_s if state is not None else []),
            "text": f"{document['name']} {entry.definition.target} {labels}".casefold(),
        }

    async def _region(self, address: PageAddress) -> Mapping[str, Any]:
        return self._values(address.query)

    async def listed(self, request: web.Request) -> web.Response:
        """List the probes with their states."""
        return await self._shell.page(request, PROBES, **self._values(request.query))

    async def new(self, request: web.Request) -> web.Response:
        """Show the form of a new probe; its query fills the fields."""
        kind = request.query.get("kind", "http")
        kind = kind if kind in set(ProbeKind) else "http"
        given = form_of(None) | {"kind": kind} | dict(request.query)
        return await self._form(request, NEW_PROBE, {**given, "kind": kind})

    async def add(self, request: web.Request) -> web.Response:
        """Store or test a new probe."""
        return await self._put(request, NEW_PROBE, None)

    async def show(self, request: web.Request) -> web.Response:
        """Show a probe and its form."""
        entry = self._entry(request)
        return await self._form(request, PROBE, form_of(masked(entry.definition)), entry=entry)

    async def change(self, request: web.Request) -> web.Response:
        """Store or test a changed probe."""
        return await self._put(request, PROBE, self._entry(request))

    async def pause(self, request: web.Request) -> web.Response:
        """Pause a probe, or let it run again."""
        entry = self._entry(request)
        paused = not entry.definition.paused
        changed = entry.definition.model_copy(update={"paused": paused})
        await self._actions.change(request, entry, changed)
        raise web.HTTPSeeOther(f"/probes?notice={'paused' if paused else 'resumed'}")

    async def delete(self, request: web.Request) -> web.Response:
        """Delete a probe."""
        await self._actions.remove(request, self._entry(request))
        raise web.HTTPSeeOther("/probes?notice=deleted")

    async def issue(self, request: web.Request) -> web.Response:
        """Show a new URL of a heartbeat, once."""
        entry = self._entry(request)
        url = await self._actions.issue_url(request, entry)
        given = form_of(masked(entry.definition))
        return await self._form(request, PROBE, given, entry=entry, url=url)

    def _entry(self, request: web.Request) -> ProbeEntry:
        return self._probes.library.get(request.match_info["name"])

    async def _put(
        self, request: web.Request, page: Page, before: ProbeEntry | None
    ) -> web.Response:
        given = await read_form(request)
        outcome = None
        try:
            definition = definition_of(given, before)
            if given.get("action") == "test":
                outcome = await self._actions.test(definition)
            elif before is None:
                await self._actions.add(request, definition)
            else:
                await self._actions.change(request, before, definition)
        except ValidationError as exc:
            return await self._form(request, page, given, _problems(exc), before, status=400)
        except (BadRequestError, RecordError) as exc:
            field, _, message = str(exc).partition(": ")
            problems = {field: message} if message else {"": str(exc)}
            return await self._form(request, page, given, problems, before, status=400)
        if outcome is not None:
            return await self._form(request, page, given, entry=before, outcome=outcome)
        if before is None and definition.kind is ProbeKind.HEARTBEAT:
            raise web.HTTPSeeOther(f"/probes/{quote(definition.name, safe='')}?made")
        raise web.HTTPSeeOther("/probes?notice=stored")

    async def _form(
        self,
        request: web.Request,
        page: Page,
        given: Mapping[str, str],
        problems: Mapping[str, str] | None = None,
        entry: ProbeEntry | None = None,
        *,
        outcome: ProbeOutcome | None = None,
        url: str = "",
        status: int = 200,
    ) -> web.Response:
        return await self._shell.page(
            request,
            page,
            status,
            given=given,
            problems=problems or {},
            outcome=outcome,
            url=url,
            kinds=_KINDS,
            probe=None if entry is None else probe_document(entry, self._probes),
            now_ms=self._clock(),
        )


def _problems(error: ValidationError) -> dict[str, str]:
    """Return the message of each wrong field; one of the whole form begins with its field."""
    found: dict[str, str] = {}
    for name, message in field_errors(error).items():
        field, colon, text = message.partition(": ")
        if not name and colon and " " not in field:
            name, message = field, text  # noqa: PLW2901 - the field that is meant.
        found[name.rpartition(".")[2]] = message
    return found


def _spark(recent_s: list[float]) -> str:
    """Return the points of a line of durations, for an SVG of 60 by 16."""
    if len(recent_s) < 2:
        return ""
    most = max(recent_s) or 1.0
    step = 60 / (len(recent_s) - 1)
    return " ".join(
        f"{index * step:.1f},{15 - 14 * value / most:.1f}" for index, value in enumerate(recent_s)
    )
