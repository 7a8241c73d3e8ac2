"""Constructs what counts and stores the events of projects."""

from analytics.series.recorder import SeriesRecorder
from analytics.service import Analytics
from daemon.configuration.reload import Reloader
from daemon.configuration.settings import Settings
from daemon.server.stores import Stores
from model.limits import Refusals


def analytics_of(stores: Stores, settings: Settings, refusals: Refusals) -> Analytics:
    """Return analytics over the stores."""
    return Analytics.over(
        settings.analytics,
        stores.records.projects,
        stores.records.project_keys,
        stores.events,
        stores.events.requests,
        stores.events.activity,
        stores.events.transfer,
        stores.records.saved_reports,
        stores.records.segments,
        stores.records.shares,
        stores.clock,
        refusals,
    )


def recorder_of(stores: Stores, analytics: Analytics, reloader: Reloader) -> SeriesRecorder | None:
    """Return what writes the series of projects, None if not every user may see them."""
    settings = reloader.current.settings
    if not settings.analytics.series or settings.web.registration:
        return None
    return SeriesRecorder(
        analytics.counters,
        analytics.projects,
        stores.samples,
        stores.samples,
        stores.clock,
        lambda: reloader.current.settings.scrape.interval,
    )
