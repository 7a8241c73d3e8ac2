"""Type checks while the syntax tree is built, with Prometheus's messages.

Type errors are collected and raised after parsing, because a syntax error anywhere in the
text takes precedence.

Source: Prometheus, promql/parser/parse.go, checkAST.
"""

from model.labels import METRIC_NAME, quote
from promql.api import ParseError
from promql.syntax.functions import SCALAR_PARAMETER, STRING_PARAMETER, Function
from promql.syntax.lexer import COMPARISONS, SET_OPERATORS, Token
from promql.syntax.nodes import (
    Aggregation,
    BinaryOperation,
    Call,
    Duration,
    Expression,
    MatchCardinality,
    NumberLiteral,
    Subquery,
    UnaryOperation,
    ValueType,
    VectorMatching,
    VectorSelector,
)

_SCALAR, _VECTOR = ValueType.SCALAR, ValueType.VECTOR


def position(text: str, offset: int) -> str:
    """Return an offset as `line:column`, both from 1; as in Prometheus, columns are bytes."""
    if not text:
        return "unknown position"
    before = text[:offset]
    line = before.count("\n") + 1
    column = len(before[before.rfind("\n") + 1 :].encode("utf-8", "surrogatepass")) + 1
    return f"{line}:{column}"


class Checks:
    """Collects the type errors of one query; `finish` raises the first."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._first: ParseError | None = None

    def error(self, message: str, start: int, end: int) -> ParseError:
        """Return a parse error for a part of the text."""
        return ParseError(f"{position(self._text, start)}: parse error: {message}", start, end)

    def finish(self) -> None:
        """Raise the first type error, if there is any.

        Raises:
            ParseError: an expression has the wrong type.
        """
        if self._first is not None:
            raise self._first

    def _note(self, message: str, start: int, end: int) -> None:
        if self._first is None:
            self._first = self.error(message, start, end)

    def _want(self, node: Expression, wanted: ValueType, context: str) -> None:
        self.operand(node)
        got = node.type
        if got is not wanted:
            message = f"expected type {wanted.documented} in {context}, got {got.documented}"
            self._note(message, node.start, node.end)

    def operand(self, node: Expression) -> None:
        """Check an operand or a whole query; only selectors need a check."""
        if isinstance(node, VectorSelector):
            self.selector(node)

    def selector(self, node: VectorSelector) -> None:
        """Check that a selector does not match all series or name its metric twice."""
        if node.name:
            for matcher in node.matchers[:-1]:
                if matcher.name == METRIC_NAME:
                    message = "metric name must not be set twice: "
                    message += f"{quote(node.name)} or {quote(matcher.value)}"
                    self._note(message, node.start, node.end)
        elif all(matcher.matches_empty for matcher in node.matchers):
            message = "vector selector must contain at least one non-empty matcher"
            self._note(message, node.start, node.end)

    def positive(self, length: Duration) -> None:
        """Check that a literal range or step is greater than 0.

        Raises:
            ParseError: it is not.
        """
        if isinstance(length, NumberLiteral) and not length.value > 0:
            raise self.error("duration must be greater than 0", length.start, length.end)

    def unary(self, node: UnaryOperation) -> None:
        """Check that the operand of a sign is a scalar or an instant vector."""
        operand = node.expression
        self.operand(operand)
        if operand.type not in (_SCALAR, _VECTOR):
            message = "unary expression only allowed on expressions of type scalar"
            message += f' or instant vector, got "{operand.type.documented}"'
            self._note(message, node.start, node.end)

    def subquery(self, node: Subquery) -> None:
        """Check that a subquery's expression is an instant vector."""
        inner = node.expression
        self.operand(inner)
        if inner.type is not _VECTOR:
            message = "subquery is only allowed on instant vector"
            message += f", got {inner.type.value} instead"
            self._note(message, node.start, node.end)

    def aggregation(self, node: Aggregation) -> None:
        """Check the types of an aggregation's vector and parameter."""
        self._want(node.expression, _VECTOR, "aggregation expression")
        if node.parameter is None:
            return
        context = "aggregation parameter"
        if node.operator in SCALAR_PARAMETER:
            self._want(node.parameter, _SCALAR, context)
        elif node.operator in STRING_PARAMETER:
            self._want(node.parameter, ValueType.STRING, context)

    def call(self, node: Call, function: Function) -> None:
        """Check the number and the types of a call's arguments."""
        count = len(node.arguments)
        least, most = function.least, function.most
        amount = ""
        if least == most and count != least:
            amount = f"{least}"
        elif count < least:
            amount = f"at least {least}"
        elif most is not None and count > most:
            amount = f"at most {most}"
        if amount:
            message = f'expected {amount} argument(s) in call to "{function.name}", got {count}'
            if self._first is not None and self._first.start >= node.start:
                # The number of arguments is checked before the arguments.
                self._first = None
            self._note(message, node.start, node.end)
            return
        context = f'call to function "{function.name}"'
        for index, argument in enumerate(node.arguments):
            if function.name == "info" and index == 1:
                self._info_selector(argument)
            else:
                self._want(argument, function.argument(index), context)

    def _info_selector(self, argument: Expression) -> None:
        message = ""
        if not isinstance(argument, VectorSelector):
            message = "expected label selectors only"
        elif argument.name:
            message = "expected label selectors only, got vector selector instead"
        if message:
            self._note(message, argument.start, argument.end)

    def binary(
        self,
        token: Token,
        left: Expression,
        right: Expression,
        matching: VectorMatching,
        returns_bool: bool,
    ) -> BinaryOperation:
        """Return a binary operation after checking it."""
        self.operand(left)
        self.operand(right)
        operator = token.kind
        scalars = left.type is _SCALAR and right.type is _SCALAR
        vectors = left.type is _VECTOR and right.type is _VECTOR
        self._comparison(token, right, scalars=scalars, returns_bool=returns_bool)
        if matching.on:
            for label in matching.labels:
                if label in matching.include:
                    message = f"label {quote(label)} must not occur in ON and GROUP clause at once"
                    self._note(message, token.start, right.start)
        for side in (left, right):
            if side.type not in (_SCALAR, _VECTOR):
                message = "binary expression must contain only scalar and instant vector types"
                self._note(message, side.start, side.end)
        node = BinaryOperation(
            operator,
            left,
            right,
            matching if vectors else None,
            returns_bool,
            scalars,
            start=left.start,
            end=right.end,
        )
        if vectors:
            self._set_operation(node, matching)
        else:
            self._no_matching(node, matching)
        return node

    def _comparison(
        self, token: Token, right: Expression, *, scalars: bool, returns_bool: bool
    ) -> None:
        compares = token.kind in COMPARISONS
        if returns_bool and not compares:
            message = "bool modifier can only be used on comparison operators"
            self._note(message, token.start, right.start)
        if compares and scalars and not returns_bool:
            message = "comparisons between scalars must use BOOL modifier"
            self._note(message, token.start, right.start)

    def _set_operation(self, node: BinaryOperation, matching: VectorMatching) -> None:
        if node.operator not in SET_OPERATORS:
            return
        if matching.cardinality is not MatchCardinality.MANY_TO_MANY:
            message = f'no grouping allowed for "{node.operator}" operation'
            self._note(message, node.start, node.end)
        if matching.fill_left is not None or matching.fill_right is not None:
            message = "filling in missing series not allowed for set operators"
            self._note(message, node.start, node.end)

    def _no_matching(self, node: BinaryOperation, matching: VectorMatching) -> None:
        if matching.labels:
            message = "vector matching only allowed between instant vectors"
            self._note(message, node.start, node.end)
        if matching.fill_left is not None or matching.fill_right is not None:
            message = "filling in missing series only allowed between instant vectors"
            self._note(message, node.start, node.end)
        if node.operator in SET_OPERATORS:
            message = f'set operator "{node.operator}" not allowed in binary scalar expression'
            self._note(message, node.start, node.end)
