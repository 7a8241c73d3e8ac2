"""The answer about visits."""

from collections.abc import Sequence

from typing_extensions import TypedDict

from analytics.product.sessions import SessionReport
from storage.api.visits.exclusions import ExclusionReason
from storage.api.visits.sessions import SessionGroup
from web.events.documents import Range, RateDocument, rate_document


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


class SessionsDocument(Range):
    """The sessions that began in the range.

    `bounceRate` is the share of sessions with a single activity. `medianSeconds` is that of
    the `timedSessions`, which have more than one event; the others have no known duration.
    `complete` says whether all sessions have ended. `sources` are the referring domains of
    the first pages. `excluded` counts whole hours.
    """

    sessions: int
    uniqueUsers: int
    events: int
    bounces: int
    bounceRate: RateDocument
    timedSessions: int
    medianSeconds: float | None
    idleSeconds: int
    complete: bool
    entryPages: list[SessionGroupDocument]
    exitPages: list[SessionGroupDocument]
    sources: list[SessionGroupDocument]
    excluded: ExcludedDocument


def sessions_document(common: Range, report: SessionReport) -> SessionsDocument:
    """Return the report."""
    found, excluded = report.figures, report.excluded
    return SessionsDocument(
        **common,
        sessions=found.sessions,
        uniqueUsers=found.persons,
        events=found.events,
        bounces=found.bounces,
        bounceRate=rate_document(report.bounce_rate),
        timedSessions=found.timed,
        medianSeconds=found.median_s,
        idleSeconds=report.idle_s,
        complete=report.is_complete,
        entryPages=_groups(found.entries),
        exitPages=_groups(found.exits),
        sources=_groups(found.sources),
        excluded=ExcludedDocument(
            bot=excluded.get(ExclusionReason.BOT, 0),
            address=excluded.get(ExclusionReason.ADDRESS, 0),
            userAgent=excluded.get(ExclusionReason.USER_AGENT, 0),
        ),
    )


def _groups(groups: Sequence[SessionGroup]) -> list[SessionGroupDocument]:
    return [
        SessionGroupDocument(value=one.value, sessions=one.sessions, bounces=one.bounces)
        for one in groups
    ]
