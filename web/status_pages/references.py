"""Checks that the probes, hosts and maintenance windows that a status page names exist."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from alerting.routing.silences import Silence
from web.fleet.fleet import Fleet
from web.http.errors import BadRequestError
from web.services import Services
from web.status_pages.definition import StatusComponent, StatusPage
from web.status_pages.form_fields import with_instances

_FIELDS: Final = {"probe": "probe", "host": "host", "check": "host"}


class UnknownReferenceError(BadRequestError):
    """A page names a probe, a host or a maintenance window that does not exist.

    Attributes:
        reason: the message without the field.
        component: the id of the component that names it; "" for a maintenance window.
    """

    def __init__(self, reason: str, field: str, component: str = "") -> None:
        super().__init__(f"{field}: {reason}", field)
        self.reason, self.component = reason, component


class References:
    """Knows the probes, hosts and maintenance windows that pages may name.

    Args:
        window: returns a maintenance window by its id, None if there is none.
    """

    def __init__(
        self, services: Services, fleet: Fleet, window: Callable[[str], Silence | None]
    ) -> None:
        self._probes, self._targets, self._fleet = services.probes.library, services.targets, fleet
        self._window = window

    async def require_known(self, page: StatusPage, before: StatusPage | None) -> None:
        """Check the components and the maintenance of a page that is about to be stored.

        A name that the stored page has already may stay: its probe or host was removed since, and
        the component is shown as unknown. So may a maintenance window, which is deleted after it
        has ended.

        Raises:
            UnknownReferenceError: the page names a probe, host or maintenance window that does
                not exist.
        """
        self._require_windows(page, before)
        kept = set() if before is None else {_named(one) for one in before.components}
        found = [
            (path, one)
            for path, one in _components(page)
            if one.kind in _FIELDS and _named(one) not in kept
        ]
        if not found:
            return
        probes, hosts = self._known_probes(), await self._known_hosts()
        for path, one in found:
            field = f"{path}.{_FIELDS[one.kind]}"
            if one.kind == "probe" and one.probe not in probes:
                reason = f"there is no probe “{one.probe}”; choose one of the page Probes"
                raise UnknownReferenceError(reason, field, one.id)
            if one.kind != "probe" and one.host not in hosts:
                reason = f"no host has the instance “{one.host}”; choose one of the page Hosts"
                raise UnknownReferenceError(reason, field, one.id)

    async def named_by_instance(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return a form in which hosts that were typed by their names have their instances.

        The page Hosts shows names. A name that several hosts have stays, and is refused later.
        """
        named: dict[str, list[str]] = {}
        hosts = (await self._fleet.view()).hosts
        for host in hosts:
            named.setdefault(host.name, []).append(host.instance)
        instances = {host.instance for host in hosts}
        return with_instances(
            given,
            {
                name: found[0]
                for name, found in named.items()
                if len(found) == 1 and name not in instances
            },
        )

    def _require_windows(self, page: StatusPage, before: StatusPage | None) -> None:
        kept = set() if before is None else {planned.window for planned in before.maintenance}
        for place, planned in enumerate(page.maintenance):
            if planned.window not in kept and self._window(planned.window) is None:
                raise UnknownReferenceError(
                    f"there is no maintenance window with the id “{planned.window}”; "
                    "choose one of the page Maintenance",
                    f"maintenance.{place}.window",
                )

    def _known_probes(self) -> set[str]:
        """Return the names of our probes, and those in the label `probe` of scraped targets."""
        of_targets = {status.target.labels.get("probe") for status in self._targets()}
        known = {entry.definition.name for entry in self._probes.entries()}
        return known | {name for name in of_targets if name}

    async def _known_hosts(self) -> set[str]:
        of_targets = [status.target for status in self._targets()]
        known = {target.instance for target in of_targets if target.host is not None}
        # A host that pushes has no target.
        return known | {host.instance for host in (await self._fleet.view()).hosts}


def _components(page: StatusPage) -> Iterator[tuple[str, StatusComponent]]:
    """Yield each component with the path of its fields in the JSON of the page."""
    for number, group in enumerate(page.groups):
        for place, one in enumerate(group.components):
            yield f"groups.{number}.components.{place}", one


def _named(one: StatusComponent) -> tuple[str, str]:
    """Return which probe or host a component names."""
    field = _FIELDS.get(one.kind, "")
    return field, getattr(one, field) if field else ""
