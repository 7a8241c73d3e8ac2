"""Records of simulated alerts: ids, and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count

from storage.api.alerts import (
    PLAIN_ACKNOWLEDGEMENT,
    Acknowledgement,
    Alert,
    AlertChange,
)
from storage.api.errors import NotFoundError


class MemoryAlerts:
    """Implements `AlertStateRecords`; nobody acknowledges a simulated alert."""

    def __init__(self) -> None:
        self._ids = count(1)

    async def record(self, changes: Sequence[AlertChange], now_ms: int) -> Sequence[Alert]:
        """Return the alerts with their ids."""
        return [
            change.alert if change.alert.id else replace(change.alert, id=next(self._ids))
            for change in changes
        ]

    async def acknowledge(
        self,
        alert_id: int,
        user: str,
        now_ms: int,
        terms: Acknowledgement = PLAIN_ACKNOWLEDGEMENT,
    ) -> Alert:
        """Refuse: see `AlertStateRecords.acknowledge`."""
        raise NotFoundError("alert", alert_id)

    async def unacknowledge(self, alert_id: int, now_ms: int) -> Alert:
        """Refuse: see `AlertStateRecords.unacknowledge`."""
        raise NotFoundError("alert", alert_id)
