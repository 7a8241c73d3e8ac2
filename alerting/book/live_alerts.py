"""Alerts for people to read: open ones from the book, all others from the records."""

from collections.abc import Sequence

from alerting.book.alert_book import AlertBook
from storage.api.alerts import (
    Alert,
    AlertRecords,
    CheckOverride,
    FiredAlert,
    Notification,
    Transition,
)
from storage.api.routing import AlertHold


class LiveAlerts:
    """Reads like `AlertRecords`, but open alerts have their latest values and annotations."""

    def __init__(self, records: AlertRecords, book: AlertBook) -> None:
        self._records, self._book = records, book

    async def open_alerts(self) -> Sequence[Alert]:
        """See `AlertRecords.open_alerts`."""
        return sorted((item.alert for item in self._book.open_alerts()), key=lambda it: it.id)

    async def alert(self, alert_id: int) -> Alert:
        """See `AlertRecords.alert`."""
        live = (item.alert for item in self._book.open_alerts() if item.alert.id == alert_id)
        return next(live, None) or await self._records.alert(alert_id)

    async def resolved(self, limit: int, before_id: int | None = None) -> Sequence[Alert]:
        """See `AlertRecords.resolved`."""
        return await self._records.resolved(limit, before_id)

    async def fired_since(self, since_ms: int, limit: int = 100_000) -> Sequence[FiredAlert]:
        """See `AlertRecords.fired_since`."""
        return await self._records.fired_since(since_ms, limit)

    async def history(
        self, limit: int, before_id: int | None = None, alert_id: int | None = None
    ) -> Sequence[Transition]:
        """See `AlertRecords.history`."""
        return await self._records.history(limit, before_id, alert_id)

    async def notifications(
        self,
        limit: int,
        before_id: int | None = None,
        *,
        alert_id: int | None = None,
        receiver: str | None = None,
    ) -> Sequence[Notification]:
        """See `AlertRecords.notifications`."""
        return await self._records.notifications(
            limit, before_id, alert_id=alert_id, receiver=receiver
        )

    async def holds(self, alert_id: int, limit: int) -> Sequence[AlertHold]:
        """See `RoutingRecords.holds`."""
        return await self._records.holds(alert_id, limit)

    async def overrides(self) -> Sequence[CheckOverride]:
        """See `AlertRecords.overrides`."""
        return await self._records.overrides()
