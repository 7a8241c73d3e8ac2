"""Acts on the hosts that are selected on the hosts page: silences, tags or removes them."""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from aiohttp import web
from pydantic import ValidationError

from alerting.routing.silences import Silence
from model.durations import parse_duration_ms
from model.labels import Labels
from model.matchers import Matcher
from web.fleet.fleet import Fleet
from web.fleet.hosts import FleetHost
from web.hosts.forms import TagsForm
from web.hosts.register import HostRegister
from web.http.audit_trail import note
from web.http.errors import BadRequestError
from web.http.pages import Page
from web.http.parameters import read_form_fields
from web.http.routing import Access, Route, Surface, user_of
from web.http.validation import field_errors
from web.http.viewing.texts import marked
from web.live.shell import Shell
from web.services import Services

_SILENCE: Final = "silence"
_TAG: Final = "tag"
_REMOVE: Final = "remove"
_ACTIONS: Final = (_SILENCE, _TAG, _REMOVE)
DURATIONS: Final = {
    "1h": marked("1 hour"),
    "4h": marked("4 hours"),
    "1d": marked("1 day"),
    "1w": marked("1 week"),
}
_LONGEST_COMMENT: Final = 1000

SELECTION: Final = Page(
    path="/hosts/selection",
    title="Selected hosts",
    template="hosts/selection_page.html",
    access=Access.EDITOR,
    parent="/",
)


class SelectionPages:
    """Asks for confirmation, then acts on all selected hosts."""

    def __init__(
        self, services: Services, fleet: Fleet, register: HostRegister, shell: Shell
    ) -> None:
        self._services, self._fleet, self._register = services, fleet, register
        self._shell = shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        access, page = Access.EDITOR, Surface.PAGE
        return (
            # It changes nothing, and shows what every viewer sees.
            Route("POST", SELECTION.path, self.confirm, Access.VIEWER, page),
            Route("POST", f"{SELECTION.path}/apply", self.apply, access, page),
        )

    async def confirm(self, request: web.Request) -> web.Response:
        """Show the selected hosts and what will be done to them."""
        action, hosts, given = await self._selected(request)
        return await self._page(request, action, hosts, given, {})

    async def apply(self, request: web.Request) -> web.Response:
        """Act on the hosts; with an invalid field, show the form again."""
        action, hosts, given = await self._selected(request)
        acts = {_SILENCE: self._silence, _TAG: self._tag, _REMOVE: self._remove}
        try:
            notice = await acts[action](request, hosts, given)
        except BadRequestError as exc:
            problems = {exc.field or "": exc.message}
            return await self._page(request, action, hosts, given, problems, 400)
        raise web.HTTPSeeOther(f"/?notice={notice}")

    async def _selected(self, request: web.Request) -> tuple[str, list[FleetHost], dict[str, str]]:
        fields = await read_form_fields(request)
        given = dict(fields)
        action = given.get("action", "")
        if action not in _ACTIONS:
            raise BadRequestError(f"action: must be one of {', '.join(_ACTIONS)}", "action")
        wanted = {value for name, value in fields if name == "host"}
        wanted |= _instances(given.get("hosts", ""))
        hosts = [host for host in (await self._fleet.view()).hosts if host.instance in wanted]
        if not hosts:
            raise BadRequestError("host: select at least one host that exists", "host")
        return action, hosts, given

    async def _page(
        self,
        request: web.Request,
        action: str,
        hosts: Sequence[FleetHost],
        given: Mapping[str, str],
        problems: Mapping[str, str],
        status: int = 200,
    ) -> web.Response:
        values: dict[str, Any] = {"durations": DURATIONS, "given": given, "problems": problems}
        fixed = [] if action == _SILENCE else [host for host in hosts if host.id is None]
        values["selected"] = orjson.dumps([host.instance for host in hosts]).decode()
        return await self._shell.page(
            request, SELECTION, status, action=action, hosts=hosts, fixed=fixed, **values
        )

    async def _silence(
        self, request: web.Request, hosts: Sequence[FleetHost], given: Mapping[str, str]
    ) -> str:
        duration, comment = given.get("duration", ""), given.get("comment", "").strip()
        if duration not in DURATIONS:
            raise BadRequestError(f"must be one of {', '.join(DURATIONS)}", "duration")
        if not comment or len(comment) > _LONGEST_COMMENT:
            raise BadRequestError(f"say why, in at most {_LONGEST_COMMENT} characters", "comment")
        now_ms = self._services.clock()
        silence = Silence(
            id=str(uuid.uuid4()),
            matchers=(instance_matcher(hosts),),
            starts_ms=now_ms,
            ends_ms=now_ms + parse_duration_ms(duration),
            updated_ms=now_ms,
            created_by=user_of(request).name,
            comment=comment,
        )
        await self._services.alerting.router.put_silences([silence])
        note(request, "silence.put", silence.id, comment=comment[:200], hosts=str(len(hosts)))
        return "hosts-silenced"

    async def _tag(
        self, request: web.Request, hosts: Sequence[FleetHost], given: Mapping[str, str]
    ) -> str:
        name, value = given.get("name", "").strip(), given.get("value", "").strip()
        try:
            TagsForm.model_validate({"tags": {name: value}})
        except ValidationError as exc:
            raise BadRequestError("; ".join(field_errors(exc).values()), "name") from exc
        changes = [(host, Labels.of(dict(host.tags) | {name: value})) for host in _own(hosts)]
        await self._register.relabel(changes)
        note(request, "host.tags", f"{len(changes)} hosts", tags=f"{name}={value}"[:200])
        return "hosts-tagged"

    async def _remove(
        self, request: web.Request, hosts: Sequence[FleetHost], given: Mapping[str, str]
    ) -> str:
        own = _own(hosts)
        await self._register.remove_all(own)
        for host in own:
            note(request, "host.remove", host.name)
        return "hosts-removed"


def _instances(text: str) -> set[str]:
    """Return the instances in a JSON array: a form has at most a thousand fields.

    Raises:
        BadRequestError: it is not an array of texts.
    """
    try:
        found = orjson.loads(text) if text else []
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise BadRequestError("hosts: must be a JSON array of instances", "hosts")
    return set(found)


def _own(hosts: Sequence[FleetHost]) -> list[FleetHost]:
    """Return the hosts that users have added.

    Raises:
        BadRequestError: all are in the configuration file.
    """
    own = [host for host in hosts if host.id is not None]
    if not own:
        raise BadRequestError("these hosts are in the configuration file; change them there")
    return own


def instance_matcher(hosts: Sequence[FleetHost]) -> Matcher:
    """Return the matcher of the alerts of some hosts."""
    instances = [host.instance for host in hosts]
    if len(instances) == 1:
        return Matcher.of("instance", "=", instances[0])
    return Matcher.of("instance", "=~", "|".join(map(re.escape, instances)))
