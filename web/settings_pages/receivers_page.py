"""The page of receivers: those of the configuration, and those that administrators add here."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import ConfigDict, StringConstraints, ValidationError

from model.base_models import DeferredModel
from storage.api.errors import TakenError
from web.fleet.receiver_tests import ReceiverTests
from web.http.audit_trail import note
from web.http.errors import BadRequestError, ConflictError
from web.http.network import local_path
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface
from web.http.validation import field_errors
from web.identity.names import UserName
from web.live.shell import Shell
from web.management.receivers import ManagedReceivers
from web.services import Alerting

RECEIVERS: Final = Page(
    path="/settings/receivers",
    title="Receivers",
    template="settings_pages/receivers_page.html",
    access=Access.EDITOR,
    parent="/settings",
    notices={
        "receiver-added": "The receiver is added. Send it a test.",
        "receiver-removed": "The receiver is removed.",
    },
)
_RECEIVER: Final = "/settings/receivers/{name:[^/]+}"


class ReceiverForm(DeferredModel):
    """A receiver to add."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: UserName
    kind: Literal["webhook", "apprise"] = "webhook"
    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class ReceiversPages:
    """Shows, adds, tests and removes receivers."""

    def __init__(
        self,
        managed: ManagedReceivers | None,
        alerting: Alerting,
        tests: ReceiverTests,
        shell: Shell,
    ) -> None:
        self._managed, self._alerting = managed, alerting
        self._tests, self._shell = tests, shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        page = Surface.PAGE
        return (
            self._shell.route(RECEIVERS, self.show),
            Route("POST", RECEIVERS.path, self.add, Access.ADMIN, page),
            Route("POST", f"{_RECEIVER}/test", self.test, Access.EDITOR, page),
            Route("POST", f"{_RECEIVER}/remove", self.remove, Access.ADMIN, page),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the receivers."""
        return await self._page(request, 200, {}, {})

    async def _page(
        self,
        request: web.Request,
        status: int,
        problems: Mapping[str, str],
        given: Mapping[str, str],
    ) -> web.Response:
        managed = self._managed
        return await self._shell.page(
            request,
            RECEIVERS,
            status,
            receivers=self._alerting.receivers,
            added={} if managed is None else {each.name: each for each in managed.added()},
            takes_effect=managed is not None and managed.takes_effect,
            tests=self._tests.last,
            problems=problems,
            given=given,
        )

    async def add(self, request: web.Request) -> web.Response:
        """Add a receiver, or show the form again with a message at each invalid field."""
        given = await read_form(request)
        target = local_path(given.pop("next", RECEIVERS.path))
        managed = self._changeable()
        try:
            form = ReceiverForm.model_validate(given)
            await managed.add(form.name, form.kind, form.url)
        except ValidationError as exc:
            return await self._page(request, 400, field_errors(exc), given)
        except BadRequestError as exc:
            problems = {exc.field or "url": exc.message.removeprefix(f"{exc.field}: ")}
            return await self._page(request, 400, problems, given)
        except TakenError as exc:
            problem = f"another receiver has this name{'; ' if exc.hint else ''}{exc.hint}"
            return await self._page(request, 409, {"name": problem}, given)
        note(request, "receiver.add", form.name, kind=form.kind)
        raise web.HTTPSeeOther(f"{target}?notice=receiver-added" if "?" not in target else target)

    def _changeable(self) -> ManagedReceivers:
        if self._managed is None:
            raise ConflictError("receivers cannot be changed here; name them in redshank.yml")
        if not self._managed.takes_effect:
            raise ConflictError("an alertmanager.yml names the receivers; add them there")
        return self._managed

    async def test(self, request: web.Request) -> web.Response:
        """Send a test notification to a receiver; the page shows the result."""
        form = await read_form(request)
        await self._tests.run(request)
        raise web.HTTPSeeOther(local_path(form.get("next", RECEIVERS.path)))

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a receiver that was added here."""
        name = request.match_info["name"]
        if self._managed is None:
            raise ConflictError("receivers cannot be changed here; name them in redshank.yml")
        await self._managed.remove(name)
        note(request, "receiver.remove", name)
        raise web.HTTPSeeOther(f"{RECEIVERS.path}?notice=receiver-removed")
