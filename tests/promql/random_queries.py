"""Random queries, and queries with one character changed, from a seeded generator.

The queries use what Prometheus 3.5 knows, over the metrics of `random_samples`. About one in
fifty has an operand of a wrong type.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Final

_GAUGES: Final = ("temp", "mixed", "sparse", "flat", "odd:name", "late")
_COUNTERS: Final = ("jobs_total", "resets_total", "steps_count", "begun_total")
_BUCKETS: Final = ("latency_bucket", "uneven_bucket", "broken_bucket")
_LABELS: Final = ("job", "instance", "mode", "le", "nothing", "__name__")
_VALUES: Final = ("a", "b", "idle", "user", "1", "+Inf", "", "x")
_PATTERNS: Final = ("a|b", ".*", ".+", "", "i.*", "[ab]", "(a)", "x", "us.r|idle", "a.")
_NUMBERS: Final = (
    "0", "1", "2", "-1", "0.5", "-2.5", "3", "1e3", "1e-3", "1e300", "Inf", "-Inf", "NaN", "0x1F",
    "1_000", "5m", "017", ".5", "1e22", "123456789", "0.1",
)  # fmt: skip
_LENGTHS: Final = (
    "1m", "2m", "5m", "30s", "15s", "1s", "90s", "7m30s", "20m", "1h", "10m", "45", "60.5",
)  # fmt: skip
_STEPS: Final = ("30s", "1m", "7s", "15s", "90s", "2m", "")
_ARITHMETIC: Final = ("+", "-", "*", "/", "%", "^", "atan2")
_COMPARISONS: Final = ("==", "!=", ">", "<", ">=", "<=")
_SETS: Final = ("and", "or", "unless")
_MATH: Final = (
    "abs", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "deg", "exp",
    "floor", "ln", "log10", "log2", "rad", "sgn", "sin", "sinh", "sqrt", "tan", "tanh",
    "timestamp", "absent", "sort", "sort_desc", "round", "day_of_month", "day_of_week",
    "day_of_year", "days_in_month", "hour", "minute", "month", "year",
    "histogram_count", "histogram_sum", "histogram_avg", "histogram_stddev", "histogram_stdvar",
)  # fmt: skip
_OVER: Final = (
    "absent_over_time", "avg_over_time", "changes", "count_over_time", "delta", "deriv", "idelta",
    "increase", "irate", "last_over_time", "mad_over_time", "max_over_time", "min_over_time",
    "present_over_time", "rate", "resets", "stddev_over_time", "stdvar_over_time",
    "sum_over_time", "ts_of_max_over_time", "ts_of_min_over_time", "ts_of_last_over_time",
    "rate", "increase", "rate",
)  # fmt: skip
_AGGREGATORS: Final = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
_RANKED: Final = ("topk", "bottomk", "limitk")


class QueryGenerator:
    """Generates queries; equal seeds yield equal queries.

    Args:
        seed: the seed.
        time_s: a time within the samples, for `@`.
    """

    def __init__(self, seed: int, time_s: int) -> None:
        self._random = Random(seed)
        self._time_s = time_s

    def query(self) -> str:
        """Return a query."""
        kind = self._random.random()
        if kind < 0.03:
            return self._matrix(1)
        if kind < 0.10:
            return self._scalar(3)
        return self._vector(self._random.choice((1, 2, 2, 3, 3, 4)))

    def mutated(self, query: str) -> str:
        """Return the query with one character deleted, inserted or swapped with its neighbour."""
        at = self._random.randrange(len(query))
        match self._random.randrange(3):
            case 0:
                return query[:at] + query[at + 1 :]
            case 1:
                return query[:at] + self._random.choice(_INSERTED) + query[at:]
            case _:
                return query[:at] + query[at + 1 : at + 2] + query[at] + query[at + 2 :]

    def one_of(self, choices: Sequence[str]) -> str:
        """Return one of the choices."""
        return self._random.choice(choices)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def _vector(self, depth: int) -> str:
        if self._chance(0.007):
            return self._random.choice((self._matrix, self._scalar, self._string))(depth)
        if depth <= 0:
            return self._selector() + self._shift()
        makers: tuple[tuple[Callable[[int], str], int], ...] = (
            (self._plain, 3),
            (self._over, 8),
            (self._binary, 6),
            (self._aggregation, 6),
            (self._function, 4),
            (self._limited, 2),
            (self._relabeled, 2),
            (self._quantile, 3),
            (self._made, 2),
        )
        choices, weights = zip(*makers, strict=True)
        return str(self._random.choices(choices, weights)[0](depth - 1))

    def _plain(self, depth: int) -> str:
        if self._chance(0.5):
            return self._selector() + self._shift()
        sign = self.one_of(("-", "+", ""))
        return f"{sign}({self._vector(depth)})"

    def _selector(self) -> str:
        names = self._random.choices((_GAUGES, _COUNTERS, _BUCKETS), (5, 3, 1))[0]
        name = self.one_of(names)
        if self._chance(0.05):
            name = "missing"
        if self._chance(0.05):
            return '{__name__=~"' + self.one_of(("temp|flat", "jobs.*", ".+_total", "mixed")) + '"}'
        count = self._random.choice((0, 0, 0, 1, 1, 2))
        if not count:
            return name
        return f"{name}{{{','.join(self._matcher() for _ in range(count))}}}"

    def _matcher(self) -> str:
        label = self.one_of(_LABELS[:-1])
        if self._chance(0.5):
            return f'{label}{self.one_of(("=", "!="))}"{self.one_of(_VALUES)}"'
        return f'{label}{self.one_of(("=~", "!~"))}"{self.one_of(_PATTERNS)}"'

    def _shift(self) -> str:
        kind = self._random.random()
        if kind < 0.75:
            return ""
        offset = f" offset {self.one_of(('', '', '-'))}{self.one_of(_LENGTHS)}"
        at = f" @ {self.one_of(('start()', 'end()', str(self._time_s), f'{self._time_s - 77}.5'))}"
        return self.one_of((offset, at, at + offset, offset + at, " offset (30s*2)"))

    def _matrix(self, depth: int) -> str:
        length = self.one_of(_LENGTHS)
        if self._chance(0.03):
            length = self.one_of(("1m+30s", "(1m*2)", "10m/4", "2m-1m", "2^7", "-1m", "1m%45s"))
        if depth <= 0 or self._chance(0.7):
            return f"{self._selector()}[{length}]{self._shift()}"
        inner = self._vector(min(depth, 2) - 1)
        if self._chance(0.5):
            return f"({inner})[{length}:{self.one_of(_STEPS)}]{self._shift()}"
        return f"{self._selector()}{self._shift()}[{length}:{self.one_of(_STEPS)}]{self._shift()}"

    def _over(self, depth: int) -> str:
        matrix = self._matrix(depth)
        kind = self._random.random()
        if kind < 0.08:
            return f"quantile_over_time({self._scalar(depth - 1)}, {matrix})"
        if kind < 0.12:
            return f"predict_linear({matrix}, {self._scalar(depth - 1)})"
        if kind < 0.15:
            factors = f"{self.one_of(('0.1', '0.5', '0.9'))}, {self.one_of(('0.1', '0.5', '0.9'))}"
            return f"double_exponential_smoothing({matrix}, {factors})"
        return f"{self.one_of(_OVER)}({matrix})"

    def _binary(self, depth: int) -> str:
        left, right = self._vector(depth), self._vector(depth)
        if self._chance(0.35):
            scalar = self._scalar(depth - 1)
            left, right = self._random.choice(((left, scalar), (scalar, right)))
            operator = self.one_of((*_ARITHMETIC, *_COMPARISONS))
            flag = " bool" if operator in _COMPARISONS and self._chance(0.4) else ""
            return f"({left}) {operator}{flag} ({right})"
        if self._chance(0.4):
            right = left if self._chance(0.7) else right
        if self._chance(0.25):
            return f"({left}) {self.one_of(_SETS)}{self._matching(grouped=False)} ({right})"
        operator = self.one_of((*_ARITHMETIC, *_COMPARISONS))
        flag = " bool" if operator in _COMPARISONS and self._chance(0.4) else ""
        return f"({left}) {operator}{flag}{self._matching(grouped=True)} ({right})"

    def _matching(self, *, grouped: bool) -> str:
        if self._chance(0.4):
            return ""
        matching = f" {self.one_of(('on', 'ignoring'))} ({self._label_list()})"
        if grouped and self._chance(0.5):
            matching += f" {self.one_of(('group_left', 'group_right'))}"
            matching += self.one_of(("", " ()", f" ({self._label_list()})"))
        return matching

    def _label_list(self) -> str:
        labels = self._random.sample(_LABELS, self._random.choice((0, 1, 1, 2, 3)))
        return ", ".join(labels)

    def _grouping(self) -> str:
        if self._chance(0.2):
            return ""
        return f" {self.one_of(('by', 'by', 'without'))} ({self._label_list()}) "

    def _aggregation(self, depth: int) -> str:
        inner, kind = self._vector(depth), self._random.random()
        if kind < 0.10:
            return f"quantile{self._grouping()}({self._scalar(depth - 1)}, {inner})"
        if kind < 0.18:
            number = self.one_of(("1", "2", "3", "0", "-1", "100", "2.7"))
            return f"{self.one_of(_RANKED)}{self._grouping()}({number}, {inner})"
        if kind < 0.24:
            label = self.one_of(("value", "job", "mode", "instance"))
            return f'count_values{self._grouping()}("{label}", {inner})'
        operator = self.one_of(_AGGREGATORS)
        if self._chance(0.3):
            return f"{operator}({inner}){self._grouping()}"
        return f"{operator}{self._grouping()}({inner})"

    def _function(self, depth: int) -> str:
        return f"{self.one_of(_MATH)}({self._vector(depth)})"

    def _limited(self, depth: int) -> str:
        inner = self._vector(depth)
        first, second = self._scalar(depth - 1), self._scalar(depth - 1)
        return self.one_of(
            (
                f"clamp({inner}, {first}, {second})",
                f"clamp_min({inner}, {first})",
                f"clamp_max({inner}, {first})",
                f"round({inner}, {first})",
            )
        )

    def _relabeled(self, depth: int) -> str:
        inner = self._vector(depth)
        target, source = self.one_of(_LABELS), self.one_of(_LABELS)
        pattern = self.one_of(("(.*)", "(.)(.?)", "a", "", "(?P<n>.+)", "b|a", "(a"))
        text = self.one_of(("$1", "x-$1", "", "$2$1", "${n}", "$$1", "plain", "$0"))
        return self.one_of(
            (
                f'label_replace({inner}, "{target}", "{text}", "{source}", "{pattern}")',
                f'label_join({inner}, "{target}", "{self.one_of(("-", ""))}", "{source}", "job")',
                f'sort_by_label({inner}, "{source}")',
                f'sort_by_label_desc({inner}, "{source}", "{target}")',
            )
        )

    def _quantile(self, depth: int) -> str:
        buckets = self.one_of(_BUCKETS)
        length = self.one_of(_LENGTHS)
        inner = self.one_of(
            (
                buckets,
                f"rate({buckets}[{length}])",
                f"sum by (le) (rate({buckets}[{length}]))",
                f"sum by (le, job) (increase({buckets}[{length}]))",
                self._vector(depth),
            )
        )
        if self._chance(0.2):
            bounds = f"{self._scalar(depth - 1)}, {self._scalar(depth - 1)}"
            return f"histogram_fraction({bounds}, {inner})"
        quantile = self.one_of(("0", "0.1", "0.5", "0.9", "0.99", "1", "1.5", "-1", "NaN"))
        if self._chance(0.2):
            quantile = self._scalar(depth - 1)
        return f"histogram_quantile({quantile}, {inner})"

    def _made(self, depth: int) -> str:
        return self.one_of(
            (
                f"vector({self._scalar(depth)})",
                f"vector({self._scalar(depth)})",
                f"{self.one_of(('hour', 'minute', 'month', 'year', 'day_of_week'))}()",
                f"limit_ratio({self.one_of(('0', '1', '-1', '1.5', '-2'))}, {self._vector(depth)})",
            )
        )

    def _scalar(self, depth: int) -> str:
        if self._chance(0.007):
            return self._random.choice((self._vector, self._matrix, self._string))(depth)
        if depth <= 0 or self._chance(0.6):
            return self.one_of(_NUMBERS)
        kind = self._random.random()
        if kind < 0.2:
            return self.one_of(("time()", "pi()"))
        if kind < 0.4:
            return f"scalar({self._vector(depth - 1)})"
        if kind < 0.5:
            return f"{self.one_of(('-', '+'))}{self._scalar(depth - 1)}"
        left, right = self._scalar(depth - 1), self._scalar(depth - 1)
        if kind < 0.7:
            return f"({left} {self.one_of(_COMPARISONS)} bool {right})"
        return f"({left} {self.one_of(_ARITHMETIC)} {right})"

    def _string(self, _depth: int) -> str:
        return self.one_of(('"text"', "'a\\nb'", "`raw`", '""'))


_INSERTED: Final = "()[]{}\"',:=~!<>+-*/%^@ .0123456789abefhilmnosuxyINS_#\\`$;é"
