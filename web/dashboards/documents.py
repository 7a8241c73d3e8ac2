"""JSON documents of dashboards."""

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.dashboards.stored import DashboardSummary, DashboardVersion
from web.dashboards.definition import Dashboard


class DashboardEntry(TypedDict):
    """A dashboard in a list; a shipped one cannot be changed, only duplicated."""

    uid: str
    version: int
    title: str
    tags: list[str]
    panels: int
    author: str
    created_ms: int
    changed_ms: int
    shipped: bool


class DashboardDocument(DashboardEntry):
    """A dashboard with its definition."""

    dashboard: Dashboard


class UnsupportedPart(TypedDict):
    """The part of an imported panel that is not drawn."""

    panel: int
    title: str
    parts: list[str]


class ImportedDashboard(DashboardEntry):
    """An imported dashboard, and what of it is not drawn."""

    unsupported: list[UnsupportedPart]


class DashboardVersionEntry(TypedDict):
    """An entry of the history, the newest first."""

    version: int
    title: str
    message: str
    author: str
    changed_ms: int


class RenderedText(TypedDict):
    """The HTML of a text panel's Markdown."""

    html: str


def dashboard_entry(summary: DashboardSummary, *, shipped: bool = False) -> DashboardEntry:
    """Return a dashboard in a list."""
    return {
        "uid": summary.uid,
        "version": summary.version,
        "title": summary.title,
        "tags": list(summary.tags),
        "panels": summary.panels,
        "author": summary.author,
        "created_ms": summary.created_ms,
        "changed_ms": summary.changed_ms,
        "shipped": shipped,
    }


def version_entry(version: DashboardVersion) -> DashboardVersionEntry:
    """Return an entry of the history."""
    return {
        "version": version.version,
        "title": version.title,
        "message": version.message,
        "author": version.author,
        "changed_ms": version.changed_ms,
    }


def unsupported_parts(dashboard: Dashboard) -> list[UnsupportedPart]:
    """Return what is not drawn, by panel."""
    return [
        {"panel": panel.id, "title": panel.title, "parts": list(panel.unsupported)}
        for panel in dashboard.panels
        if panel.unsupported
    ]
