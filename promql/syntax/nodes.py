"""The abstract syntax tree of a query.

Every node has its position in the text (`start` and `end`, offsets in characters). Comparison
ignores positions, so that two spellings of one query are equal.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from model.matchers import Matcher


class ValueType(StrEnum):
    """The type of an expression's value; the members are Prometheus's names in JSON."""

    SCALAR = "scalar"
    VECTOR = "vector"
    MATRIX = "matrix"
    STRING = "string"

    @property
    def documented(self) -> str:
        """The name in messages and documentation."""
        return _DOCUMENTED.get(self, self.value)


_DOCUMENTED = {ValueType.VECTOR: "instant vector", ValueType.MATRIX: "range vector"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Base of all nodes."""

    start: int = field(compare=False)
    end: int = field(compare=False)

    @property
    def type(self) -> ValueType:
        """The type of the expression's value."""
        return ValueType.VECTOR


@dataclass(frozen=True, slots=True)
class NumberLiteral(Node):
    """A number; with `is_duration` it was written as a duration (`5m`) and is in seconds."""

    @property
    def type(self) -> ValueType:
        return ValueType.SCALAR

    value: float
    is_duration: bool = False


@dataclass(frozen=True, slots=True)
class StringLiteral(Node):
    """A string in quotes."""

    @property
    def type(self) -> ValueType:
        return ValueType.STRING

    value: str


@dataclass(frozen=True, slots=True)
class DurationOperation(Node):
    """A computed duration: `[5m * 2]`, `[step()]`.

    Attributes:
        operator: `+ - * / % ^`, or `step`, `range`, `min_of`, `max_of`.
        operands: none, one (with a sign) or two.
    """

    operator: str
    operands: tuple["Duration", ...] = ()


Duration = NumberLiteral | DurationOperation
"""A duration in seconds, literal or computed."""


class AtEdge(StrEnum):
    """An end of the query's range, as in `@ start()` and `@ end()`."""

    START = "start"
    END = "end"


@dataclass(frozen=True, slots=True)
class TimeShift:
    """The modifiers `offset` and `@` of a selector or subquery.

    Attributes:
        offset: the offset, or None.
        at_ms: the time of `@`, Unix milliseconds, or None.
        at_edge: the end of the query's range in `@ start()` or `@ end()`, or None.
    """

    offset: Duration | None = None
    at_ms: int | None = None
    at_edge: AtEdge | None = None

    @property
    def has_at(self) -> bool:
        """Whether `@` makes the selector independent of the evaluation time."""
        return self.at_ms is not None or self.at_edge is not None


UNSHIFTED = TimeShift()


@dataclass(frozen=True, slots=True)
class VectorSelector(Node):
    """An instant vector selector.

    Attributes:
        name: the metric name before the braces, or "".
        matchers: all matchers; if `name` is given, its matcher is the last one.
        shift: the modifiers `offset` and `@`.
        anchored, smoothed: whether the selector has the modifier of that name.
    """

    name: str
    matchers: tuple[Matcher, ...]
    shift: TimeShift = UNSHIFTED
    anchored: bool = False
    smoothed: bool = False


@dataclass(frozen=True, slots=True)
class MatrixSelector(Node):
    """A range vector selector; its modifiers are in `selector`."""

    @property
    def type(self) -> ValueType:
        return ValueType.MATRIX

    selector: VectorSelector
    range: Duration


@dataclass(frozen=True, slots=True)
class Subquery(Node):
    """An expression that is evaluated at many times in a range."""

    @property
    def type(self) -> ValueType:
        return ValueType.MATRIX

    expression: "Expression"
    range: Duration
    step: Duration | None = None
    shift: TimeShift = UNSHIFTED


@dataclass(frozen=True, slots=True)
class Call(Node):
    """A function call; `returns` is the type of the function's result."""

    function: str
    arguments: tuple["Expression", ...]
    returns: ValueType = field(default=ValueType.VECTOR, compare=False)

    @property
    def type(self) -> ValueType:
        return self.returns


@dataclass(frozen=True, slots=True)
class Aggregation(Node):
    """An aggregation; `parameter` is the first argument of operators such as `topk`."""

    operator: str
    expression: "Expression"
    parameter: "Expression | None" = None
    grouping: tuple[str, ...] = ()
    without: bool = False


class MatchCardinality(StrEnum):
    """How many series of each side may match; the members are Prometheus's names."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


@dataclass(frozen=True, slots=True)
class VectorMatching:
    """How the series of two vectors are matched.

    Attributes:
        cardinality: how many series of each side may match.
        labels: the labels of `on` or `ignoring`.
        on: whether `labels` are the labels of `on`.
        include: the labels that `group_left` or `group_right` copies from the one side.
        fill_left, fill_right: the value of a missing series on that side, or None.
    """

    cardinality: MatchCardinality = MatchCardinality.ONE_TO_ONE
    labels: tuple[str, ...] = ()
    on: bool = False
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class BinaryOperation(Node):
    """A binary operator and its operands.

    Attributes:
        operator: the operator.
        left, right: the operands.
        matching: how series are matched; None unless both operands are vectors.
        returns_bool: whether the modifier `bool` is given.
        of_scalars: whether both operands are scalars.
    """

    operator: str
    left: "Expression"
    right: "Expression"
    matching: VectorMatching | None = None
    returns_bool: bool = False
    of_scalars: bool = field(default=False, compare=False)

    @property
    def type(self) -> ValueType:
        return ValueType.SCALAR if self.of_scalars else ValueType.VECTOR


@dataclass(frozen=True, slots=True)
class UnaryOperation(Node):
    """A sign."""

    operator: str
    expression: "Expression"

    @property
    def type(self) -> ValueType:
        return self.expression.type


@dataclass(frozen=True, slots=True)
class Parentheses(Node):
    """An expression in parentheses."""

    expression: "Expression"

    @property
    def type(self) -> ValueType:
        return self.expression.type


Expression = (
    NumberLiteral
    | StringLiteral
    | VectorSelector
    | MatrixSelector
    | Subquery
    | Call
    | Aggregation
    | BinaryOperation
    | UnaryOperation
    | Parentheses
)
