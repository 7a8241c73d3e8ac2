"""Evaluates the checks of the server itself.

The values come from the process, not from a query or the store: these checks work while
both are slow or broken. Their alerts go through the same book and the same receivers.
"""

from collections.abc import Callable, Iterator, Mapping

from alerting.book.alert_book import AlertBook
from alerting.book.identities import self_check_identity
from alerting.book.lifecycle import Condition
from alerting.book.observation import AlertKey, Observation
from alerting.check_settings import HostCheckSettings, SelfCheckName
from alerting.evaluation.health import HealthBoard
from alerting.evaluation.series import SeriesWriter, alert_series
from alerting.watching.self_checks import (
    SELF_CHECKS,
    SelfCheck,
    lag_settings,
    severities,
    threshold_ms,
    timing,
)
from model.labels import Labels
from storage.api.alerts import Alert, FiredAlert, Severity
from storage.api.samples import SampleAppender

LagReaders = Mapping[SelfCheckName, Callable[[], float]]
"""For each check, a function that returns the current lag in seconds."""
_IDENTIFYING = frozenset({"severity"})


def self_check_key(alert: Alert | FiredAlert) -> AlertKey:
    """Return the key of a stored alert of a self check."""
    return AlertKey(alert.rule, alert.labels.keep(_IDENTIFYING))


class SelfChecksEvaluation:
    """Evaluates the checks of the server, again and again.

    Attributes:
        settings: the settings of the checks; may be replaced.
    """

    def __init__(
        self,
        settings: HostCheckSettings,
        lags: LagReaders,
        appender: SampleAppender,
        book: AlertBook,
        board: HealthBoard,
    ) -> None:
        self.settings, self._lags = settings, lags
        self._book, self._board = book, board
        self._alerts = SeriesWriter(appender, "alerts/server/lag")

    async def evaluate(self, now_ms: int) -> None:
        """Evaluate every check; one that fails leaves its alerts unchanged."""
        for name, check in SELF_CHECKS.items():
            with self._board.watching(self_check_identity(name)):
                value_s = self._lags[name]()
                await self._book.apply(self._observations(check, value_s), now_ms)
        with self._board.watching("server/lag/ALERTS"):
            self._alerts.write(alert_series(self._open_alerts()), now_ms)

    def _open_alerts(self) -> list[Alert]:
        rules = map(self_check_identity, SELF_CHECKS)
        return [item.alert for rule in rules for item in self._book.open_alerts(rule)]

    def _observations(self, check: SelfCheck, value_s: float) -> Iterator[Observation]:
        settings = lag_settings(self.settings, check.name)
        identity = self_check_identity(check.name)
        tracked = self._book.tracked(identity)
        wanted = severities(settings)
        critical = _key(identity, Severity.CRITICAL)
        for severity in wanted:
            key = _key(identity, severity)
            holds = value_s * 1000 > (threshold_ms(settings, severity) or 0)
            if not holds and key not in tracked:
                continue
            yield Observation(
                key,
                Condition.HOLDS if holds else Condition.CLEAR,
                timing(settings),
                value_s,
                labels=Labels.of(alertname=check.alert, severity=severity.value),
                annotations=check.annotations(value_s) if holds else None,
                expression=check.expression(settings, severity),
                inhibitors=() if severity is Severity.CRITICAL else (critical,),
            )
        for key in tracked:
            if key.labels.get("severity") not in wanted:
                yield Observation(key, Condition.WITHDRAWN, timing(settings))


def _key(identity: str, severity: Severity) -> AlertKey:
    return AlertKey(identity, Labels.of(severity=severity.value))
