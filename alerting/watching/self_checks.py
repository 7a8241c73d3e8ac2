"""The checks of the server itself: whether it evaluates on time, and whether its loop runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from alerting.book.lifecycle import RuleTiming
from alerting.check_settings import HostCheckSettings, LagSettings, SelfCheckName
from model.durations import format_duration
from model.labels import Labels
from storage.api.alerts import Severity


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """One check of the server.

    Attributes:
        name: its key in the configuration.
        alert: the name of its alerts.
        metric: the metric on `/metrics` that it compares, in seconds.
        summary: the annotation.
        meaning: what the value says; ends the description.
    """

    name: SelfCheckName
    alert: str
    metric: str
    summary: str
    meaning: str

    def expression(self, settings: LagSettings, severity: Severity) -> str:
        """Return the PromQL of an alert's condition, for people and graphs."""
        return f"{self.metric} > {(threshold_ms(settings, severity) or 0) / 1000:g}"

    def annotations(self, value_s: float) -> Labels:
        """Return summary and description of an alert."""
        late = format_duration(round(value_s * 1000))
        return Labels.of(summary=self.summary, description=f"{late} late. {self.meaning}")


SELF_CHECKS: Mapping[SelfCheckName, SelfCheck] = MappingProxyType(
    {
        check.name: check
        for check in (
            SelfCheck(
                SelfCheckName.EVALUATION,
                "RedshankEvaluatesLate",
                "redshank_evaluation_lag_seconds",
                "Redshank evaluates late",
                "Host checks or rules are evaluated after their time, so alerts come late. The"
                " page of the rules shows which group takes longest.",
            ),
            SelfCheck(
                SelfCheckName.LOOP,
                "RedshankStalls",
                "redshank_loop_lag_seconds",
                "Redshank stalls",
                "The server did nothing for so long: scrapes, evaluations and pages waited. The"
                " machine lacks CPU or memory, or stopped the process.",
            ),
        )
    }
)


def lag_settings(settings: HostCheckSettings, name: SelfCheckName) -> LagSettings:
    """Return the settings of one check."""
    found: LagSettings = getattr(settings, name.value)
    return found


def threshold_ms(settings: LagSettings, severity: Severity) -> int | None:
    """Return the lag above which the alert's condition holds, None for no such alert."""
    return settings.critical_ms if severity is Severity.CRITICAL else settings.warning_ms


def severities(settings: LagSettings) -> tuple[Severity, ...]:
    """Return the severities of a check's alerts, the worst first; empty while it is off."""
    if not settings.enabled:
        return ()
    worst_first = (Severity.CRITICAL, Severity.WARNING)
    return tuple(each for each in worst_first if threshold_ms(settings, each) is not None)


def timing(settings: LagSettings) -> RuleTiming:
    """Return the waiting times of a check's alerts."""
    return RuleTiming(settings.for_ms, settings.keep_firing_for_ms)
