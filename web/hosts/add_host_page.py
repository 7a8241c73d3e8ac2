"""The page that registers a host, with the command to run on it."""

from collections.abc import Sequence
from typing import Final

from aiohttp import web
from pydantic import ValidationError

from storage.api.errors import TakenError
from web.hosts.forms import EXPORTER_PORT, HostForm
from web.hosts.installation import ExporterInstaller
from web.hosts.keys_page import NewKeyPage
from web.hosts.label_lines import read_labels
from web.hosts.register import HostRegister
from web.http.audit_trail import note
from web.http.errors import BadRequestError
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface
from web.http.validation import field_errors
from web.http.viewing.texts import marked
from web.live.shell import Shell

_AS_SERVICE: Final = marked("Redshank's exporter, as a service")

ADD_HOST: Final = Page(
    path="/add-host",
    title="Add a host",
    template="hosts/add_host_page.html",
    access=Access.EDITOR,
    parent="/",
)


class AddHostPages:
    """Shows and handles the form that registers a host."""

    def __init__(
        self,
        register: HostRegister,
        shell: Shell,
        new_key: NewKeyPage,
        commands: Sequence[tuple[str, str]],
        installer: ExporterInstaller,
    ) -> None:
        self._register, self._shell, self._new_key = register, shell, new_key
        self._commands, self._installer = commands, installer

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._shell.route(ADD_HOST, self.show),
            Route("POST", "/add-host", self.add, Access.EDITOR, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show the empty form."""
        return await self._form(request, 200, {}, {})

    async def add(self, request: web.Request) -> web.Response:
        """Register the host, or show the form again with a message at each invalid field.

        For a host that pushes, show its key, which cannot be shown again.
        """
        given = await read_form(request)
        fields: dict[str, object] = {
            name: value
            for name, value in given.items()
            if value.strip() and name in ("name", "url", "push", "key", "interval_s", "timeout_s")
        }
        labels, problem = read_labels(given.get("labels", ""))
        if labels:
            fields["labels"] = labels
        try:
            if problem:
                return await self._form(request, 400, {"labels": problem}, given)
            host, issued = await self._register.add(HostForm.model_validate(fields))
            note(request, "host.add", host.name, url=host.url or "pushes")
        except ValidationError as exc:
            return await self._form(request, 400, field_errors(exc), given)
        except BadRequestError as exc:
            problems = {exc.field or "url": exc.message.removeprefix("url: ")}
            return await self._form(request, 400, problems, given)
        except TakenError as exc:
            what = exc.value if exc.field == "labels" else f"this {exc.field}"
            hint = f"; {exc.hint}" if exc.hint else ""
            problems = {exc.field: f"another host has {what} already{hint}"}
            return await self._form(request, 409, problems, given)
        if issued is None and given.get("next") == "/":
            # The first steps wait for its first sample.
            raise web.HTTPSeeOther("/")
        if issued is not None:
            return await self._new_key.show(request, host.name, f"/host/{host.id}", issued)
        raise web.HTTPSeeOther(f"/host/{host.id}")

    async def _form(
        self, request: web.Request, status: int, problems: dict[str, str], given: dict[str, str]
    ) -> web.Response:
        line = await self._installer.line(request)
        service = () if line is None else ((_AS_SERVICE, line.command),)
        return await self._shell.page(
            request,
            ADD_HOST,
            status,
            problems=problems,
            given=given,
            commands=(*service, *self._commands),
            warning="" if line is None else line.warning,
            port=EXPORTER_PORT,
        )
