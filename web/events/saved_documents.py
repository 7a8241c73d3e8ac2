"""Saved reports and segments as JSON."""

from typing import Any

import orjson
from typing_extensions import TypedDict

from storage.api.reports.saved_reports import PersonSegment, SavedReport
from web.projects.times import iso


class SegmentDocument(TypedDict):
    """A segment: what the filters of reports call it, and its condition on persons."""

    id: int
    name: str
    definition: Any
    createdAt: str
    changedAt: str


class SavedReportDocument(TypedDict):
    """A saved report; `author` changed it last."""

    id: int
    name: str
    kind: str
    definition: dict[str, Any]
    author: str
    createdAt: str
    changedAt: str


def segment_document(segment: PersonSegment) -> SegmentDocument:
    """Return a segment."""
    return SegmentDocument(
        id=segment.id,
        name=segment.name,
        definition=orjson.loads(segment.definition),
        createdAt=iso(segment.created_ms),
        changedAt=iso(segment.changed_ms),
    )


def saved_report_document(report: SavedReport) -> SavedReportDocument:
    """Return a saved report."""
    return SavedReportDocument(
        id=report.id,
        name=report.name,
        kind=report.kind,
        definition=orjson.loads(report.definition),
        author=report.author,
        createdAt=iso(report.created_ms),
        changedAt=iso(report.changed_ms),
    )
