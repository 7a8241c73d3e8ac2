"""Builds the query engine from the settings."""

from collections.abc import Callable

from daemon.configuration.settings import Settings
from daemon.server.interpreter import tune_for_evaluations
from model.limits import Refusals
from model.memory_pressure import MemoryReading
from promql.api import MetadataByMetric
from promql.engine import EngineSettings, LocalEngine
from storage.api.samples import SampleReader


def query_engine(
    samples: SampleReader,
    settings: Settings,
    metadata: Callable[[], MetadataByMetric],
    refusals: Refusals,
    memory: MemoryReading,
) -> LocalEngine:
    """Return the engine that queries the store."""
    return LocalEngine(
        samples,
        engine_settings(settings),
        on_busy=tune_for_evaluations,
        metadata=metadata,
        refusals=refusals,
        memory=memory,
    )


def engine_settings(settings: Settings) -> EngineSettings:
    """Return the limits and options of the query engine."""
    query = settings.query
    return EngineSettings(
        timeout_s=settings.web.query_timeout_s,
        lookback_ms=query.lookback_ms,
        max_samples=query.max_samples,
        max_label_bytes=query.max_label_bytes,
        max_result_bytes=query.max_result_bytes,
        threads=query.threads,
        delayed_name_removal=query.delayed_name_removal,
    )
