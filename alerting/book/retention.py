"""Deletes old alerts with their history, once a day."""

from collections.abc import Awaitable, Callable

import structlog

from alerting.settings import AlertingSettings
from model.clock import Clock
from storage.api.alerts import AlertRecords
from storage.api.errors import StorageError

log = structlog.get_logger(__name__)

_DAY_S = 86_400


async def trim_history(
    records: AlertRecords,
    settings: Callable[[], AlertingSettings],
    clock: Clock,
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    """Delete the ended alerts that are too old or too many, each day until cancelled."""
    while True:
        now = settings()
        try:
            await records.delete_ended(clock() - now.history_ms, now.limits.ended_alerts)
        except StorageError as exc:
            log.warning("alert_history_not_trimmed", error=str(exc))
        await sleep(_DAY_S)
