"""The series of an instant query about a host."""

import structlog

from model.labels import Labels
from promql.api import InstantVector, PromQLError, QueryEngine

log = structlog.get_logger(__name__)


async def instant_rows(engine: QueryEngine, query: str, now_ms: int) -> list[tuple[Labels, float]]:
    """Return the labels and value of each series, none if the query fails."""
    try:
        answer = await engine.instant(query, now_ms)
    except PromQLError as exc:
        log.warning("host_query_failed", query=query, error=str(exc))
        return []
    if not isinstance(answer.value, InstantVector):
        return []
    return list(zip(answer.value.labels, answer.value.values.tolist(), strict=True))
