"""The rules of a group that read series which other rules of the group write.

Source: Prometheus's documentation, "Recording rules", concurrent evaluation of independent
rules. A rule whose selectors may match any metric reads what all others write.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from alerting.rules.definitions import AlertingRule, Rule
from model.labels import METRIC_NAME
from promql.api import ParseError
from promql.syntax.nodes import Call, VectorSelector
from promql.syntax.parser import parse
from promql.syntax.traversal import walk

_ALERTS: Final = frozenset({"ALERTS", "ALERTS_FOR_STATE"})


def independent_runs(rules: Sequence[Rule]) -> list[range]:
    """Return the positions of the rules as runs, in order.

    No rule of a run reads series that another rule of the same run writes, so that the
    expressions of a run can be evaluated before anything of it is written.
    """
    runs: list[range] = []
    begin = 0
    written: set[str] = set()
    for position, rule in enumerate(rules):
        if written and _reads(rule.expression, written):
            runs.append(range(begin, position))
            begin, written = position, set()
        written |= _ALERTS if isinstance(rule, AlertingRule) else {rule.name}
    return [*runs, range(begin, len(rules))] if rules else []


def _reads(expression: str, names: Iterable[str]) -> bool:
    """Return whether an expression may read any of these metrics."""
    try:
        nodes = list(walk(parse(expression)))
    except ParseError:
        return False  # its evaluation fails
    selectors = [node for node in nodes if isinstance(node, VectorSelector)]
    # `info` joins with metrics that its arguments need not name.
    is_open = any(isinstance(node, Call) and node.function == "info" for node in nodes)
    return is_open or any(_may_match(selector, name) for selector in selectors for name in names)


def _may_match(selector: VectorSelector, name: str) -> bool:
    """Return whether a selector may match a metric; without a test of its name it may."""
    of_name = [matcher for matcher in selector.matchers if matcher.name == METRIC_NAME]
    return all(matcher.matches(name) for matcher in of_name)
