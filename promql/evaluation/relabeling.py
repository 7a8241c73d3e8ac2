"""The functions that rewrite labels or sort by them.

Labels are processed once for each series, whatever the number of steps.

Source: Prometheus documentation, "Query functions"; Go's regexp.Expand.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from model.labels import METRIC_NAME, Labels
from model.matchers import BadPatternError, compile_pattern
from promql.api import EvaluationError
from promql.evaluation.series_order import rows_by_labels
from promql.kernels.interruption import interruptible
from promql.kernels.ordering import order_of_values
from promql.kernels.step_matrix import StepMatrix, merged
from promql.running.guard import Guard
from promql.syntax.strings import is_utf8, replaced

if TYPE_CHECKING:
    from promql.kernels.arrays import Mask

_Part = str | int
"""A part of a template: its own text, or the number of a group."""

_TEMPLATE: Final = re.compile(r"\$(?:(\$)|\{(\w+)\}|(\w+))", re.ASCII)


def check_label_name(name: str, message: str) -> None:
    """Check that a label name is not empty and is valid UTF-8.

    Raises:
        EvaluationError: it is not; the text is `message` and the name.
    """
    if not name or not is_utf8(name):
        raise EvaluationError(message + replaced(name))


def _rewritten(
    vector: StepMatrix, target: str, rewrite: Callable[[Labels], str | None]
) -> StepMatrix:
    """Set the label `target` to the result of `rewrite`; None leaves it unchanged."""
    labels: list[Labels] = []
    keeps_name: list[bool] = []
    for each in interruptible(vector.labels):
        value = rewrite(each)
        if value is None:
            labels.append(each)
        else:
            pairs = [pair for pair in each if pair[0] != target]
            if value:
                pairs.append((target, value))
                pairs.sort()
            labels.append(Labels(pairs))
        keeps_name.append(value is not None and target == METRIC_NAME)
    drop_name: Mask | None = vector.drop_name
    if drop_name is not None and target == METRIC_NAME:
        drop_name = drop_name & ~np.array(keeps_name, dtype=np.bool_)
    one_name = vector.one_name and target != METRIC_NAME
    return merged(replace(vector, labels=labels, drop_name=drop_name, one_name=one_name))


def replacement_pattern(target: str, pattern: str) -> Any:
    """Return the compiled pattern of `label_replace`.

    Raises:
        EvaluationError: the pattern or the name of the label `target` is invalid.
    """
    try:
        compiled = compile_pattern(pattern)
    except BadPatternError as exc:
        message = f"invalid regular expression in label_replace(): {replaced(pattern)}"
        raise EvaluationError(message) from exc
    check_label_name(target, "invalid destination label name in label_replace(): ")
    return compiled


def label_replace(
    vector: StepMatrix, target: str, template: str, source: str, compiled: Any, guard: Guard
) -> StepMatrix:
    """Set the label `target` to `template`, filled from a full match of the label `source`.

    Raises:
        EvaluationError: two results have equal labels.
        TooManyBytesError: the values are more than the query may make.
    """
    parts = _parts(template, compiled)
    cache: dict[str, str | None] = {}

    def rewrite(labels: Labels) -> str | None:
        value = labels.get(source)
        if value not in cache:
            match = compiled.fullmatch(value)
            cache[value] = None if match is None else _expanded(parts, match, guard)
        return cache[value]

    return _rewritten(vector, target, rewrite)


def _parts(template: str, compiled: Any) -> list[_Part]:
    """Split a template at `$1`, `${name}` and `$$`; a group that does not exist is empty."""
    named: dict[str, int] = compiled.groupindex
    parts: list[_Part] = []
    end = 0
    for found in _TEMPLATE.finditer(template):
        parts.append(template[end : found.start()])
        end = found.end()
        name = found[2] or found[3]
        if found[1]:
            parts.append("$")
        elif name.isdigit() and len(name) < _LONGEST_NUMBER:
            parts.append(int(name))
        else:
            parts.append(named.get(name, -1))
    parts.append(template[end:])
    return [part for part in parts if part != "" and _exists(part, compiled.groups)]


def _exists(part: _Part, groups: int) -> bool:
    return isinstance(part, str) or 0 <= part <= groups


def _expanded(parts: Sequence[_Part], match: Any, guard: Guard) -> str:
    """Return a template filled from a match."""
    texts = [part if isinstance(part, str) else match.group(part) or "" for part in parts]
    guard.make_label(sum(map(len, texts)))
    return "".join(texts)


_LONGEST_NUMBER: Final = 9


def check_joined_names(target: str, sources: Sequence[str]) -> None:
    """Check the names of `label_join`.

    Raises:
        EvaluationError: one is invalid.
    """
    check_label_name(target, "invalid destination label name in label_join(): ")
    for source in sources:
        check_label_name(source, "invalid source label name in label_join(): ")


def label_join(
    vector: StepMatrix, target: str, separator: str, sources: Sequence[str], guard: Guard
) -> StepMatrix:
    """Set the label `target` to the joined values of the labels `sources`.

    Raises:
        EvaluationError: two results have equal labels.
        TooManyBytesError: the values are more than the query may make.
    """
    between = len(separator) * (len(sources) - 1) if sources else 0

    def rewrite(labels: Labels) -> str:
        values = [labels.get(source) for source in sources]
        # Before the text is made: a chain of joins multiplies its length at each link.
        guard.make_label(sum(map(len, values)) + between)
        return separator.join(values)

    return _rewritten(vector, target, rewrite)


def sorted_by_labels(vector: StepMatrix, names: Sequence[str], *, descending: bool) -> StepMatrix:
    """Sort the series by label values, in natural order (`cpu2` before `cpu10`)."""
    return vector.take(rows_by_labels(vector.labels, names, descending=descending))


def sorted_by_value(vector: StepMatrix, *, descending: bool) -> StepMatrix:
    """Sort the series by value, NaN last."""
    values = vector.values[:, 0]
    return vector.take(order_of_values(-values if descending else values))
