"""Stores which silences and maintenance windows hold firing alerts back, and when.

Silences are deleted some days after their end, while an alert's history stays for years.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from alerting.routing.matcher_syntax import matcher_text
from alerting.routing.silences import Silence, Silences
from model.matchers import matches_all
from storage.api.alerts import Alert
from storage.api.errors import StorageError
from storage.api.routing import AlertHold, RoutingRecords

log = structlog.get_logger(__name__)

_MOST_OF_ALERT = 16
"""If more silences hold one alert back, the history names the oldest ones."""
_ALERTS_PER_SLICE = 256
_MINUTE_MS = 60_000

_Key = tuple[int, str]
"""The ids of an alert and a silence."""


class HeldAlerts:
    """The holds of open alerts in memory, in agreement with the records."""

    def __init__(
        self, records: RoutingRecords, silences: Silences, opened: Callable[[], Iterable[Alert]]
    ) -> None:
        """`opened` returns the open alerts of ours."""
        self._records, self._silences, self._opened = records, silences, opened
        self._holds: dict[_Key, AlertHold] = {}
        # What the last update has seen: a new look at all alerts is needed when it differs.
        self._active: frozenset[tuple[str, int]] = frozenset()
        self._changed = True

    async def start(self) -> None:
        """Load the holds that had not ended when the server stopped.

        Raises:
            StorageError: the records cannot be read or written.
        """
        for hold in await self._records.open_holds():
            self._holds[hold.alert_id, hold.silence_id] = hold

    def alerts_changed(self) -> None:
        """Note that an alert has changed its state: `update` looks at all of them again."""
        self._changed = True

    async def update(self, now_ms: int) -> None:
        """Store the holds that have begun or ended since the last update.

        If they cannot be stored, the next update stores them.
        """
        active = [each for each in self._silences.all() if each.holds(now_ms)]
        seen = frozenset((each.id, each.updated_ms) for each in active)
        if seen == self._active and not (self._changed and (active or self._holds)):
            return
        self._changed = False
        held = await self._held(active, now_ms)
        begun = {key: hold for key, hold in held.items() if key not in self._holds}
        ended = {
            key: replace(hold, ends_ms=self._end_ms(hold, now_ms))
            for key, hold in self._holds.items()
            if key not in held
        }
        try:
            if begun or ended:
                await self._records.change_holds([*ended.values(), *begun.values()])
        except StorageError as exc:
            log.warning("alert_holds_not_stored", error=str(exc), count=len(begun) + len(ended))
            self._changed = True
            return
        self._active = seen
        self._holds = {key: self._holds.get(key, hold) for key, hold in held.items()}

    async def _held(self, active: list[Silence], now_ms: int) -> dict[_Key, AlertHold]:
        """Return the holds of now; each new one with its start."""
        found: dict[_Key, AlertHold] = {}
        if not active:
            return found
        active.sort(key=lambda each: (each.starts_ms, each.id))
        for number, alert in enumerate(tuple(self._opened()), 1):
            if number % _ALERTS_PER_SLICE == 0:
                await asyncio.sleep(0)
            if alert.fired_ms is None:
                continue
            muting = [each for each in active if matches_all(each.matchers, alert.labels)]
            for silence in muting[:_MOST_OF_ALERT]:
                found[alert.id, silence.id] = _hold(alert, alert.fired_ms, silence, now_ms)
        return found

    def _end_ms(self, hold: AlertHold, now_ms: int) -> int:
        """Return when a hold has ended: with its silence, its window, or its alert."""
        silence, ends_ms = self._silences.get(hold.silence_id), now_ms
        if silence is not None:
            ends_ms = min(ends_ms, silence.ends_ms)
            minute_ms = now_ms - now_ms % _MINUTE_MS
            # A window ends at a full minute, which passed less than a minute ago.
            if silence.is_maintenance and not silence.holds(minute_ms):
                ends_ms = min(ends_ms, minute_ms)
        return max(hold.starts_ms, ends_ms)


def _hold(alert: Alert, fired_ms: int, silence: Silence, now_ms: int) -> AlertHold:
    """Return a hold that has begun.

    Its start depends on the alert and the silence only, so that a hold that is stored
    again after a crash is the same one.
    """
    starts_ms = max(fired_ms, silence.starts_ms)
    if silence.is_maintenance:
        starts_ms = max(starts_ms, now_ms - now_ms % _MINUTE_MS)
    return AlertHold(
        alert.id,
        silence.id,
        silence.is_maintenance,
        ", ".join(map(matcher_text, silence.matchers)),
        silence.created_by,
        silence.comment,
        starts_ms,
    )
