"""JSON documents of status pages: those of editors, and that of the public."""

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.status.pages import Incident
from web.status_pages.board import StoredPage
from web.status_pages.definition import StatusPage
from web.status_pages.snapshot import ComponentView, Snapshot


class StatusPageDocument(TypedDict):
    """A status page as editors see it."""

    slug: str
    page: StatusPage
    author: str
    changed_ms: int


class StatusPagesDocument(TypedDict):
    """All status pages by slug."""

    pages: list[StatusPageDocument]


class PublicUpdate(TypedDict):
    """An update of an incident."""

    state: str
    text: str
    at_ms: int


class PublicIncident(TypedDict):
    """An incident with its updates, the newest first; `components` are names."""

    id: int
    title: str
    impact: str
    state: str
    components: list[str]
    started_ms: int
    resolved_ms: int | None
    updates: list[PublicUpdate]


class IncidentsDocument(TypedDict):
    """The open incidents, and those of the last year."""

    incidents: list[PublicIncident]


class PublicDay(TypedDict):
    """One local date: `known_s` of it are known, `uptime` is of these, null if there are none."""

    day: str
    state: str
    known_s: float
    uptime: float | None
    down_s: float
    degraded_s: float
    maintenance_s: float


class PublicComponent(TypedDict):
    """A component. `uptime` is of `known_s`; times are of the last day, by half hours."""

    id: str
    name: str
    state: str
    uptime: float | None
    known_s: float
    days: list[PublicDay]
    response_p50_s: list[float | None] | None
    response_p95_s: list[float | None] | None


class PublicGroup(TypedDict):
    """Components under one heading."""

    name: str
    components: list[PublicComponent]


class PublicMaintenance(TypedDict):
    """A planned maintenance; `components` are names, empty for all."""

    title: str
    components: list[str]
    open: bool
    changes_ms: int | None


class PublicStatus(TypedDict):
    """The content of a status page."""

    title: str
    description: str
    state: str
    time_ms: int
    time_zone: str
    groups: list[PublicGroup]
    maintenance: list[PublicMaintenance]
    incidents: list[PublicIncident]


def page_document(stored: StoredPage) -> StatusPageDocument:
    """Return a page as editors see it."""
    return {
        "slug": stored.page.slug,
        "page": stored.page,
        "author": stored.author,
        "changed_ms": stored.changed_ms,
    }


def public_incident(incident: Incident, page: StatusPage) -> PublicIncident:
    """Return an incident without its authors."""
    names = {one.id: one.name for one in page.components}
    return {
        "id": incident.id,
        "title": incident.title,
        "impact": incident.impact,
        "state": incident.state,
        "components": [names[one] for one in incident.components if one in names],
        "started_ms": incident.started_ms,
        "resolved_ms": incident.resolved_ms,
        "updates": [
            {"state": each.state, "text": each.text, "at_ms": each.at_ms}
            for each in incident.updates
        ],
    }


def public_status(snapshot: Snapshot) -> PublicStatus:
    """Return what a page shows."""
    page = snapshot.page
    return {
        "title": page.title,
        "description": page.description,
        "state": snapshot.state.value,
        "time_ms": snapshot.time_ms,
        "time_zone": page.time_zone,
        "groups": [
            {"name": group.name, "components": [_component(one) for one in group.components]}
            for group in snapshot.groups
        ],
        "maintenance": [
            {
                "title": each.title,
                "components": list(each.components),
                "open": each.is_open,
                "changes_ms": each.changes_ms,
            }
            for each in snapshot.maintenance
        ],
        "incidents": [public_incident(each, page) for each in snapshot.incidents],
    }


def _component(one: ComponentView) -> PublicComponent:
    return {
        "id": one.id,
        "name": one.name,
        "state": one.state.value,
        "uptime": one.uptime.ratio,
        "known_s": one.uptime.known_s,
        "days": [
            {
                "day": bar.day,
                "state": bar.state.value,
                "known_s": bar.known_s,
                "uptime": bar.up_ratio,
                "down_s": bar.down_s,
                "degraded_s": bar.degraded_s,
                "maintenance_s": bar.maintenance_s,
            }
            for bar in one.bars
        ],
        "response_p50_s": None if one.response is None else list(one.response.median_s),
        "response_p95_s": None if one.response is None else list(one.response.p95_s),
    }
