"""The forms that create, rotate and revoke API keys, and the page that shows a key once."""

import shlex
from typing import Final, Literal

import orjson
from aiohttp import web
from pydantic import ConfigDict, Field, ValidationError

from analytics.requests.keys import IssuedProjectKey
from model.base_models import DeferredModel
from storage.api.errors import NotFoundError
from storage.api.project_keys import TRACK_ONLY, KeyScope
from storage.api.projects import ProjectRole
from web.http.audit_trail import note
from web.http.errors import MissingError
from web.http.network import base_url
from web.http.pages import Page
from web.http.parameters import RecordId, read_form, record_id
from web.http.routing import Access, Route, Surface
from web.http.validation import field_errors
from web.project_pages.settings_page import PATH, SettingsView
from web.projects.forms import ProjectName
from web.projects.frame import ProjectFrame
from web.settings import WebSettings

_KEYS: Final = f"{PATH}/keys"
_EXAMPLE: Final = {
    "method": "GET",
    "path": "/items/7",
    "route": "/items/{id}",
    "status_code": 200,
    "response_time_ms": 12.5,
}

NEW_API_KEY: Final = Page(
    path=_KEYS,
    title="New API key",
    template="project_pages/key_page.html",
    access=Access.USER,
    parent="/projects",
)


class KeyFields(DeferredModel):
    """The fields of a new key."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    label: ProjectName
    replaces: RecordId | None = None
    overlap_hours: int = Field(default=24, ge=0, le=90 * 24)
    scopes: Literal["track", "read", "read track"] | None = None

    def granted(self) -> frozenset[KeyScope] | None:
        """Return the scopes that the form names, None without any."""
        return None if self.scopes is None else frozenset(map(KeyScope, self.scopes.split()))


class ProjectKeyPages:
    """Manages keys, for owners."""

    def __init__(self, view: SettingsView, settings: WebSettings) -> None:
        self._view, self._access, self._settings = view, view.access, settings
        self._keyring = view.analytics.keyring

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return tuple(
            Route("POST", path, handler, Access.USER, Surface.PAGE)
            for path, handler in (
                (_KEYS, self.create),
                (f"{_KEYS}/{{id}}/revoke", self.revoke),
            )
        )

    async def create(self, request: web.Request) -> web.Response:
        """Create a key, perhaps in place of another, and show it once."""
        frame = await ProjectFrame.of(self._access, request, ProjectRole.OWNER)
        fields = await read_form(request)
        try:
            form = KeyFields.model_validate({name: text for name, text in fields.items() if text})
        except ValidationError as exc:
            return await self._view.show(request, frame, 400, field_errors(exc), fields)
        if form.replaces is None:
            scopes = form.granted() or TRACK_ONLY
            issued = await self._keyring.issue(frame.project, form.label, scopes)
        else:
            try:
                issued = await self._keyring.rotate(
                    frame.project,
                    form.replaces,
                    form.label,
                    form.overlap_hours * 3600,
                    form.granted(),
                )
            except NotFoundError as exc:
                raise MissingError("the project has no such key") from exc
        granted = " ".join(sorted(issued.key.scopes))
        key = issued.key.prefix
        note(request, "project-key.create", frame.project.key, key=key, scopes=granted)
        return await self._shown(request, frame, issued, form)

    async def _shown(
        self, request: web.Request, frame: ProjectFrame, issued: IssuedProjectKey, form: KeyFields
    ) -> web.Response:
        base, header = base_url(request, self._settings), f"X-API-Key: {issued.secret}"
        if KeyScope.TRACK in issued.key.scopes:
            command = ["curl", "-X", "POST", f"{base}/api/v1/track", "-H", header]
            example = orjson.dumps(_EXAMPLE).decode()
            command += ["-H", "Content-Type: application/json", "-d", example]
        else:
            report = f"{base}/api/v1/projects/{frame.project.key}/metrics/summary"
            command = ["curl", report, "-H", header]
        return await self._view.shell.page(
            request,
            NEW_API_KEY,
            **frame.values("/settings"),
            secret=issued.secret,
            label=issued.key.label,
            tracks=KeyScope.TRACK in issued.key.scopes,
            overlap_hours=form.overlap_hours if form.replaces is not None else None,
            curl=shlex.join(command),
        )

    async def revoke(self, request: web.Request) -> web.Response:
        """End a key at once."""
        frame = await ProjectFrame.of(self._access, request, ProjectRole.OWNER)
        key_id = record_id(request)
        try:
            await self._keyring.revoke(frame.project, key_id)
        except NotFoundError as exc:
            raise MissingError("the project has no such key") from exc
        note(request, "project-key.revoke", frame.project.key, key=str(key_id))
        raise web.HTTPSeeOther(f"{frame.path}/settings?notice=key-revoked#keys")
