"""The built-in check of the server itself: one alert for each condition that degrades it.

It queries nothing and reads no file, so it is evaluated while queries or the disk fail.
"""

from collections.abc import Iterator

from alerting.book.alert_book import AlertBook
from alerting.book.identities import SERVER_IDENTITY
from alerting.book.lifecycle import Condition, RuleTiming
from alerting.book.observation import AlertKey, Observation
from alerting.check_settings import ServerCheckSettings
from alerting.evaluation.health import HealthBoard
from alerting.evaluation.series import SeriesWriter, alert_series
from model.conditions import ActiveCondition, Conditions
from model.labels import Labels
from storage.api.alerts import Alert, FiredAlert
from storage.api.samples import SampleAppender

SERVER_ALERT = "ServerDegraded"
SERVER_EXPRESSION = "redshank_degraded == 1"
_IDENTIFYING = frozenset({"condition"})


def server_alert_key(alert: Alert | FiredAlert) -> AlertKey:
    """Return the key of a stored alert; the severity of its condition may change."""
    return AlertKey(alert.rule, alert.labels.keep(_IDENTIFYING))


class ServerConditionsEvaluation:
    """Evaluates the conditions of the server, again and again."""

    def __init__(
        self,
        conditions: Conditions,
        appender: SampleAppender,
        book: AlertBook,
        board: HealthBoard,
    ) -> None:
        self._conditions, self._book, self._board = conditions, book, board
        self._alerts = SeriesWriter(appender, "alerts/server")

    async def evaluate(self, settings: ServerCheckSettings, now_ms: int) -> None:
        """Fire an alert for each condition that holds, and resolve the others."""
        with self._board.watching(SERVER_IDENTITY):
            await self._book.apply(list(self._observations(settings)), now_ms)
        with self._board.watching(f"{SERVER_IDENTITY}/ALERTS"):
            alerts = [item.alert for item in self._book.open_alerts(SERVER_IDENTITY)]
            self._alerts.write(alert_series(alerts), now_ms)

    def _observations(self, settings: ServerCheckSettings) -> Iterator[Observation]:
        tracked = self._book.tracked(SERVER_IDENTITY)
        timing = RuleTiming(settings.for_ms, settings.keep_firing_for_ms)
        if not settings.enabled:
            for key in tracked:
                yield Observation(key, Condition.WITHDRAWN, timing)
            return
        holds = set()
        for active in self._conditions.active():
            observation = _observation(active, timing)
            holds.add(observation.key)
            yield observation
        for key in tracked.keys() - holds:
            yield Observation(key, Condition.CLEAR, timing)


def _observation(active: ActiveCondition, timing: RuleTiming) -> Observation:
    kind = active.kind
    identifying = Labels.of(condition=kind.name)
    return Observation(
        key=AlertKey(SERVER_IDENTITY, identifying),
        condition=Condition.HOLDS,
        timing=timing,
        value=1.0,
        labels=identifying.overlaid(Labels.of(alertname=SERVER_ALERT, severity=kind.severity)),
        annotations=Labels.of(
            summary=kind.summary[:1].upper() + kind.summary[1:],
            description=f"{active.reason or kind.summary}. What to do: {kind.fix}.",
        ),
        expression=f'redshank_degraded{{condition="{kind.name}"}} == 1',
    )
