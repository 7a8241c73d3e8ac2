"""Functions that take a number, or a text that holds one.

Source: Prometheus, helpers/templates/convert.go.
"""

from collections.abc import Callable

from alerting.templates.language.literals import LiteralError, go_quote, parse_float
from alerting.templates.values.times import Duration
from alerting.templates.values.values import (
    ANY,
    FunctionError,
    TemplateFunction,
    Value,
    type_name,
)


def number_of(value: Value) -> float:
    """Return a number, or the number that a text holds.

    Raises:
        FunctionError: it is neither.
    """
    if isinstance(value, Duration):
        return value / 1e9
    if isinstance(value, float | int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not str:
        raise FunctionError(f"can't convert {type_name(value)} to float")
    try:
        return parse_float(value)
    except LiteralError as exc:
        raise FunctionError(f"strconv.ParseFloat: parsing {go_quote(value)}: {exc}") from exc


def of_number(function: Callable[[float], Value]) -> TemplateFunction:
    """Return the function that takes a number or a text that holds one."""

    def call(value: Value) -> Value:
        try:
            return function(number_of(value))
        except ValueError as exc:
            raise FunctionError(str(exc)) from exc

    return TemplateFunction(call, (ANY,))
