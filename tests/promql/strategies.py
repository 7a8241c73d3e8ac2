"""Hypothesis strategies for PromQL; most of the generated queries parse."""

from hypothesis import strategies as st

_WORDS = st.sampled_from(
    ["up", "node_load1", "http_requests_total", "sum", "by", "a:b", "_x", "start"]
)
_LABELS = st.sampled_from(["job", "instance", "mode", "by", "le", "on"])
_QUOTED = st.sampled_from(['"a"', "'b\\n'", "`c\\d`", '"é\\x41"', '""', '"web.*"', '"(a|b)+"'])
_OPERATORS = st.sampled_from(["=", "!=", "=~", "!~"])
_LENGTHS = st.sampled_from(["5m", "1h30m", "90", "1m30s", "0.5", "500ms", "1d", "2w"])
_INSTANT_FUNCTIONS = ["abs", "ceil", "sort", "timestamp", "absent", "minute", "sgn"]
_RANGE_FUNCTIONS = ["rate", "increase", "max_over_time", "deriv", "changes", "last_over_time"]
_AGGREGATIONS = ["sum", "avg", "min", "max", "count", "group", "stddev"]

matchers = st.tuples(_LABELS, _OPERATORS, _QUOTED).map("".join)
labels = st.lists(_LABELS, max_size=3).map(lambda names: f"({', '.join(names)})")


def _call(function_and_argument: tuple[str, str]) -> str:
    function, argument = function_and_argument
    return f"{function}({argument})"


def _braces(content: list[str]) -> str:
    return "{" + ",".join(content) + "}"


selectors = st.one_of(
    st.tuples(_WORDS, st.lists(matchers, max_size=3).map(_braces)).map("".join),
    _WORDS,
    st.lists(matchers, max_size=2).map(lambda found: _braces(['"a.b c"', *found])),
)

durations = st.recursive(
    _LENGTHS | st.sampled_from(["step()", "range()"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", "-", "*", "/ ", "%", "^"]), inner).map("".join),
        inner.map(lambda each: f"({each})"),
        inner.map(lambda each: f"-({each})"),
        st.tuples(inner, inner).map(lambda two: f"min_of({two[0]}, {two[1]})"),
    ),
    max_leaves=4,
)
shifts = st.one_of(
    st.just(""),
    _LENGTHS.map(lambda each: f" offset {each}"),
    _LENGTHS.map(lambda each: f" offset -{each}"),
    durations.map(lambda each: f" offset ({each})"),
    st.sampled_from([" @ 100", " @ start()", " @ end()", " @ 1.5 offset 5m", " offset 1h @ -3"]),
)
ranges = st.one_of(
    st.tuples(selectors, _LENGTHS, shifts).map(lambda all_: f"{all_[0]}[{all_[1]}]{all_[2]}"),
    st.tuples(selectors, durations).map(lambda two: f"{two[0]}[{two[1]}]"),
    selectors.map(lambda each: f"{each}[5m] anchored"),
)
scalars = st.sampled_from(
    ["1", "-2.5", "0x1F", "1e9", "+Inf", "NaN", "time()", "pi()", "3 + 4", "(2 ^ 3)", "5m", ".5",
     "1_000", "min_of(1, 2)", "1 > bool 2"]
)  # fmt: skip
_MODIFIERS = st.one_of(
    st.just(""),
    st.tuples(st.sampled_from([" on ", " ignoring "]), labels).map("".join),
    labels.map(lambda each: f" on {each} group_left () "),
    st.sampled_from([" ignoring (job) group_right (zone) ", " fill (0) ", " fill_left (NaN) "]),
)


def _deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    arithmetic = st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2"])
    comparison = st.sampled_from(["==", "!=", ">", "<=", "> bool", "== bool", "</", ">/"])
    return st.one_of(
        inner.map(lambda each: f"({each})"),
        inner.map(lambda each: f"-{each}"),
        st.tuples(st.sampled_from(_INSTANT_FUNCTIONS), inner).map(
            lambda two: f"{two[0]}({two[1]})"
        ),
        st.tuples(inner, arithmetic | comparison, _MODIFIERS, inner).map(
            lambda four: f"{four[0]} {four[1]} {four[2]} {four[3]}"
        ),
        st.tuples(inner, arithmetic, scalars).map(" ".join),
        st.tuples(inner, st.sampled_from([" and ", " or ", " unless on (job) "]), inner).map(
            "".join
        ),
        st.tuples(st.sampled_from(_AGGREGATIONS), labels, inner).map(
            lambda three: f"{three[0]} by {three[1]} ({three[2]})"
        ),
        st.tuples(labels, inner).map(lambda two: f"topk without {two[0]} (3, {two[1]})"),
        st.tuples(_QUOTED, inner).map(lambda two: f"count_values({two[0]}, {two[1]})"),
        st.tuples(inner, _LENGTHS, shifts).map(
            lambda three: f"max_over_time(({three[0]})[{three[1]}:30s]{three[2]})"
        ),
        inner.map(lambda each: f'label_replace({each}, "a", "$1", "b", "(.*)")'),
    )


vectors = st.recursive(
    st.one_of(
        st.tuples(selectors, shifts).map("".join),
        selectors.map(lambda each: f"{each} smoothed"),
        st.tuples(st.sampled_from(_RANGE_FUNCTIONS), ranges).map(_call),
        scalars.map(lambda each: f"vector({each})"),
    ),
    _deeper,
    max_leaves=6,
)
queries = vectors | scalars | ranges | _QUOTED
