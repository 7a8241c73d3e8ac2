"""The limits of all rules: an explosion of labels must not become as many alerts or series."""

from collections.abc import Callable

from alerting.book.alert_book import AlertBook
from alerting.errors import RuleEvaluationError
from alerting.settings import RuleLimitSettings
from model.limits import LimitName, Refusals


class RuleLimits:
    """Refuses results that are too large, before anything is made of them.

    A rule that is refused fails: its alerts and series stay as they are.
    """

    def __init__(
        self, settings: Callable[[], RuleLimitSettings], book: AlertBook, refusals: Refusals
    ) -> None:
        self._settings, self._book, self._refusals = settings, book, refusals

    def check_series(self, count: int) -> None:
        """Check the number of series that an expression returns.

        Raises:
            RuleEvaluationError: there are too many.
        """
        most = self._settings().series_per_rule
        if count > most:
            self._refuse(LimitName.RULE_SERIES, f"{count} series", most, "series_per_rule")

    def check_alerts(self, rule: str, count: int) -> None:
        """Check the number of alerts that a rule would have.

        Raises:
            RuleEvaluationError: there are too many, of this rule or of all.
        """
        settings = self._settings()
        if count > settings.alerts_per_rule:
            most = settings.alerts_per_rule
            self._refuse(LimitName.RULE_ALERTS, f"{count} alerts", most, "alerts_per_rule")
        # Fewer alerts than before are always welcome.
        more = count - self._book.count(rule)
        total = self._book.count() + more
        if more > 0 and total > settings.alerts:
            self._refuse(LimitName.ALERTS, f"{total} alerts in all", settings.alerts, "alerts")

    def _refuse(self, limit: LimitName, found: str, most: int, setting: str) -> None:
        self._refusals.count(limit)
        raise RuleEvaluationError(
            f"{found} exceed the limit of {most} (alerting.limits.{setting}):"
            " aggregate the expression, or raise the limit"
        )
