"""The signatures of PromQL's functions, experimental ones included.

Source: Prometheus documentation, "Query functions".
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from promql.syntax.nodes import ValueType

_S, _V, _M, _T = ValueType.SCALAR, ValueType.VECTOR, ValueType.MATRIX, ValueType.STRING


@dataclass(frozen=True, slots=True)
class Function:
    """The signature of a function.

    Attributes:
        name: the name.
        arguments: the types of the arguments; further arguments have the last type.
        optional: the number of optional arguments, the last of `arguments` included; -1 for
            any number.
        returns: the type of the result.
    """

    name: str
    arguments: tuple[ValueType, ...]
    optional: int = 0
    returns: ValueType = _V

    @property
    def least(self) -> int:
        """The smallest number of arguments."""
        return len(self.arguments) - (1 if self.optional else 0)

    @property
    def most(self) -> int | None:
        """The largest number of arguments, None for no limit."""
        return None if self.optional < 0 else self.least + self.optional

    def argument(self, index: int) -> ValueType:
        """Return the type of the argument at `index`."""
        return self.arguments[min(index, len(self.arguments) - 1)]


def _table() -> dict[str, Function]:
    functions = [Function(name, (_V,)) for name in _INSTANT.split()]
    functions += [Function(name, (_M,)) for name in _RANGE.split()]
    functions += [Function(name, (_V,), 1) for name in _CALENDAR.split()]
    functions += [
        Function(name, (), returns=_S) for name in ["pi", "time", "start", "end", "step", "range"]
    ]
    functions += [
        Function("clamp", (_V, _S, _S)),
        Function("clamp_max", (_V, _S)),
        Function("clamp_min", (_V, _S)),
        Function("double_exponential_smoothing", (_M, _S, _S)),
        Function("histogram_fraction", (_S, _S, _V)),
        Function("histogram_quantile", (_S, _V)),
        Function("histogram_quantiles", (_V, _T, _S, _S), 9),
        Function("info", (_V, _V), 1),
        Function("label_join", (_V, _T, _T, _T), -1),
        Function("label_replace", (_V, _T, _T, _T, _T)),
        Function("max_of", (_S, _S), returns=_S),
        Function("min_of", (_S, _S), returns=_S),
        Function("predict_linear", (_M, _S)),
        Function("quantile_over_time", (_S, _M)),
        Function("round", (_V, _S), 1),
        Function("scalar", (_V,), returns=_S),
        Function("start_timestamp", (_V,)),
        Function("sort_by_label", (_V, _T), -1),
        Function("sort_by_label_desc", (_V, _T), -1),
        Function("vector", (_S,)),
    ]
    return {function.name: function for function in functions}


_INSTANT = """
abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor
histogram_avg histogram_count histogram_sum histogram_stddev histogram_stdvar
ln log10 log2 rad sgn sin sinh sort sort_desc sqrt tan tanh timestamp
"""
_RANGE = """
absent_over_time avg_over_time changes count_over_time delta deriv idelta increase irate
last_over_time max_over_time min_over_time present_over_time rate resets
stddev_over_time stdvar_over_time sum_over_time first_over_time mad_over_time
ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time
"""
_CALENDAR = "days_in_month day_of_month day_of_week day_of_year hour minute month year"

FUNCTIONS: Final = MappingProxyType(_table())
"""All functions by name."""

SCALAR_PARAMETER: Final = frozenset({"topk", "bottomk", "quantile", "limitk", "limit_ratio"})
"""Aggregation operators whose first argument is a scalar."""
STRING_PARAMETER: Final = frozenset({"count_values"})
"""Aggregation operators whose first argument is a string."""

SMOOTHED: Final = ("delta", "increase", "rate")
"""Functions that accept a `smoothed` range."""
ANCHORED: Final = ("changes", "delta", "increase", "rate", "resets")
"""Functions that accept an `anchored` range."""
