"""`/api/probes`: the probes that the server runs, and the calls of heartbeats."""

from typing import Final

from aiohttp import web

from model.probing.definitions import ProbeDefinition
from scraper.probing.library import ProbeEntry
from web.http.errors import MissingError
from web.http.operations import Operation
from web.http.parameters import Parameters, read_json, read_query
from web.http.responses import body_response, json_response
from web.http.routing import Access, Route, Surface, json_routes
from web.probes.actions import ProbeActions
from web.probes.documents import (
    HeartbeatUrlDocument,
    ProbeDocument,
    ProbesDocument,
    ProbeTestDocument,
    outcome_document,
    probe_document,
    probe_json,
)

_TAG: Final = "probes"
_HEARTBEAT_BYTES: Final = 64 * 1024


class BeatQuery(Parameters):
    """The parameters of a call: `status=down` reports a failure, `msg` its reason."""

    status: str = "up"
    msg: str = ""


class ProbesApi:
    """Probes as JSON."""

    def __init__(self, actions: ProbeActions) -> None:
        self._actions, self._probes = actions, actions.probes

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        path, one = "/api/probes", "/api/probes/{name}"
        look, edit = Access.VIEWER, Access.EDITOR
        add = Operation(_TAG, ProbeDocument, ProbeDefinition, status=201, errors=(409,))
        test = Operation(_TAG, ProbeTestDocument, ProbeDefinition, errors=(503,))
        change = Operation(_TAG, ProbeDocument, ProbeDefinition, errors=(404, 409))
        remove = Operation(_TAG, status=204, errors=(404, 409))
        issue = Operation(_TAG, HeartbeatUrlDocument, status=201, errors=(400, 404))
        beat = Operation(_TAG, str, query=BeatQuery, media_type="text/plain", errors=(404,))
        return (
            *json_routes(
                ("GET", path, self.listed, look, Operation(_TAG, ProbesDocument)),
                ("POST", path, self.add, edit, add),
                ("POST", f"{path}/test", self.test, edit, test),
                ("GET", one, self.show, look, Operation(_TAG, ProbeDocument, errors=(404,))),
                ("PUT", one, self.change, edit, change),
                ("DELETE", one, self.remove, edit, remove),
                ("POST", f"{one}/heartbeat-url", self.issue, edit, issue),
            ),
            *(
                Route(
                    method,
                    "/heartbeat/{token}",
                    self.beat,
                    Access.PUBLIC,
                    Surface.JSON,
                    operation=beat,
                    body_limit_bytes=_HEARTBEAT_BYTES,
                )
                for method in ("GET", "POST")
            ),
        )

    def _entry(self, request: web.Request) -> ProbeEntry:
        return self._probes.library.get(request.match_info["name"])

    def _document(self, entry: ProbeEntry, status: int = 200) -> web.Response:
        return json_response(probe_json(probe_document(entry, self._probes)), status)

    async def listed(self, request: web.Request) -> web.Response:
        """List all probes with their states."""
        found = [
            probe_json(probe_document(each, self._probes))
            for each in self._probes.library.entries()
        ]
        return json_response({"probes": found})

    async def add(self, request: web.Request) -> web.Response:
        """Add a probe; it runs at once."""
        definition = await read_json(request, ProbeDefinition)
        return self._document(await self._actions.add(request, definition), 201)

    async def test(self, request: web.Request) -> web.Response:
        """Run a probe once and return its outcome; nothing is stored."""
        definition = await read_json(request, ProbeDefinition)
        return json_response(outcome_document(await self._actions.test(definition)))

    async def show(self, request: web.Request) -> web.Response:
        """Show one probe."""
        return self._document(self._entry(request))

    async def change(self, request: web.Request) -> web.Response:
        """Define a probe anew; a header whose value is `<secret>` keeps its value."""
        entry = self._entry(request)
        definition = await read_json(request, ProbeDefinition)
        return self._document(await self._actions.change(request, entry, definition))

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a probe; its samples stay."""
        await self._actions.remove(request, self._entry(request))
        return web.Response(status=204)

    async def issue(self, request: web.Request) -> web.Response:
        """Issue the URL of a heartbeat; it is shown only now, and replaces an earlier one."""
        url = await self._actions.issue_url(request, self._entry(request))
        return json_response({"url": url}, 201)

    async def beat(self, request: web.Request) -> web.Response:
        """Report that a job has run; `status=down` reports that it has failed."""
        query = read_query(request.query, BeatQuery)
        token, failed = request.match_info["token"], query.status == "down"
        if not await self._probes.heartbeats.beat(token, failed=failed, message=query.msg):
            raise MissingError("no heartbeat has this URL: issue a new one on the probe's page")
        return body_response(b"ok\n", "text/plain")
