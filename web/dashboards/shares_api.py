"""Share links of dashboards: editors issue and revoke them, readers need no login."""

import re
from typing import Any, Final, Protocol

from aiohttp import web

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from model.durations import parse_duration_ms
from storage.api.dashboards.shares import DashboardShare
from storage.api.errors import NotFoundError
from web.dashboards.definition import Dashboard, DashboardPanel, PanelKind, PanelQuery
from web.dashboards.documents import dashboard_entry
from web.dashboards.forms import DashboardPath
from web.dashboards.interpolation import (
    VariableValues,
    built_in_values,
    interpolated,
    rate_interval_s,
)
from web.dashboards.library import DashboardLibrary
from web.dashboards.page import rendered_texts
from web.dashboards.share_forms import (
    DashboardShareForm,
    DashboardSharePath,
    SharedPath,
    SharedQueryForm,
)
from web.dashboards.shares import DashboardShares, choices_of, shared_scope
from web.http.audit_trail import note
from web.http.errors import BadRequestError, MissingError
from web.http.network import base_url
from web.http.operations import Operation
from web.http.parameters import read_json, read_path
from web.http.rendering import Renderer
from web.http.responses import html_response, json_response
from web.http.routing import Access, Route, Surface, principal_of
from web.settings import WebSettings

_TAG: Final = "dashboards"
_ENDED: Final = "this link does not exist, has ended or was revoked"
# What is drawn without a query shows data of the server that no link shares.
_PRIVATE: Final = (PanelKind.ALERT_LIST, PanelKind.DASHBOARD_LIST, PanelKind.EVENTS)


class PanelAnswers(Protocol):
    """Answers a PromQL query as Prometheus's API does."""

    async def answer(
        self, request: web.Request, expression: str, times_ms: tuple[int, int, int] | int
    ) -> web.StreamResponse:
        """Return the response at one time, or at (start, end, step); in milliseconds."""


class DashboardShareEntry(TypedDict):
    """A link of a dashboard. Only the answer that creates it has its `url`."""

    id: int
    author: str
    created_ms: int
    expires_ms: int
    variables: dict[str, list[str]]


class IssuedShareEntry(DashboardShareEntry):
    """A new link."""

    url: str


