"""The book of open alerts: what evaluations saw becomes states, stored before they count.

A batch of readings is applied as a whole: one transaction stores the alerts, their
transitions and the notifications; only then does the book say so too. Where storing
fails the book stays as it was, and the next evaluation does it again.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from alerting.book.states import INACTIVE, Notice, Sight, Standing, Timing, step
from model.labels import Labels
from storage.api.alerts import Alert, AlertChange, AlertRecords, AlertState, NewNotification

T = TypeVar("T")
# A reading takes 40 us; when a thousand hosts vanish at once others still get their turn.
_READINGS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class AlertKey:
    """What makes two readings the same alert: a rule's identity, and labels that last."""

    rule: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class Reading:
    """What an evaluation saw of one alert.

    Attributes:
        key: which alert.
        sight: what was seen.
        timing: the rule's patience.
        value: the expression's value, None where there is none.
        labels: those of the alert if it is new.
        annotations: what it says now, None for what it said before.
        expression: PromQL behind it, for links.
        held_by: why it may neither fire nor lose its data now, "" if it may.
        yields_to: alerts that speak for this one while they fire.
    """

    key: AlertKey
    sight: Sight
    timing: Timing
    value: float | None = None
    labels: Labels = field(default_factory=Labels)
    annotations: Labels | None = None
    expression: str = ""
    held_by: str = ""
    yields_to: tuple[AlertKey, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is pending, firing or without data.

    Attributes:
        alert: with its latest value and annotations.
        held_by: what speaks for it or keeps it from firing, "" if nothing does.
    """

    alert: Alert
    held_by: str = ""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the book knows of one alert; `alert` None while it only waits for data."""

    standing: Standing
    alert: Alert | None = None
    held_by: str = ""


Compose = Callable[[Alert, Notice, str], tuple[NewNotification, ...]]
"""Makes the notifications of an alert, a notice and a PromQL expression."""
Subscriber = Callable[[Sequence[AlertChange]], None]


def restored_standing(alert: Alert) -> Standing:
    """Return where a stored alert stands; what it was waiting for begins again."""
    missing_ms = alert.changed_ms if alert.state is AlertState.NO_DATA else None
    return Standing(alert.state, alert.active_ms, alert.fired_ms, missing_ms=missing_ms)


async def _finished(work: Coroutine[Any, Any, T]) -> T:
    """Await work to its end even if the caller is cancelled meanwhile.

    What was stored and what the book says would part otherwise, and the next
    evaluation would tell receivers a second time.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        # Retrieved, or the loop would complain of an error that nobody can act on.
        task.exception()
        raise


class AlertBook:
    """Every open alert, by rule."""

    def __init__(self, records: AlertRecords, compose: Compose, publish: Subscriber) -> None:
        self._records, self._compose, self._publish = records, compose, publish
        self._rules: dict[str, dict[AlertKey, _Entry]] = {}
        # What is stored and what the book says change together.
        self._lock = asyncio.Lock()

    def restore(self, alerts: Iterable[tuple[AlertKey, Alert]]) -> None:
        """Take up alerts that were open when the server stopped."""
        for key, alert in alerts:
            self._put(key, _Entry(restored_standing(alert), alert))

    def open_alerts(self, rule: str | None = None) -> list[OpenAlert]:
        """Return the open alerts of one rule, of all if None."""
        entries = self._rules.get(rule, {}) if rule is not None else None
        groups = self._rules.values() if entries is None else [entries]
        return [
            OpenAlert(entry.alert, entry.held_by)
            for group in groups
            for entry in group.values()
            if entry.alert is not None
        ]

    def tracked(self, rule: str) -> dict[AlertKey, Standing]:
        """Return what must be read again at the next evaluation of a rule."""
        return {key: entry.standing for key, entry in self._rules.get(rule, {}).items()}

    def standing(self, key: AlertKey) -> Standing:
        """Return where an alert stands."""
        entry = self._entry(key)
        return INACTIVE if entry is None else entry.standing

    def rules(self) -> list[str]:
        """Return the identities of the rules that have anything in the book."""
        return list(self._rules)

    async def apply(self, readings: Iterable[Reading], now_ms: int) -> None:
        """Take in what one evaluation saw, in the order given.

        Raises:
            StorageError: nothing is stored, and the book is as it was.
        """
        changes = await _finished(self._apply(readings, now_ms))
        if changes:
            self._publish(changes)

    async def _apply(self, readings: Iterable[Reading], now_ms: int) -> tuple[AlertChange, ...]:
        async with self._lock:
            after: dict[AlertKey, _Entry] = {}
            changes: dict[AlertKey, AlertChange] = {}
            for number, reading in enumerate(readings, 1):
                if number % _READINGS_AT_ONCE == 0:
                    await asyncio.sleep(0)
                entry, change = self._read(reading, after, now_ms)
                after[reading.key] = entry
                if change is not None:
                    changes[reading.key] = change
            stored: Sequence[Alert] = ()
            if changes:
                stored = await self._records.record(tuple(changes.values()), now_ms)
            for key, alert in zip(changes, stored, strict=True):
                after[key] = replace(after[key], alert=alert)
                changes[key] = replace(changes[key], alert=alert)
            for key, entry in after.items():
                self._put(key, entry)
        return tuple(changes.values())

    def _read(
        self, reading: Reading, after: dict[AlertKey, _Entry], now_ms: int
    ) -> tuple[_Entry, AlertChange | None]:
        before = self._entry(reading.key) or _Entry(INACTIVE)
        held_by = reading.held_by or self._speaker(reading.yields_to, after)
        result = step(before.standing, reading.sight, reading.timing, now_ms, held=bool(held_by))
        standing = result.standing
        alert = self._alert(before.alert, reading, standing, now_ms)
        entry = _Entry(standing, alert, held_by)
        if alert is None or standing.state is before.standing.state:
            return entry, None
        notifications = (
            self._compose(alert, result.notice, reading.expression) if result.notice else ()
        )
        return entry, AlertChange(alert, before.standing.state, notifications)

    def _entry(self, key: AlertKey) -> _Entry | None:
        return self._rules.get(key.rule, {}).get(key)

    def _speaker(self, keys: tuple[AlertKey, ...], after: dict[AlertKey, _Entry]) -> str:
        """Return the name of the first of these alerts that receivers know as firing."""
        for key in keys:
            entry = after.get(key) or self._entry(key)
            if entry is None or entry.alert is None or entry.standing.fired_ms is None:
                continue
            if entry.standing.state is not AlertState.RESOLVED:
                labels = entry.alert.labels
                return f"{labels.get('alertname')} {labels.get('severity')}".rstrip()
        return ""

    @staticmethod
    def _alert(
        before: Alert | None, reading: Reading, standing: Standing, now_ms: int
    ) -> Alert | None:
        """Return the alert as it now stands, None where there is none to speak of."""
        if before is None and standing.state is AlertState.INACTIVE:
            return None
        value = float("nan") if reading.value is None else reading.value
        if before is None:
            return Alert(
                id=0,
                rule=reading.key.rule,
                labels=reading.labels,
                annotations=reading.annotations or Labels(),
                state=standing.state,
                value=value,
                active_ms=standing.active_ms or now_ms,
                changed_ms=now_ms,
                fired_ms=standing.fired_ms,
            )
        resolved = standing.state is AlertState.RESOLVED
        return replace(
            before,
            annotations=before.annotations if reading.annotations is None else reading.annotations,
            state=standing.state,
            value=before.value if reading.value is None else value,
            active_ms=standing.active_ms or before.active_ms,
            changed_ms=before.changed_ms if standing.state is before.state else now_ms,
            fired_ms=standing.fired_ms,
            resolved_ms=now_ms if resolved else None,
        )

    def _put(self, key: AlertKey, entry: _Entry) -> None:
        over = entry.standing.state in (AlertState.INACTIVE, AlertState.RESOLVED)
        if over and entry.standing.missing_ms is None:
            self._rules.get(key.rule, {}).pop(key, None)
            if not self._rules.get(key.rule, {}):
                self._rules.pop(key.rule, None)
            return
        self._rules.setdefault(key.rule, {})[key] = replace(
            entry, alert=None if over else entry.alert
        )

    async def acknowledge(self, alert_id: int, user: str, now_ms: int) -> Alert:
        """Mark an open alert as being worked on.

        Raises:
            NotFoundError: no open alert has this id.
        """
        stored = await _finished(self._acknowledge(alert_id, user, now_ms))
        self._publish((AlertChange(stored, stored.state),))
        return stored

    async def _acknowledge(self, alert_id: int, user: str, now_ms: int) -> Alert:
        async with self._lock:
            stored = await self._records.acknowledge(alert_id, user, now_ms)
            for entries in self._rules.values():
                for key, entry in entries.items():
                    if entry.alert is not None and entry.alert.id == alert_id:
                        alert = replace(
                            entry.alert,
                            acknowledged_by=stored.acknowledged_by,
                            acknowledged_ms=stored.acknowledged_ms,
                        )
                        entries[key] = replace(entry, alert=alert)
        return stored
