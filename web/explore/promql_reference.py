"""The words of PromQL, each with a signature and a line of help, for the query editor.

The signatures are made from the engine's table of functions.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from promql.syntax.functions import FUNCTIONS, SCALAR_PARAMETER, STRING_PARAMETER, Function
from promql.syntax.lexer import AGGREGATORS


@dataclass(frozen=True, slots=True)
class Word:
    """A function, aggregation operator or keyword.

    Attributes:
        kind: `function`, `aggregation` or `keyword`.
        signature: how it is written, for example `rate(range vector)`.
        text: a line of help.
    """

    name: str
    kind: str
    signature: str
    text: str


_OF_VALUE: Final = {
    "abs": "absolute value",
    "acos": "arc cosine, in radians",
    "acosh": "inverse hyperbolic cosine",
    "asin": "arc sine, in radians",
    "asinh": "inverse hyperbolic sine",
    "atan": "arc tangent, in radians",
    "atanh": "inverse hyperbolic tangent",
    "ceil": "rounded up to a whole number",
    "cos": "cosine of radians",
    "cosh": "hyperbolic cosine",
    "deg": "radians as degrees",
    "exp": "e to the power of each value",
    "floor": "rounded down to a whole number",
    "ln": "natural logarithm",
    "log10": "decimal logarithm",
    "log2": "binary logarithm",
    "rad": "degrees as radians",
    "sgn": "sign: -1, 0 or 1",
    "sin": "sine of radians",
    "sinh": "hyperbolic sine",
    "sqrt": "square root",
    "tan": "tangent of radians",
    "tanh": "hyperbolic tangent",
    "clamp": "limited to a minimum and a maximum",
    "clamp_max": "limited to a maximum",
    "clamp_min": "limited to a minimum",
    "round": "rounded to the nearest multiple of a number, by default 1",
    "day_of_month": "day of the month, 1 to 31, of a time in UTC",
    "day_of_week": "day of the week, 0 for Sunday to 6, of a time in UTC",
    "day_of_year": "day of the year, 1 to 366, of a time in UTC",
    "days_in_month": "number of days of the month, 28 to 31, of a time in UTC",
    "hour": "hour, 0 to 23, of a time in UTC",
    "minute": "minute, 0 to 59, of a time in UTC",
    "month": "month, 1 to 12, of a time in UTC",
    "year": "year of a time in UTC",
    "start_timestamp": "start timestamp of each sample, in Unix seconds; 0 if unknown",
    "timestamp": "time of each sample, in Unix seconds",
}
_OVER_TIME: Final = {
    "absent_over_time": "1 if the range has no samples, else no result",
    "avg_over_time": "average over the range",
    "changes": "how often the value changed in the range",
    "count_over_time": "number of samples in the range",
    "delta": "difference between end and start of the range; for gauges",
    "deriv": "slope per second by linear regression; for gauges",
    "double_exponential_smoothing": "smoothed value, with factors for level and trend",
    "first_over_time": "oldest value in the range",
    "idelta": "difference between the last two samples",
    "increase": "how much a counter grew over the range",
    "irate": "growth of a counter per second, between its last two samples",
    "last_over_time": "newest value in the range",
    "mad_over_time": "median absolute deviation over the range",
    "max_over_time": "largest value in the range",
    "min_over_time": "smallest value in the range",
    "predict_linear": "value a number of seconds ahead, by linear regression",
    "present_over_time": "1 for each series that has a sample in the range",
    "quantile_over_time": "quantile (0 to 1) of the values in the range",
    "rate": "growth of a counter per second, averaged over the range",
    "resets": "how often a counter was reset in the range",
    "stddev_over_time": "standard deviation over the range",
    "stdvar_over_time": "variance over the range",
    "sum_over_time": "sum over the range",
    "ts_of_first_over_time": "time of the oldest sample in the range",
    "ts_of_last_over_time": "time of the newest sample in the range",
    "ts_of_max_over_time": "time of the largest value in the range",
    "ts_of_min_over_time": "time of the smallest value in the range",
}
_OTHERS: Final = {
    "absent": "1 if no series match, else no result",
    "end": "end of the query's range, in Unix seconds",
    "histogram_avg": "average of native histograms",
    "histogram_count": "number of observations of native histograms",
    "histogram_fraction": "share of observations between two values",
    "histogram_quantile": "quantile (0 to 1) of histograms, from their buckets",
    "histogram_quantiles": "several quantiles of histograms, each with a label that names it",
    "histogram_stddev": "standard deviation of native histograms",
    "histogram_stdvar": "variance of native histograms",
    "histogram_sum": "sum of observations of native histograms",
    "info": "adds the labels of matching info metrics",
    "label_join": "joins the values of labels with a separator into a new label",
    "label_replace": "sets a label from the value of another, by a regular expression",
    "max_of": "the larger of two numbers",
    "min_of": "the smaller of two numbers",
    "pi": "the number π",
    "range": "length of the query's range, in seconds",
    "scalar": "the value of a vector's only series as a number",
    "sort": "by value, smallest first",
    "sort_by_label": "by the values of labels, ascending",
    "sort_by_label_desc": "by the values of labels, descending",
    "sort_desc": "by value, largest first",
    "start": "start of the query's range, in Unix seconds",
    "step": "the query's step, in seconds",
    "time": "time of evaluation, in Unix seconds",
    "vector": "a number as a vector without labels",
}
FUNCTION_TEXTS: Final = MappingProxyType({**_OF_VALUE, **_OVER_TIME, **_OTHERS})

AGGREGATION_TEXTS: Final = MappingProxyType(
    {
        "avg": "average of each group",
        "bottomk": "the k series of each group with the smallest values",
        "count": "number of series of each group",
        "count_values": "number of series with each value; the value becomes a label",
        "group": "1 for each group",
        "limit_ratio": "a share of each group's series, always the same ones",
        "limitk": "k series of each group, always the same ones",
        "max": "largest value of each group",
        "min": "smallest value of each group",
        "quantile": "quantile (0 to 1) of each group",
        "stddev": "standard deviation of each group",
        "stdvar": "variance of each group",
        "sum": "sum of each group",
        "topk": "the k series of each group with the largest values",
    }
)

_KEYWORDS: Final = (
    ("by", "by (labels)", "groups by these labels"),
    ("without", "without (labels)", "groups by all labels except these"),
    ("on", "on (labels)", "series match if these labels are equal"),
    ("ignoring", "ignoring (labels)", "series match if all other labels are equal"),
    ("group_left", "group_left (labels)", "many series on the left match one on the right"),
    ("group_right", "group_right (labels)", "many series on the right match one on the left"),
    ("bool", "== bool", "the comparison returns 0 or 1 instead of dropping series"),
    ("and", "a and b", "series of the left side that have a match on the right"),
    ("or", "a or b", "series of the left side, and those of the right without a match"),
    ("unless", "a unless b", "series of the left side without a match on the right"),
    ("offset", "offset 5m", "evaluates at an earlier time"),
    ("atan2", "a atan2 b", "arc tangent of the quotient, in radians"),
    (
        "anchored",
        "x[5m] anchored",
        "the ends of the range take the value of the sample before them",
    ),
    ("smoothed", "x[5m] smoothed", "the ends of the range take interpolated values"),
    ("fill", "fill (0)", "the value of a missing series on either side"),
    ("fill_left", "fill_left (0)", "the value of a missing series on the left side"),
    ("fill_right", "fill_right (0)", "the value of a missing series on the right side"),
)


def words() -> tuple[Word, ...]:
    """Return every function, aggregation operator and keyword."""
    functions = (
        Word(name, "function", signature(function), FUNCTION_TEXTS[name])
        for name, function in sorted(FUNCTIONS.items())
    )
    aggregations = (
        Word(name, "aggregation", _aggregation(name), AGGREGATION_TEXTS[name])
        for name in sorted(AGGREGATORS)
    )
    keywords = (Word(name, "keyword", written, text) for name, written, text in _KEYWORDS)
    return (*functions, *aggregations, *keywords)


def signature(function: Function) -> str:
    """Return a function's signature: `round(instant vector, [scalar])`."""
    types = [argument.documented for argument in function.arguments]
    required = types[: function.least]
    if function.optional < 0:
        required.append(f"[{types[-1]}, …]")
    elif function.optional == 1:
        required.append(f"[{types[-1]}]")
    elif function.optional > 1:
        required.append(f"[{types[-1]}, … up to {function.optional}]")
    return f"{function.name}({', '.join(required)})"


def _aggregation(name: str) -> str:
    parameter = ""
    if name in SCALAR_PARAMETER:
        parameter = "scalar, "
    elif name in STRING_PARAMETER:
        parameter = "string, "
    return f"{name} by (labels) ({parameter}instant vector)"
