"""The names of the things that the audit log knows by a key: projects and dashboards."""

from collections.abc import Mapping, Sequence
from typing import Final

from storage.api.audit import AuditEntry
from storage.api.dashboards.stored import DashboardRecords
from storage.api.projects import ProjectRecords

_OF_PROJECTS: Final = frozenset(
    {
        "events",
        "person",
        "project",
        "project-key",
        "project-member",
        "report",
        "requests",
        "schema",
        "segment",
        "share",
    }
)
"""What stands before the dot in actions whose subject is the key of a project."""


class SubjectNames:
    """Finds the names of projects and dashboards that still exist."""

    def __init__(self, projects: ProjectRecords, dashboards: DashboardRecords) -> None:
        self._projects, self._dashboards = projects, dashboards

    async def of(self, entries: Sequence[AuditEntry]) -> Mapping[int, str]:
        """Return the names of the entries' subjects by the id of the entry.

        A subject without a key is its own name and left out, as is a thing that has been removed.
        """
        keys = {entry.id: (_kind(entry), entry.subject) for entry in entries}
        kinds = {kind for kind, _ in keys.values()}
        names: dict[tuple[str, str], str] = {}
        if "project" in kinds:
            for project in await self._projects.all():
                names["project", project.key] = project.settings.name
        if "dashboard" in kinds:
            for dashboard in await self._dashboards.all():
                names["dashboard", dashboard.uid] = dashboard.title
        return {number: names[key] for number, key in keys.items() if key in names}


def _kind(entry: AuditEntry) -> str:
    """Return the kind of thing whose key the subject is; "" if the subject is no key."""
    prefix = entry.action.partition(".")[0]
    if prefix == "dashboard":
        return prefix
    return "project" if prefix in _OF_PROJECTS else ""
