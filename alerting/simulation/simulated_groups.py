"""Rule groups on simulated time: the same evaluation and the same book as the server's."""

from collections.abc import Callable, Iterable

from alerting.book.alert_book import AlertBook
from alerting.evaluation.health import HealthBoard
from alerting.rules.definitions import AlertingRule, RuleGroup
from alerting.rules.group_evaluation import RuleGroupEvaluation, rule_name
from alerting.simulation.memory_alerts import MemoryAlerts
from alerting.simulation.memory_samples import MemorySamples
from promql.api import QueryEngine
from storage.api.alerts import Alert, AlertState
from storage.api.samples import SampleReader

MakeEngine = Callable[[SampleReader, int], QueryEngine]
"""Returns an engine over samples; the second argument is the step of subqueries."""


class SimulatedGroups:
    """Evaluates groups one after the other, at the times that the caller gives."""

    def __init__(
        self,
        groups: Iterable[RuleGroup],
        engine: QueryEngine,
        samples: MemorySamples,
        external_url: str,
    ) -> None:
        self._now_ms = 0
        self._board = HealthBoard(lambda: self._now_ms, logs_changes=False)
        self._book = AlertBook(MemoryAlerts(), lambda _: (), lambda _: None)
        self._evaluations = [
            RuleGroupEvaluation(group, engine, samples, self._book, self._board, external_url)
            for group in groups
        ]

    async def evaluate(self, now_ms: int) -> list[tuple[str, str]]:
        """Evaluate all groups; return name and error of each rule that failed."""
        self._now_ms = now_ms
        failed = []
        for evaluation in self._evaluations:
            await evaluation.evaluate(now_ms)
            for position, rule in enumerate(evaluation.group.rules):
                error = self._board[rule_name(evaluation.group, position)].error
                if error:
                    failed.append((rule.name, error))
        return failed

    def firing(self, name: str) -> list[tuple[AlertingRule, Alert]]:
        """Return the firing alerts of all rules with this name."""
        rules = [rule for each in self._evaluations for rule in each.group.rules]
        return [
            (rule, item.alert)
            for rule in rules
            if isinstance(rule, AlertingRule) and rule.name == name
            for item in self._book.open_alerts(rule.identity)
            if item.alert.state is AlertState.FIRING
        ]