class SharesOfDashboards:
    """Issues, lists and revokes links, shows shared dashboards, and answers their queries."""

    def __init__(
        self,
        library: DashboardLibrary,
        shares: DashboardShares,
        answers: PanelAnswers,
        renderer: Renderer,
        settings: WebSettings,
    ) -> None:
        self._library, self._shares = library, shares
        self._answers, self._renderer, self._settings = answers, renderer, settings

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        path, errors = "/api/dashboards/{uid}/shares", (400, 404)
        add = Operation(
            *(_TAG, IssuedShareEntry, DashboardShareForm),
            path=DashboardPath,
            status=201,
            errors=(400, 404, 409),
        )
        listing = Operation(_TAG, list[DashboardShareEntry], path=DashboardPath, errors=errors)
        revoke = Operation(_TAG, path=DashboardSharePath, status=204, errors=errors)
        asked = Operation(
            *(_TAG, dict[str, Any], SharedQueryForm), path=SharedPath, errors=(400, 404, 422, 503)
        )
        editor, json = Access.EDITOR, Surface.JSON
        query = "/api/shared/dashboards/{token}/query"
        return (
            Route("POST", path, self.issue, editor, json, operation=add),
            Route("GET", path, self.listed, editor, json, operation=listing),
            Route("DELETE", f"{path}/{{id}}", self.revoke, editor, json, operation=revoke),
            Route("POST", query, self.query, Access.PUBLIC, json, operation=asked),
            Route("GET", "/share/dashboards/{token}", self.show, Access.PUBLIC, Surface.PAGE),
        )

    async def issue(self, request: web.Request) -> web.Response:
        """Create a link that shows the dashboard without a login; its URL is shown once."""
        uid = read_path(request, DashboardPath).uid
        form = await read_json(request, DashboardShareForm)
        _, dashboard, _ = await self._library.get(uid)
        unknown = set(form.variables) - {each.name for each in dashboard.variables}
        if unknown:
            raise BadRequestError(
                f"the dashboard has no variable {min(unknown)!r}", f"variables.{min(unknown)}"
            )
        author = principal_of(request).name
        issued = await self._shares.issue(uid, form.variables, author, form.days)
        note(request, "dashboard.share", uid, id=str(issued.share.id))
        url = f"{base_url(request, self._settings)}/share/dashboards/{issued.token}"
        return json_response({**_entry(issued.share), "url": url}, 201)

    async def listed(self, request: web.Request) -> web.Response:
        """List the links that have not ended, the newest first."""
        uid = read_path(request, DashboardPath).uid
        await self._library.get(uid)
        return json_response([_entry(share) for share in await self._shares.live(uid)])

    async def revoke(self, request: web.Request) -> web.Response:
        """End a link at once."""
        path = read_path(request, DashboardSharePath)
        try:
            await self._shares.revoke(path.uid, path.id)
        except NotFoundError as exc:
            raise MissingError("the dashboard has no such link") from exc
        note(request, "dashboard.unshare", path.uid, id=str(path.id))
        return web.Response(status=204)

    async def show(self, request: web.Request) -> web.Response:
        """Show a shared dashboard to anybody who has the link."""
        token = request.match_info["token"]
        share, dashboard = await self._found(token)
        choices = choices_of(share)
        options = {
            name: [{"text": value, "value": value} for value in choice.values]
            for name, choice in choices.items()
        }
        whole = [name for name, choice in choices.items() if choice.all]
        summary, _, _ = await self._library.get(share.uid)
        text = self._renderer.text(
            request,
            "dashboards/shared.html",
            {
                "entry": dashboard_entry(summary),
                "definition": _public(dashboard).model_dump(mode="json"),
                "texts": rendered_texts(dashboard),
                "share": {"token": token, "options": options, "all": whole},
                "expires_ms": share.expires_ms,
            },
        )
        headers = {"Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
        return html_response(text, headers=headers)

    async def query(self, request: web.Request) -> web.StreamResponse:
        """Answer one query of a shared dashboard, as `/api/v1/query` and `query_range` do.

        The link's token is the credential. The server takes the query from the dashboard and
        the values of variables from those that the link shares.
        """
        share, dashboard = await self._found(read_path(request, SharedPath).token)
        form = await read_json(request, SharedQueryForm)
        query = _query(dashboard, form)
        scope = shared_scope(dashboard, choices_of(share), form.values)
        rate_s = rate_interval_s(form.step, _least_step_s(query.step, scope))
        built_in = built_in_values(form.from_ms, form.to_ms, form.step, rate_s)
        expression = interpolated(query.expr, scope | built_in)
        times_ms: tuple[int, int, int] | int = round(form.end * 1000)
        if form.range:
            start_ms, step_ms = round(form.start * 1000), max(1, round(form.step * 1000))
            times_ms = (start_ms, round(form.end * 1000), step_ms)
        return await self._answers.answer(request, expression, times_ms)

    async def _found(self, token: str) -> tuple[DashboardShare, Dashboard]:
        share = await self._shares.find(token)
        if share is None:
            raise MissingError(_ENDED)
        try:
            _, dashboard, _ = await self._library.get(share.uid)
        except MissingError:
            raise MissingError(_ENDED) from None
        return share, dashboard


def _query(dashboard: Dashboard, form: SharedQueryForm) -> PanelQuery:
    for panel in dashboard.panels:
        if panel.id == form.panel:
            for query in panel.queries:
                if query.ref == form.ref:
                    return query
    raise MissingError("the dashboard has no such query")


def _least_step_s(step: str, scope: dict[str, VariableValues]) -> float:
    text = re.sub(r"^[<>=]+", "", interpolated(step, scope))
    try:
        return parse_duration_ms(text) / 1000
    except ValueError:
        return 0


def _public(dashboard: Dashboard) -> Dashboard:
    """Return the dashboard without its queries' texts, and without links into the server."""
    panels = [_public_panel(panel) for panel in dashboard.panels]
    variables = [each.model_copy(update={"query": ""}) for each in dashboard.variables]
    update = {"panels": tuple(panels), "variables": tuple(variables), "links": ()}
    return dashboard.model_copy(update=update)


def _public_panel(panel: DashboardPanel) -> DashboardPanel:
    queries = tuple(each.model_copy(update={"expr": ""}) for each in panel.queries)
    text = "" if panel.kind in _PRIVATE else panel.text
    return panel.model_copy(update={"queries": queries, "text": text, "unsupported": ()})


def _entry(share: DashboardShare) -> DashboardShareEntry:
    variables = {name: list(choice.values) for name, choice in choices_of(share).items()}
    return {
        "id": share.id,
        "author": share.author,
        "created_ms": share.created_ms,
        "expires_ms": share.expires_ms,
        "variables": variables,
    }
