"""The answer about visits."""

from collections.abc import Sequence

from typing_extensions import TypedDict

from analytics.product.sessions import SessionPeriod, SessionPoint, SessionReport
from storage.api.visits.exclusions import ExclusionReason
from storage.api.visits.sessions import SessionGroup
from web.events.documents import Range, RateDocument, rate_document
from web.projects.times import iso


class SessionGroupDocument(TypedDict):
    """Sessions that share a page or a source; `value` is null without one."""

    value: str | None
    sessions: int
    bounces: int


class ExcludedDocument(TypedDict):
    """Events that were not stored: of bots, and of visitors whom the project excludes."""

    bot: int
    address: int
    userAgent: int


class SessionPointDocument(TypedDict):
    """The sessions that began in one bucket.

    `complete` is false while the bucket or one of its sessions has not ended.
    """

    period: str
    start: str
    end: str
    sessions: int
    uniqueUsers: int
    bounces: int
    bounceRate: RateDocument
    complete: bool


class SessionFiguresDocument(TypedDict):
    """The sessions that began in a stretch of time.

    `bounceRate` is the share of sessions with a single activity. `medianSeconds` is that of
    the `timedSessions`, which have more than one event; the others have no known duration.
    `complete` says whether all sessions have ended.
    """

    sessions: int
    uniqueUsers: int
    events: int
    bounces: int
    bounceRate: RateDocument
    timedSessions: int
    medianSeconds: float | None
    complete: bool
    series: list[SessionPointDocument]


class _Span(TypedDict("_Span", {"from": str, "to": str})):
    """A stretch of time."""


class SessionsBeforeDocument(SessionFiguresDocument, _Span):
    """The sessions that began in the equally long stretch before the range."""


class SessionsDocument(Range, SessionFiguresDocument):
    """The sessions that began in the range.

    `sources` are the referring domains of the first pages. `excluded` counts whole hours.
    `previous` is null unless `compare` was asked; it ends at the same time of day as a range
    that is not over.
    """

    interval: str
    timeZone: str
    idleSeconds: int
    previous: SessionsBeforeDocument | None
    entryPages: list[SessionGroupDocument]
    exitPages: list[SessionGroupDocument]
    sources: list[SessionGroupDocument]
    excluded: ExcludedDocument


def sessions_document(common: Range, report: SessionReport) -> SessionsDocument:
    """Return the report."""
    found, excluded, before = report.current.figures, report.excluded, report.previous
    return SessionsDocument(
        **common,
        **_figures(report.current),
        interval=report.interval,
        timeZone=report.time_zone,
        idleSeconds=report.idle_s,
        previous=None
        if before is None
        else {"from": iso(before.start_ms), "to": iso(before.end_ms), **_figures(before)},
        entryPages=_groups(found.entries),
        exitPages=_groups(found.exits),
        sources=_groups(found.sources),
        excluded=ExcludedDocument(
            bot=excluded.get(ExclusionReason.BOT, 0),
            address=excluded.get(ExclusionReason.ADDRESS, 0),
            userAgent=excluded.get(ExclusionReason.USER_AGENT, 0),
        ),
    )


def _figures(period: SessionPeriod) -> SessionFiguresDocument:
    found = period.figures
    return SessionFiguresDocument(
        sessions=found.sessions,
        uniqueUsers=found.persons,
        events=found.events,
        bounces=found.bounces,
        bounceRate=rate_document(period.bounce_rate),
        timedSessions=found.timed,
        medianSeconds=found.median_s,
        complete=period.is_complete,
        series=[_point(point) for point in period.points],
    )


def _point(point: SessionPoint) -> SessionPointDocument:
    return SessionPointDocument(
        period=point.label,
        start=iso(point.start_ms),
        end=iso(point.end_ms),
        sessions=point.sessions,
        uniqueUsers=point.persons,
        bounces=point.bounces,
        bounceRate=rate_document(point.bounce_rate),
        complete=point.is_complete,
    )


def _groups(groups: Sequence[SessionGroup]) -> list[SessionGroupDocument]:
    return [
        SessionGroupDocument(value=one.value, sessions=one.sessions, bounces=one.bounces)
        for one in groups
    ]
