"""The built-in check of probes: one alert for each probe that fails after its retries."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from alerting.book.alert_book import AlertBook
from alerting.book.identities import PROBE_IDENTITY
from alerting.book.lifecycle import Condition, RuleTiming
from alerting.book.observation import AlertKey, Observation
from alerting.check_settings import ProbeCheckSettings
from alerting.evaluation.health import HealthBoard
from alerting.evaluation.series import SeriesWriter, alert_series
from model.labels import Labels, quote
from storage.api.alerts import Alert, FiredAlert
from storage.api.samples import SampleAppender

PROBE_ALERT = "ProbeFailed"
PROBE_EXPRESSION = "probe_success == 0"
_IDENTIFYING = frozenset({"probe"})


@dataclass(frozen=True, slots=True)
class WatchedProbe:
    """A probe that the server runs, and its last outcome.

    Attributes:
        name: the label `probe`.
        labels: of its series.
        severity: of its alert, "none" for no alert.
        has_failed: None before the first outcome.
        reason: why it has failed.
    """

    name: str
    labels: Labels
    severity: str
    has_failed: bool | None
    reason: str = ""


ListProbes = Callable[[], Iterable[WatchedProbe]]
"""Returns the probes that are not paused."""


def probe_alert_key(alert: Alert | FiredAlert) -> AlertKey:
    """Return the key of a stored alert; the target and the labels of a probe may change."""
    return AlertKey(alert.rule, alert.labels.keep(_IDENTIFYING))


class ProbeFailuresEvaluation:
    """Evaluates the outcomes of the probes, again and again."""

    def __init__(
        self, probes: ListProbes, appender: SampleAppender, book: AlertBook, board: HealthBoard
    ) -> None:
        self._probes, self._book, self._board = probes, book, board
        self._alerts = SeriesWriter(appender, "alerts/probes")

    async def evaluate(self, settings: ProbeCheckSettings, now_ms: int) -> None:
        """Fire an alert for each probe that fails, and resolve the others."""
        with self._board.watching(PROBE_IDENTITY):
            await self._book.apply(list(self._observations(settings)), now_ms)
        with self._board.watching(f"{PROBE_IDENTITY}/ALERTS"):
            alerts = [item.alert for item in self._book.open_alerts(PROBE_IDENTITY)]
            self._alerts.write(alert_series(alerts), now_ms)

    def _observations(self, settings: ProbeCheckSettings) -> Iterator[Observation]:
        timing = RuleTiming(settings.for_ms, settings.keep_firing_for_ms)
        gone = set(self._book.tracked(PROBE_IDENTITY))
        for probe in self._probes() if settings.enabled else ():
            if probe.severity == "none":
                continue
            key = AlertKey(PROBE_IDENTITY, Labels.of(probe=probe.name))
            gone.discard(key)
            if probe.has_failed:
                yield _failure(probe, key, timing)
            elif probe.has_failed is False:
                # Before its first outcome, an alert from before the start stays as it was.
                yield Observation(key, Condition.CLEAR, timing)
        for key in gone:
            yield Observation(key, Condition.WITHDRAWN, timing)


def _failure(probe: WatchedProbe, key: AlertKey, timing: RuleTiming) -> Observation:
    return Observation(
        key=key,
        condition=Condition.HOLDS,
        timing=timing,
        value=0.0,
        labels=probe.labels.overlaid(
            Labels.of(alertname=PROBE_ALERT, severity=probe.severity, probe=probe.name)
        ),
        annotations=Labels.of(
            summary=f"The probe {probe.name} fails",
            description=f"{probe.labels.get('instance')}: {probe.reason}.",
        ),
        expression=f"probe_success{{probe={quote(probe.name)}}} == 0",
    )
