"""Finds alerts that flap: that fire again and again within a short time.

A flapping alert is sent once more, says so in the annotation `flapping`, and then keeps
firing until its condition has not held for a while. Otherwise its receivers would get two
notifications for each change, and soon read none.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from alerting.book.identities import BUILT_IN_IDENTITIES
from alerting.book.lifecycle import RuleTiming
from alerting.book.observation import AlertKey
from alerting.settings import FlappingSettings
from model.durations import format_duration
from model.labels import Labels
from storage.api.alerts import FiredAlert

FLAPPING: Final = "flapping"
"""The annotation of an alert that flaps: how often it has fired."""
_MOST_IDLE: Final = 1_000
_MOST_TIMES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Flapping:
    """That an alert flaps.

    Attributes:
        text: how often it has fired, for people.
        calm_ms: how long its condition must not hold before the alert ends.
    """

    text: str
    calm_ms: int

    def patient(self, timing: RuleTiming) -> RuleTiming:
        """Return the waiting times of a rule, with an end that waits for calm."""
        keep_ms = max(timing.keep_firing_for_ms, self.calm_ms)
        return replace(timing, keep_firing_for_ms=keep_ms)

    def marked(self, annotations: Labels) -> Labels:
        """Return annotations that say so."""
        return annotations.overlaid(Labels.of({FLAPPING: self.text}))


class FlapDetector:
    """The latest times at which each alert has fired.

    Args:
        settings: returns the settings in use.
    """

    def __init__(self, settings: Callable[[], FlappingSettings]) -> None:
        self._settings = settings
        self._fired_ms: dict[AlertKey, list[int]] = {}

    def __len__(self) -> int:
        """Return the number of alerts whose times are known."""
        return len(self._fired_ms)

    def judge(self, key: AlertKey, fired_ms: int) -> Flapping | None:
        """Return whether an alert that fires now flaps; it is not counted yet."""
        settings = self._settings()
        if not self._watches(key):
            return None
        since_ms = fired_ms - settings.within_ms
        count = 1 + sum(since_ms < each < fired_ms for each in self._fired_ms.get(key, ()))
        if count < settings.fires:
            return None
        within = format_duration(settings.within_ms)
        calm = format_duration(settings.calm_ms)
        text = f"fired {count} times within {within}; ends after {calm} without its condition"
        return Flapping(text, settings.calm_ms)

    def rename(self, keys: Mapping[AlertKey, AlertKey]) -> None:
        """Keep the times of alerts under other keys."""
        times = {new: self._fired_ms.pop(old) for old, new in keys.items() if old in self._fired_ms}
        self._fired_ms |= times

    def count(self, key: AlertKey, fired_ms: int) -> None:
        """Count that an alert has fired."""
        settings = self._settings()
        if not self._watches(key):
            return
        since_ms = fired_ms - settings.within_ms
        times = [each for each in self._fired_ms.get(key, ()) if since_ms < each < fired_ms]
        self._fired_ms[key] = [*times[-_MOST_TIMES:], fired_ms]
        if len(self._fired_ms) % _MOST_IDLE == 0:
            self._forget_before(fired_ms - settings.within_ms)

    def restore(
        self, fired: Iterable[FiredAlert], key_of: Callable[[FiredAlert], AlertKey]
    ) -> None:
        """Count the alerts that fired before the start, in any order."""
        for each in sorted(fired, key=lambda alert: alert.fired_ms):
            self.count(key_of(each), each.fired_ms)

    def _watches(self, key: AlertKey) -> bool:
        settings = self._settings()
        return bool(settings.fires) and (settings.rules or key.rule in BUILT_IN_IDENTITIES)

    def restored(self, key: AlertKey, annotations: Labels) -> Flapping | None:
        """Return whether an alert flapped when the server stopped."""
        text = annotations.get(FLAPPING) if self._watches(key) else ""
        return Flapping(text, self._settings().calm_ms) if text else None

    def forget(self, key: AlertKey) -> None:
        """Begin to count anew: the alert has been calm."""
        self._fired_ms.pop(key, None)

    def _forget_before(self, time_ms: int) -> None:
        idle = [key for key, times in self._fired_ms.items() if times[-1] < time_ms]
        for key in idle:
            del self._fired_ms[key]
