"""The open alerts in memory, in agreement with the records.

All observations of an evaluation are applied together: one transaction stores the
alerts, their transitions and the notifications, and then the book changes. If storing
fails, the book is unchanged and the next evaluation repeats the change.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alerting.book.flapping import FlapDetector, Flapping
from alerting.book.lifecycle import INACTIVE, Lifecycle, advance
from alerting.book.observation import AlertKey, Observation, OpenAlert
from alerting.notifications.notice import Notice, notice_of
from model.labels import Labels
from model.process.uninterrupted import uninterrupted
from storage.api.alerts import (
    PLAIN_ACKNOWLEDGEMENT,
    Acknowledgement,
    Alert,
    AlertChange,
    AlertState,
    AlertStateRecords,
    NewNotification,
)

# An observation takes 40 us. A thousand hosts may vanish at once: other tasks must run
# in between.
_OBSERVATIONS_PER_SLICE = 256

Notify = Callable[[Notice], tuple[NewNotification, ...]]
"""Returns the notifications to store for a notice."""
Subscriber = Callable[[Sequence[AlertChange]], None]


@dataclass(frozen=True, slots=True)
class _BookEntry:
    """One alert of the book; `alert` is None while it only waits for missing data."""

    lifecycle: Lifecycle
    alert: Alert | None = None
    suppressed_by: str = ""
    flapping: Flapping | None = None


def restored_lifecycle(alert: Alert) -> Lifecycle:
    """Return the lifecycle of a stored alert; its waits for data and recovery begin again."""
    missing_ms = alert.changed_ms if alert.state is AlertState.NO_DATA else None
    return Lifecycle(alert.state, alert.active_ms, alert.fired_ms, missing_ms=missing_ms)


def _with_acknowledgement(alert: Alert, stored: Alert) -> Alert:
    """Return an alert of the book with the acknowledgement of the records."""
    return replace(
        alert,
        acknowledged_by=stored.acknowledged_by,
        acknowledged_ms=stored.acknowledged_ms,
        acknowledged_comment=stored.acknowledged_comment,
        acknowledged_until_ms=stored.acknowledged_until_ms,
        acknowledged_sticky=stored.acknowledged_sticky,
    )


def _has_fired(before: Lifecycle, after: Lifecycle) -> bool:
    """Return whether an alert begins to fire."""
    return before.fired_ms is None and after.fired_ms is not None


class AlertBook:
    """All open alerts, by rule."""

    def __init__(
        self,
        records: AlertStateRecords,
        notify: Notify,
        publish: Subscriber,
        flaps: FlapDetector | None = None,
    ) -> None:
        """Start with no alerts.

        Args:
            records: where alerts and notifications are stored.
            notify: returns the notifications to store with a change.
            publish: receives the changes after they have been stored.
            flaps: finds alerts that flap; None for no such search.
        """
        self._records, self._notify, self._publish = records, notify, publish
        self._flaps = flaps
        self._rules: dict[str, dict[AlertKey, _BookEntry]] = {}
        # Held while the records and the book change together.
        self._lock = asyncio.Lock()

    def restore(self, alerts: Iterable[tuple[AlertKey, Alert]]) -> None:
        """Add the alerts that were open when the server stopped."""
        for key, alert in alerts:
            flapping = None
            if self._flaps is not None:
                flapping = self._flaps.restored(key, alert.annotations)
            self._put(key, _BookEntry(restored_lifecycle(alert), alert, flapping=flapping))

    def open_alerts(self, rule: str | None = None) -> list[OpenAlert]:
        """Return the open alerts of one rule, or of all rules."""
        entries = self._rules.get(rule, {}) if rule is not None else None
        groups = self._rules.values() if entries is None else [entries]
        return [
            OpenAlert(entry.alert, entry.suppressed_by)
            for group in groups
            for entry in group.values()
            if entry.alert is not None
        ]

    def count(self, rule: str | None = None) -> int:
        """Return the number of tracked alerts of one rule, or of all rules."""
        if rule is not None:
            return len(self._rules.get(rule, ()))
        return sum(map(len, self._rules.values()))

    def tracked(self, rule: str) -> dict[AlertKey, Lifecycle]:
        """Return the alerts that the next evaluation of a rule must observe."""
        return {key: entry.lifecycle for key, entry in self._rules.get(rule, {}).items()}

    def lifecycle(self, key: AlertKey) -> Lifecycle:
        """Return the lifecycle of an alert."""
        entry = self._entry(key)
        return INACTIVE if entry is None else entry.lifecycle

    def rules(self) -> list[str]:
        """Return the identities of the rules that have tracked alerts."""
        return list(self._rules)

    async def rename(self, identities: Mapping[str, str], now_ms: int) -> None:
        """Give rules other identities; their alerts stay as they are.

        Args:
            identities: the new identity of each rule, by the one so far.
            now_ms: the current time.

        Raises:
            StorageError: nothing is stored, and the book is unchanged.
        """
        changes: tuple[AlertChange, ...] = ()
        if identities.keys() & self._rules.keys():
            changes = await uninterrupted(self._renamed(identities, now_ms))
        if changes:
            self._publish(changes)

    async def _renamed(self, identities: Mapping[str, str], now_ms: int) -> tuple[AlertChange, ...]:
        async with self._lock:
            keys = {
                key: AlertKey(identities[rule], key.labels)
                for rule, entries in self._rules.items()
                if rule in identities
                for key in entries
            }
            moved = {key: self._rules[key.rule][key] for key in keys}
            alerts = {key: entry.alert for key, entry in moved.items() if entry.alert is not None}
            changes = [
                AlertChange(replace(alert, rule=keys[key].rule), alert.state)
                for key, alert in alerts.items()
            ]
            stored = dict(zip(alerts, await self._records.record(changes, now_ms), strict=True))
            for rule in {key.rule for key in keys}:
                del self._rules[rule]
            for key, entry in moved.items():
                self._put(keys[key], replace(entry, alert=stored.get(key)))
            if self._flaps is not None:
                self._flaps.rename(keys)
        return tuple(AlertChange(alert, alert.state) for alert in stored.values())

    async def apply(self, observations: Iterable[Observation], now_ms: int) -> None:
        """Apply the observations of one evaluation, in their order.

        Raises:
            StorageError: nothing is stored, and the book is unchanged.
        """
        changes = await uninterrupted(self._apply(observations, now_ms))
        if changes:
            self._publish(changes)

    async def _apply(
        self, observations: Iterable[Observation], now_ms: int
    ) -> tuple[AlertChange, ...]:
        async with self._lock:
            after: dict[AlertKey, _BookEntry] = {}
            changes: dict[AlertKey, AlertChange] = {}
            for number, observation in enumerate(observations, 1):
                if number % _OBSERVATIONS_PER_SLICE == 0:
                    await asyncio.sleep(0)
                entry, change = self._observe(observation, after, now_ms)
                after[observation.key] = entry
                if change is not None:
                    changes[observation.key] = change
            stored: Sequence[Alert] = ()
            if changes:
                stored = await self._records.record(tuple(changes.values()), now_ms)
            for key, alert in zip(changes, stored, strict=True):
                after[key] = replace(after[key], alert=alert)
                changes[key] = replace(changes[key], alert=alert)
            await self._end_acknowledgements(after, changes, now_ms)
            for key, entry in after.items():
                self._count_firing(key, entry)
                self._put(key, entry)
        return tuple(changes.values())

    async def _end_acknowledgements(
        self,
        after: dict[AlertKey, _BookEntry],
        changes: dict[AlertKey, AlertChange],
        now_ms: int,
    ) -> None:
        """End the acknowledgements whose time is over."""
        for key, entry in after.items():
            alert = entry.alert
            if alert is None or alert.acknowledged_until_ms is None or not alert.is_open:
                continue
            if alert.acknowledged_until_ms <= now_ms:
                stored = await self._records.unacknowledge(alert.id, now_ms)
                after[key] = replace(entry, alert=_with_acknowledgement(alert, stored))
                changes.setdefault(key, AlertChange(stored, stored.state))

    def _observe(
        self, observation: Observation, after: dict[AlertKey, _BookEntry], now_ms: int
    ) -> tuple[_BookEntry, AlertChange | None]:
        """Return the entry after an observation, and the change of state if there is one."""
        before = self._entry(observation.key) or _BookEntry(INACTIVE)
        suppressed_by = observation.suppressed_by or self._inhibitor(observation.inhibitors, after)
        flapping, timing = before.flapping, observation.timing
        lifecycle = advance(
            before.lifecycle,
            observation.condition,
            timing if flapping is None else flapping.patient(timing),
            now_ms,
            suppressed=bool(suppressed_by),
        )
        if self._flaps is not None and _has_fired(before.lifecycle, lifecycle):
            flapping = self._flaps.judge(observation.key, now_ms)
        alert = self._alert(before.alert, observation, lifecycle, now_ms)
        if alert is not None and flapping is not None:
            alert = replace(alert, annotations=flapping.marked(alert.annotations))
        entry = _BookEntry(lifecycle, alert, suppressed_by, flapping)
        if alert is None or lifecycle.state is before.lifecycle.state:
            return entry, None
        is_known = before.lifecycle.fired_ms is not None
        notice = notice_of(alert, observation.expression, is_known=is_known)
        notifications = self._notify(notice) if notice else ()
        return entry, AlertChange(alert, before.lifecycle.state, notifications)

    def _count_firing(self, key: AlertKey, entry: _BookEntry) -> None:
        """Count an alert that fires anew; the end of one that flapped is a calm beginning."""
        if self._flaps is None:
            return
        before = self._entry(key)
        known = INACTIVE if before is None else before.lifecycle
        if _has_fired(known, entry.lifecycle) and entry.lifecycle.fired_ms is not None:
            self._flaps.count(key, entry.lifecycle.fired_ms)
        if entry.flapping is not None and entry.lifecycle.state is AlertState.RESOLVED:
            self._flaps.forget(key)

    def _entry(self, key: AlertKey) -> _BookEntry | None:
        return self._rules.get(key.rule, {}).get(key)

    def _inhibitor(self, keys: tuple[AlertKey, ...], after: dict[AlertKey, _BookEntry]) -> str:
        """Return the name of the first of these alerts that fires, "" if none does."""
        for key in keys:
            entry = after.get(key) or self._entry(key)
            if entry is None or entry.alert is None or entry.lifecycle.fired_ms is None:
                continue
            if entry.lifecycle.state is not AlertState.RESOLVED:
                labels = entry.alert.labels
                return f"{labels.get('alertname')} {labels.get('severity')}".rstrip()
        return ""

    @staticmethod
    def _alert(
        before: Alert | None, observation: Observation, lifecycle: Lifecycle, now_ms: int
    ) -> Alert | None:
        """Return the alert after an observation, None if there is none."""
        if before is None and lifecycle.state is AlertState.INACTIVE:
            return None
        value = float("nan") if observation.value is None else observation.value
        if before is None:
            return Alert(
                id=0,
                rule=observation.key.rule,
                labels=observation.labels,
                annotations=observation.annotations or Labels(),
                state=lifecycle.state,
                value=value,
                active_ms=lifecycle.active_ms or now_ms,
                changed_ms=now_ms,
                fired_ms=lifecycle.fired_ms,
            )
        annotations = observation.annotations
        resolved = lifecycle.state is AlertState.RESOLVED
        return replace(
            before,
            annotations=before.annotations if annotations is None else annotations,
            state=lifecycle.state,
            value=before.value if observation.value is None else value,
            active_ms=lifecycle.active_ms or before.active_ms,
            changed_ms=before.changed_ms if lifecycle.state is before.state else now_ms,
            fired_ms=lifecycle.fired_ms,
            resolved_ms=now_ms if resolved else None,
        )

    def _put(self, key: AlertKey, entry: _BookEntry) -> None:
        over = entry.lifecycle.state in (AlertState.INACTIVE, AlertState.RESOLVED)
        if over and entry.lifecycle.missing_ms is None:
            self._rules.get(key.rule, {}).pop(key, None)
            if not self._rules.get(key.rule, {}):
                self._rules.pop(key.rule, None)
            return
        self._rules.setdefault(key.rule, {})[key] = replace(
            entry, alert=None if over else entry.alert
        )

    async def acknowledge(
        self,
        alert_id: int,
        user: str,
        now_ms: int,
        terms: Acknowledgement = PLAIN_ACKNOWLEDGEMENT,
    ) -> Alert:
        """Record that a user works on an open alert, and return the alert.

        Raises:
            NotFoundError: no open alert has this id.
        """
        work = self._records.acknowledge(alert_id, user, now_ms, terms)
        stored = await uninterrupted(self._acknowledged(work))
        self._publish((AlertChange(stored, stored.state),))
        return stored

    async def unacknowledge(self, alert_id: int, now_ms: int) -> Alert:
        """Record that nobody works on an alert any more, and return the alert.

        Raises:
            NotFoundError: no alert has this id.
        """
        work = self._records.unacknowledge(alert_id, now_ms)
        stored = await uninterrupted(self._acknowledged(work))
        self._publish((AlertChange(stored, stored.state),))
        return stored

    async def _acknowledged(self, work: Coroutine[Any, Any, Alert]) -> Alert:
        """Store an acknowledgement or its end, and take it into the book."""
        async with self._lock:
            stored = await work
            for entries in self._rules.values():
                for key, entry in entries.items():
                    if entry.alert is not None and entry.alert.id == stored.id:
                        alert = _with_acknowledgement(entry.alert, stored)
                        entries[key] = replace(entry, alert=alert)
        return stored
