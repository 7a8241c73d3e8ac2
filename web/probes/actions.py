"""Actions on probes, for their pages and API: store, test, pause, issue URLs."""

from aiohttp import web

from model.probing.definitions import ProbeDefinition, ProbeKind
from scraper.errors import OwnExhaustionError
from scraper.probing.library import ProbeEntry
from scraper.probing.prober import ProbeOutcome
from web.http.audit_trail import note
from web.http.errors import BadRequestError, ConflictError, UnavailableError
from web.http.network import base_url
from web.http.routing import principal_of
from web.probes.documents import unmasked
from web.services import Services
from web.settings import WebSettings


class ProbeActions:
    """Changes probes, and notes each change in the audit log."""

    def __init__(self, services: Services, settings: WebSettings) -> None:
        self.probes = services.probes
        self._added_hosts, self._settings = services.added_hosts, settings

    async def add(self, request: web.Request, definition: ProbeDefinition) -> ProbeEntry:
        """Store a new probe.

        Raises:
            StorageError: another one has its name, or there are too many.
        """
        entry = await self.probes.library.add(definition, principal_of(request).name)
        note(request, "probe.add", definition.name, kind=definition.kind)
        return entry

    async def change(
        self, request: web.Request, before: ProbeEntry, definition: ProbeDefinition
    ) -> ProbeEntry:
        """Store a probe anew.

        Raises:
            BadRequestError: it has another name.
            ConflictError: the configuration defines it.
        """
        _require_stored(before)
        if definition.name != before.definition.name:
            raise BadRequestError(
                "name: cannot be changed, it names the series; make a new probe", "name"
            )
        changed = unmasked(definition, before.definition)
        entry = await self.probes.library.change(changed, principal_of(request).name)
        note(request, "probe.change", definition.name)
        return entry

    async def remove(self, request: web.Request, entry: ProbeEntry) -> None:
        """Delete a probe; its series end, and its samples stay.

        Raises:
            ConflictError: the configuration defines it.
        """
        _require_stored(entry)
        name = entry.definition.name
        await self.probes.library.remove(name)
        await self.probes.heartbeats.forget(name)
        note(request, "probe.remove", name)

    async def test(self, definition: ProbeDefinition) -> ProbeOutcome:
        """Run a probe once, without its retries; nothing is stored.

        Raises:
            BadRequestError: a heartbeat waits for calls.
            UnavailableError: this server lacks descriptors, ports or memory.
        """
        if definition.kind is ProbeKind.HEARTBEAT:
            raise BadRequestError("kind: a heartbeat waits for calls; there is nothing to test")
        known = {each.definition.name: each for each in self.probes.library.entries()}
        before = known.get(definition.name)
        if before is not None and definition.target == before.definition.target:
            # Only towards the same target: elsewhere the stored values would be given away.
            definition = unmasked(definition, before.definition)
        once = definition.model_copy(update={"retries": 0})
        try:
            return await self.probes.prober.run(once, self._added_hosts().policy())
        except OwnExhaustionError as exc:
            raise UnavailableError(str(exc)) from exc

    async def issue_url(self, request: web.Request, entry: ProbeEntry) -> str:
        """Return a new URL of a heartbeat; the one before is no longer valid.

        Raises:
            BadRequestError: the probe is no heartbeat.
        """
        if entry.definition.kind is not ProbeKind.HEARTBEAT:
            raise BadRequestError("only probes of the kind heartbeat have a URL")
        token = await self.probes.heartbeats.issue(entry.definition.name)
        note(request, "probe.heartbeat_url", entry.definition.name)
        return f"{base_url(request, self._settings)}/heartbeat/{token}"


def _require_stored(entry: ProbeEntry) -> None:
    if entry.is_configured:
        raise ConflictError(
            f"the probe {entry.definition.name} is defined in redshank.yml: change it there"
        )
