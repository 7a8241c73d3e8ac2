"""Vector matching: pairs the series of two vectors by their labels.

Labels are compared once for all steps; masks hold what differs between steps. Usually each
series has one partner, and the whole operation is one numpy call.

Source: Prometheus documentation, "Vector matching".
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from model.labels import METRIC_NAME, Labels, quote
from promql.api import EvaluationError
from promql.kernels.arrays import Floats, Indices, Mask
from promql.kernels.interruption import interruptible, pieces
from promql.kernels.operators import ARITHMETIC, elementwise
from promql.kernels.reserved_labels import drop_reserved
from promql.kernels.step_matrix import StepMatrix, any_series, concatenated, empty_matrix, merged
from promql.syntax.nodes import MatchCardinality, VectorMatching

_TO_ONE: Final = "multiple matches for labels: many-to-one matching must be explicit"
_GROUPING: Final = "multiple matches for labels: grouping labels must ensure unique matches"


def signatures(vector: StepMatrix, matching: VectorMatching) -> list[Labels]:
    """Return the labels of each series that must equal those of its partner."""
    if matching.on:
        kept = frozenset(matching.labels)
        return [labels.keep(kept) for labels in interruptible(vector.labels)]
    dropped = frozenset(matching.labels) | {METRIC_NAME}
    return [labels.drop(dropped) for labels in interruptible(vector.labels)]


def _numbered(left: list[Labels], right: list[Labels]) -> tuple[Indices, Indices, int]:
    """Number the signatures of both sides; equal ones get the same number."""
    numbers: dict[Labels, int] = {}
    of_left, of_right = (
        np.array([numbers.setdefault(each, len(numbers)) for each in interruptible(side)], np.intp)
        for side in (left, right)
    )
    return of_left, of_right, len(numbers)


def _any_present(present: Mask, numbers: Indices, count: int) -> Mask:
    """Return whether any series of each signature is present at each step: (count, S)."""
    result = np.zeros((count, present.shape[1]), dtype=np.bool_)
    np.logical_or.at(result, numbers, present)
    return result


def set_operation(
    operator: str, left: StepMatrix, right: StepMatrix, matching: VectorMatching
) -> StepMatrix:
    """Evaluate `and`, `or` or `unless`."""
    steps = left.values.shape[1]
    if not len(left) or not len(right):
        if operator == "and":
            return empty_matrix(steps)
        return left if operator == "unless" or not len(right) else right
    of_left, of_right, count = _numbered(signatures(left, matching), signatures(right, matching))
    if operator == "or":
        here = _any_present(left.present, of_left, count)
        added = right.with_values(right.values, right.present & ~here[of_right]).without_empty()
        # At different steps, series of both sides may have equal labels.
        return merged(concatenated([left, added], steps))
    here = _any_present(right.present, of_right, count)[of_left]
    kept = left.present & (here if operator == "and" else ~here)
    return left.with_values(left.values, kept).without_empty()


def binary(
    operator: str,
    left: StepMatrix,
    right: StepMatrix,
    matching: VectorMatching,
    *,
    returns_bool: bool,
) -> StepMatrix:
    """Evaluate arithmetic or a comparison between two vectors.

    Raises:
        EvaluationError: the matching is ambiguous.
    """
    steps = left.values.shape[1]
    many_is_right = matching.cardinality is MatchCardinality.ONE_TO_MANY
    many, one = (right, left) if many_is_right else (left, right)
    if (not len(many) and matching.fill_left is None) or (
        not len(one) and matching.fill_right is None
    ):
        return empty_matrix(steps)
    return _Join(operator, left, right, matching, returns_bool).result(steps)


class _Join:
    """One arithmetic operation or comparison between two vectors."""

    def __init__(
        self,
        operator: str,
        left: StepMatrix,
        right: StepMatrix,
        matching: VectorMatching,
        returns_bool: bool,
    ) -> None:
        self._operator = operator
        self._matching = matching
        self._returns_bool = returns_bool
        self._drops_name = operator in ARITHMETIC or returns_bool
        self._one_to_one = matching.cardinality is MatchCardinality.ONE_TO_ONE
        self._swapped = matching.cardinality is MatchCardinality.ONE_TO_MANY
        self._many, self._one = (right, left) if self._swapped else (left, right)
        self._many_signatures = signatures(self._many, matching)
        self._one_signatures = signatures(self._one, matching)
        self._of_many, self._of_one, self._count = _numbered(
            self._many_signatures, self._one_signatures
        )

    def result(self, steps: int) -> StepMatrix:
        """Compute the operation."""
        matching = self._matching
        self._check_one_side()
        many_rows, one_rows = self._pairs()
        parts = [self._matched(many_rows, one_rows)]
        # As in Prometheus, fill_left fills the many side with group_right, too.
        fill_many, fill_one = matching.fill_left, matching.fill_right
        if fill_one is not None:
            parts.append(self._filled_one(fill_one))
        if fill_many is not None:
            parts.append(self._filled_many(fill_many))
        joined = concatenated([part.without_empty() for part in parts], steps)
        return merged(joined, _TO_ONE_EXPLICIT if self._one_to_one else _GROUPING)

    def _pairs(self) -> tuple[Indices, Indices]:
        """Return the rows of both sides that share a signature: shapes (P,), (P,)."""
        sizes = np.bincount(self._of_one, minlength=self._count)
        order = np.argsort(self._of_one, kind="stable")
        starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        if not sizes.size or sizes.max() <= 1:
            many_rows = np.flatnonzero(sizes[self._of_many])
            return many_rows, order[starts[self._of_many[many_rows]]]
        partners = sizes[self._of_many]
        many_rows = np.repeat(np.arange(len(self._many)), partners)
        ends = np.cumsum(partners)
        rank = np.arange(len(many_rows)) - np.repeat(ends - partners, partners)
        return many_rows, order[starts[self._of_many[many_rows]] + rank]

    def _check_one_side(self) -> None:
        """Raise if the one side has a signature twice at a step with many-side series."""
        sizes = np.bincount(self._of_one, minlength=self._count)
        if not sizes.size or sizes.max() <= 1:
            return
        active = any_series(self._many.present)
        if self._matching.fill_left is not None:
            active[:] = True
        matches = np.zeros((self._count, self._one.present.shape[1]), dtype=np.intp)
        np.add.at(matches, self._of_one, self._one.present)
        twice = (matches > 1) & active
        if not twice.any():
            return
        number, step = (int(each[0]) for each in np.nonzero(twice))
        rows = np.flatnonzero((self._of_one == number) & self._one.present[:, step])
        shown = sorted(_braced(self._one.labels[row]) for row in rows[:2].tolist())
        match_group = _braced(self._one_signatures[int(rows[0])])
        side = "left" if self._swapped else "right"
        raise EvaluationError(
            f"found duplicate series for the match group {match_group} on the {side} hand-side"
            f" of the operation: [{', '.join(shown)}];many-to-many matching not allowed:"
            " matching labels must be unique on one side"
        )

    def _check_many_side(self, rows: Indices, present: Mask) -> None:
        """Raise if a signature is matched twice at one step without `group_left`."""
        numbers = self._of_many[rows]
        if np.bincount(numbers, minlength=1).max() <= 1:
            return
        matches = np.zeros((self._count, present.shape[1]), dtype=np.intp)
        np.add.at(matches, numbers, present)
        if (matches > 1).any():
            raise EvaluationError(_TO_ONE_EXPLICIT)

    def _compute(self, many: Floats, one: Floats, present: Mask) -> tuple[Floats, Mask]:
        left, right = (one, many) if self._swapped else (many, one)
        return elementwise(self._operator, left, right, present, returns_bool=self._returns_bool)

    def _matched(self, many_rows: Indices, one_rows: Indices) -> StepMatrix:
        many, one = self._many, self._one
        if not many_rows.size:
            return empty_matrix(many.values.shape[1])
        present = many.present[many_rows] & one.present[one_rows]
        if self._one_to_one:
            # As in Prometheus 3, also if a comparison then keeps only one of them.
            self._check_many_side(many_rows, present)
        values, kept = self._compute(many.values[many_rows], one.values[one_rows], present)
        labels = [
            self._labels(many.labels[row], self._many_signatures[row], one.labels[partner])
            for rows, partners in zip(pieces(many_rows), pieces(one_rows), strict=True)
            for row, partner in zip(rows.tolist(), partners.tolist(), strict=True)
        ]
        return StepMatrix(labels, values, kept, self._drop_name(many, many_rows))

    def _drop_name(self, many: StepMatrix, rows: Indices) -> Mask | None:
        if self._drops_name or many.drop_name is None:
            return None
        return many.drop_name[rows]

    def _labels(self, many: Labels, signature: Labels, one: Labels) -> Labels:
        """Return the labels of one pair's result."""
        if self._one_to_one:
            if self._drops_name or self._matching.on:
                base = drop_reserved(signature) if self._drops_name else signature
            else:
                base = many.drop(frozenset(self._matching.labels))
        else:
            base = drop_reserved(many) if self._drops_name else many
        include = self._matching.include
        if not include:
            return base
        merged_labels = {name: value for name, value in base if name not in include}
        merged_labels.update((name, one.get(name)) for name in include)
        combined = Labels.of(merged_labels)
        # `group_left (__name__)` gives arithmetic a name, but not a comparison with `bool`.
        return drop_reserved(combined) if self._returns_bool else combined

    def _filled_one(self, fill: float) -> StepMatrix:
        """Return the series of the many side that have no partner, with `fill` as partner."""
        many = self._many
        here = _any_present(self._one.present, self._of_one, self._count)
        present = many.present & ~here[self._of_many]
        constant = np.broadcast_to(fill, many.values.shape)
        values, kept = self._compute(many.values, constant, present)
        labels = [
            self._labels(each, signature, signature)
            for each, signature in zip(
                interruptible(many.labels), self._many_signatures, strict=True
            )
        ]
        rows = np.arange(len(many), dtype=np.intp)
        return StepMatrix(labels, values, kept, self._drop_name(many, rows))

    def _filled_many(self, fill: float) -> StepMatrix:
        """Return the series of the one side that have no partner, with `fill` as partner."""
        one = self._one
        here = _any_present(self._many.present, self._of_many, self._count)
        present = one.present & ~here[self._of_one]
        constant = np.broadcast_to(fill, one.values.shape)
        values, kept = self._compute(constant, one.values, present)
        labels = [
            self._labels(signature, signature, each)
            for each, signature in zip(interruptible(one.labels), self._one_signatures, strict=True)
        ]
        return StepMatrix(labels, values, kept)


_TO_ONE_EXPLICIT: Final = f"{_TO_ONE} (group_left/group_right)"


def _braced(labels: Sequence[tuple[str, str]]) -> str:
    """Format a label set as Go's `labels.Labels.String`: every label in braces."""
    return "{" + ", ".join(f"{name}={quote(value)}" for name, value in labels) + "}"
