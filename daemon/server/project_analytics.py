"""Constructs what counts and stores the events of projects."""

from analytics.errors import SecretError
from analytics.series.counters import ProjectCounters
from analytics.series.recorder import METADATA, SeriesRecorder
from analytics.service import Analytics, AnalyticsRecords, EventStores
from analytics.sessions.service import AgentSessions
from analytics.settings import AnalyticsSettings
from daemon.configuration.reload import Reloader
from daemon.configuration.settings import Settings
from daemon.server.stores import Stores
from model.clock import Clock
from model.limits import Refusals
from model.metadata import MetricMetadata
from storage.events import DuckEventStore
from storage.records.store import Records
from web.identity.keys import KeyRing, KeysError


def analytics_of(stores: Stores, settings: Settings, refusals: Refusals) -> Analytics:
    """Return the server's analytics."""
    return analytics_over(settings.analytics, stores.records, stores.events, stores.clock, refusals)


def analytics_over(
    settings: AnalyticsSettings,
    records: Records,
    events: DuckEventStore,
    clock: Clock,
    refusals: Refusals,
) -> Analytics:
    """Return analytics over opened stores."""
    return Analytics(
        settings,
        AnalyticsRecords(
            projects=records.projects,
            project_keys=records.project_keys,
            saved_reports=records.saved_reports,
            segments=records.segments,
            shares=records.shares,
            schema_notes=records.schema_notes,
        ),
        EventStores(events, events.requests, events.activity, events.transfer),
        clock,
        refusals,
    )


def agent_sessions_of(stores: Stores, settings: Settings) -> AgentSessions:
    """Return sessions of coding agents over the event store."""
    return AgentSessions.over(
        settings.sessions, stores.events.agent_sessions, stores.clock, KeyRingSealing(stores.keys)
    )


class KeyRingSealing:
    """Encrypts with the key that encrypts second factors."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def seal(self, purpose: str, text: str) -> str:
        return self._keys.seal(purpose, text)

    def unseal(self, purpose: str, sealed: str) -> str:
        try:
            return self._keys.unseal(purpose, sealed)
        except KeysError as exc:
            raise SecretError(f"set it again, {exc.message}", "secret") from exc


def recorder_of(
    stores: Stores, analytics: Analytics, sessions: AgentSessions, reloader: Reloader
) -> SeriesRecorder | None:
    """Return what writes the series of projects, None if not every user may see them."""
    settings = reloader.current.settings
    if not settings.analytics.series or settings.web.registration:
        return None
    return SeriesRecorder(
        analytics.counters,
        sessions.counters,
        analytics.projects,
        stores.samples,
        stores.samples,
        stores.clock,
        lambda: reloader.current.settings.scrape.interval,
    )


def with_counters(
    scraped: dict[str, set[MetricMetadata]], counters: ProjectCounters, sessions: AgentSessions
) -> dict[str, set[MetricMetadata]]:
    """Return metadata with that of the counters of projects and sessions, if there are any."""
    if counters.projects or sessions.counters.series():
        for family, entry in METADATA.items():
            scraped.setdefault(family, set()).add(entry)
    return scraped
