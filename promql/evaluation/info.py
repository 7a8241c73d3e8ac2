"""The function `info()`: adds labels of info metrics such as `target_info` to series.

Source: Prometheus documentation, "info()"; promql/info.go.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import re2

from model.labels import METRIC_NAME, Labels
from model.matchers import Matcher, MatchOperator
from promql.api import EvaluationError
from promql.evaluation.instant_selection import InstantSelection
from promql.evaluation.result_size import size_bytes
from promql.evaluation.timing import QueryRange
from promql.kernels.arrays import Indices, Mask
from promql.kernels.interruption import interruptible
from promql.kernels.step_matrix import StepMatrix, concatenated, merged
from promql.kernels.steps import Steps
from promql.running.guard import Guard
from promql.syntax.nodes import Expression, Subquery, VectorSelector
from promql.syntax.traversal import walk

_IDENTIFYING: Final = ("instance", "job")
_DEFAULT: Final = Matcher.of(METRIC_NAME, "=", "target_info")
_ANY_INFO: Final = Matcher.of(METRIC_NAME, "=~", ".+_info")
_POSITIVE: Final = (MatchOperator.EQUAL, MatchOperator.MATCHES)


def reference_steps(argument: Expression, query: QueryRange, steps: Steps) -> Steps:
    """Return the times at which info series are selected: those of the first selector."""
    times = steps
    for node in walk(argument):
        if isinstance(node, Subquery | VectorSelector):
            times = Steps(query.reference(node.shift, times))
        if isinstance(node, VectorSelector):
            break
    return times


class InfoSelector:
    """The second argument of `info()`: the info metrics, and the labels to add."""

    def __init__(self, matchers: Sequence[Matcher]) -> None:
        names = [matcher for matcher in matchers if matcher.name == METRIC_NAME]
        self.data = [matcher for matcher in matchers if matcher.name != METRIC_NAME]
        self._has_positive = any(matcher.operator in _POSITIVE for matcher in names)
        if not names:
            self._has_positive = True
            names = [_DEFAULT]
        elif not self._has_positive:
            names = [*names, _ANY_INFO]
        self._names = names
        self._wanted = frozenset(matcher.name for matcher in self.data)

    def is_info(self, labels: Labels) -> bool:
        """Return whether a series is itself an info series, which stays as it is."""
        metric = labels.metric
        return self._has_positive and all(matcher.matches(metric) for matcher in self._names)

    def wants(self, label: str) -> bool:
        """Return whether to add a label of an info series."""
        return label != METRIC_NAME and (not self._wanted or label in self._wanted)

    @property
    def optional(self) -> bool:
        """Whether series without a matching info series are kept."""
        return all(matcher.matches_empty for matcher in self.data)

    def matchers(self, base: StepMatrix, alone: Sequence[bool]) -> tuple[Matcher, ...] | None:
        """Return the matchers for the info series of `base`, None if there can be none."""
        enriched = [
            labels
            for labels, skip in zip(interruptible(base.labels), alone, strict=True)
            if not skip
        ]
        found = [
            _identity(name, {each.get(name) for each in interruptible(enriched)})
            for name in _IDENTIFYING
        ]
        identity = [matcher for matcher in found if matcher is not None]
        return (*identity, *self.data, *self._names) if identity else None


def _identity(name: str, values: set[str]) -> Matcher | None:
    values.discard("")
    if not values:
        return None
    return Matcher.of(name, "=~", "|".join(re2.escape(value) for value in sorted(values)))


def enrich(
    base: StepMatrix,
    alone: Sequence[bool],
    info: InstantSelection,
    selector: InfoSelector,
    guard: Guard,
) -> StepMatrix:
    """Add labels of info series to the series of `base`.

    Args:
        base: the series to add labels to.
        alone: which of them are info series themselves.
        info: the info series, with the times of their samples.
        selector: the labels to add.
        guard: counts their bytes.

    Raises:
        EvaluationError: two info series of one metric have equally new samples, two
            metrics give a label different values, or two results have equal labels.
    """
    steps = base.values.shape[1]
    newest = _newest(info)
    names = sorted({name for name, _ in newest})
    parts = []
    for row, labels in enumerate(interruptible(base.labels)):
        one = base.take(np.array([row], dtype=np.intp))
        identity = labels.keep(_IDENTIFYING)
        sources = [newest[name, identity] for name in names if (name, identity) in newest]
        if alone[row] or (not sources and selector.optional):
            parts.append(one)
            continue
        if not sources:
            continue
        parts.extend(_enriched(one, np.stack(sources), info.vector.labels, selector, guard))
    return merged(concatenated(parts, steps))


def _newest(info: InstantSelection) -> dict[tuple[str, Labels], Indices]:
    """Return the row of the newest series of each metric and identity at each step, or -1."""
    rows: dict[tuple[str, Labels], list[int]] = {}
    labels = info.vector.labels
    for row, each in enumerate(interruptible(labels)):
        rows.setdefault((each.metric, each.keep(_IDENTIFYING)), []).append(row)
    newest = {}
    for key, group in rows.items():
        present = info.vector.present[group]
        times = np.where(present, info.times_s[group], -np.inf)
        latest = times.max(axis=0)
        ties = np.logical_and(present, times == latest)
        twice = np.flatnonzero(np.add.reduce(ties, axis=0, dtype=np.intp) > 1)
        if twice.size:
            first, second = np.flatnonzero(ties[:, twice[0]])[:2].tolist()
            at_ms = round(float(latest[twice[0]]) * 1000)
            raise EvaluationError(
                "found duplicate series for info metric:"
                f" existing {labels[group[first]]} @ {at_ms}, new {labels[group[second]]} @ {at_ms}"
            )
        found = np.array(group, dtype=np.intp)[times.argmax(axis=0)]
        newest[key] = np.where(latest > -np.inf, found, -1)
    return newest


def _enriched(
    one: StepMatrix,
    sources: Indices,
    info: Sequence[Labels],
    selector: InfoSelector,
    guard: Guard,
) -> list[StepMatrix]:
    """Return one result for each combination of info series that occurs at any step."""
    combinations, which = np.unique(sources, axis=1, return_inverse=True)
    parts = []
    for index, combination in enumerate(combinations.T.tolist()):
        here: Mask = one.present & (which.reshape(-1) == index)
        rows = [row for row in combination if row >= 0]
        if not rows and not selector.optional:
            continue
        labels = _with_info(one.labels[0], [info[row] for row in rows], selector)
        guard.make_label(size_bytes([labels]) - size_bytes(one.labels))
        parts.append(StepMatrix([labels], one.values, here, one.drop_name).without_empty())
    return parts


def _with_info(base: Labels, infos: Sequence[Labels], selector: InfoSelector) -> Labels:
    own = dict(base)
    added: dict[str, str] = {}
    for labels in infos:
        for name, value in labels:
            if not selector.wants(name):
                continue
            if added.get(name, value) != value:
                raise EvaluationError(f"conflicting label: {name}")
            if name not in own:
                added[name] = value
    return Labels.of({**own, **added})
