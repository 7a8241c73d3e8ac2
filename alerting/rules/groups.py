"""The running groups of rule files."""

import asyncio
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from alerting.evaluation.parts import EvaluationParts
from alerting.evaluation.runner import GroupRunner
from alerting.rules.definitions import AlertingRule, AlertOrigin, RuleGroup
from alerting.rules.group_evaluation import RuleGroupEvaluation
from alerting.settings import AlertingSettings
from model.limits import Refusals


@dataclass(frozen=True, slots=True)
class _Running:
    evaluation: RuleGroupEvaluation
    runner: GroupRunner
    task: asyncio.Task[None]
    external_url: str


class RuleGroups:
    """Runs each group in a task of its own.

    Attributes:
        settings: used by the groups that are started from now on.
    """

    def __init__(
        self, settings: AlertingSettings, parts: EvaluationParts, refusals: Refusals
    ) -> None:
        """Begin without groups; `refusals` counts what exceeds a limit."""
        self.settings, self._parts, self._refusals = settings, parts, refusals
        self._clock = parts.time.clock
        self._running: dict[tuple[str, str], _Running] = {}

    def start(
        self,
        group: RuleGroup,
        tasks: asyncio.TaskGroup,
        delay_ms: int = 0,
        previous: RuleGroupEvaluation | None = None,
    ) -> None:
        """Begin to evaluate a group, after a delay; it continues the series of `previous`."""
        parts = self._parts
        evaluation = RuleGroupEvaluation(
            group,
            parts.engine,
            parts.appender,
            parts.book,
            parts.board,
            self.settings.external_url,
            self._refusals,
            lambda: self.settings.limits,
            previous,
        )
        if previous is not None:
            previous.end(self._clock(), evaluation)
        interval_ms = self._interval_ms(group)
        name = f"{group.file};{group.name}"
        runner = GroupRunner(name, interval_ms, evaluation.evaluate, parts.time)
        task = tasks.create_task(runner.run(delay_ms), name=f"alerting: {name}")
        self._running[group.file, group.name] = _Running(
            evaluation, runner, task, self.settings.external_url
        )

    def _interval_ms(self, group: RuleGroup) -> int:
        return group.interval_ms or self.settings.evaluation_interval_ms

    def _is_current(self, running: _Running, group: RuleGroup | None) -> bool:
        return (
            group is not None
            and group == running.evaluation.group
            and self._interval_ms(group) == running.runner.interval_ms
            and self.settings.external_url == running.external_url
        )

    async def replace(self, groups: Iterable[RuleGroup], tasks: asyncio.TaskGroup) -> None:
        """Evaluate these groups and no others; unchanged groups keep running.

        A changed group keeps its alerts and its series, as far as their rules remain.

        Raises:
            StorageError: the alerts of a rule with a new identity could not be kept. The
                groups are evaluated nevertheless.
        """
        wanted = {(group.file, group.name): group for group in groups}
        before = {
            key: running
            for key, running in self._running.items()
            if not self._is_current(running, wanted.get(key))
        }
        # No series may end and begin anew while another group reads it: cancel all first.
        for running in before.values():
            await _cancel(running.task)
        for key in before.keys() - wanted.keys():
            before[key].evaluation.end(self._clock())
            del self._running[key]
        renamed: dict[str, str] = {}
        for key in before.keys() & wanted.keys():
            renamed |= _renamed(before[key].evaluation.group, wanted[key])
        try:
            await self._parts.book.rename(renamed, self._clock())
        finally:
            for key, group in wanted.items():
                if key in before:
                    self.start(group, tasks, previous=before[key].evaluation)
                elif key not in self._running:
                    self.start(group, tasks)

    async def stop(self) -> None:
        """Stop all evaluations; the series of the groups stay."""
        for running in self._running.values():
            await _cancel(running.task)

    def identities(self) -> set[str]:
        """Return the identities of all alerting rules."""
        groups = (running.evaluation.group for running in self._running.values())
        rules = (rule for group in groups for rule in group.rules)
        return {rule.identity for rule in rules if isinstance(rule, AlertingRule)}

    def origins(self) -> dict[str, AlertOrigin]:
        """Return expression and interval of each alerting rule, by its identity."""
        return {
            rule.identity: AlertOrigin(rule.expression, running.runner.interval_ms)
            for running in self._running.values()
            for rule in running.evaluation.group.rules
            if isinstance(rule, AlertingRule)
        }

    def running(self) -> list[tuple[RuleGroup, GroupRunner]]:
        """Return the groups, each with its schedule."""
        return [(running.evaluation.group, running.runner) for running in self._running.values()]


def _renamed(before: RuleGroup, after: RuleGroup) -> dict[str, str]:
    """Return the new identities of rules that have another one, by the identities so far.

    A rule is the same if name and labels are, as in Prometheus. Its identity depends on
    other rules too: a rule of a file that gets a namesake is identified by its labels.
    """
    known: dict[Hashable, list[str]] = {}
    for rule, key in _alerting(before):
        known.setdefault(key, []).append(rule.identity)
    renamed = {}
    for rule, key in _alerting(after):
        if known.get(key):
            identity = known[key].pop(0)
            if identity != rule.identity:
                renamed[identity] = rule.identity
    return renamed


def _alerting(group: RuleGroup) -> Iterator[tuple[AlertingRule, Hashable]]:
    """Yield the alerting rules of a group, each with its name and labels."""
    for rule in group.rules:
        if isinstance(rule, AlertingRule):
            labels = sorted((name, text.source) for name, text in rule.labels.items())
            yield rule, (rule.name, tuple(labels))


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
