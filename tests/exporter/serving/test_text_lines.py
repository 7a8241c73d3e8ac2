import math

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.families import CounterFamily, Family, GaugeFamily, UntypedFamily
from exporter.serving.encoding import accepts_gzip, openmetrics_version
from exporter.serving.text_lines import TextLines, format_value

LABEL = st.text(st.characters(codec="utf-8"), max_size=8)
ROWS = st.dictionaries(st.tuples(LABEL, LABEL), st.floats() | st.integers(-(2**53), 2**53))


def gauge(rows: dict[tuple[str, str], float]) -> Family:
    family = GaugeFamily("g", 'A "gauge"\\\n.', labels=("b", "a"))
    for values, value in rows.items():
        family.add(values, value)
    return family


def same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@given(scrapes=st.lists(ROWS, min_size=1, max_size=4))
def test_each_scrape_has_the_lines_that_a_new_encoder_writes(
    scrapes: list[dict[tuple[str, str], float]],
) -> None:
    for openmetrics in (False, True):
        kept = TextLines(openmetrics=openmetrics)
        for rows in scrapes:
            text = kept.encode([gauge(rows)])
            assert text == TextLines(openmetrics=openmetrics).encode([gauge(rows)])


@given(rows=ROWS)
def test_parser_reads_what_was_encoded(rows: dict[tuple[str, str], float]) -> None:
    text = TextLines(openmetrics=False).encode([gauge(rows)]).decode()
    read = [sample for family in parse_text(text) for sample in family.samples]
    assert [(sample.labels["b"], sample.labels["a"]) for sample in read] == list(rows)
    assert all(map(same, (sample.value for sample in read), rows.values()))


def test_value_that_changes_changes_its_line_only() -> None:
    lines = TextLines(openmetrics=False)
    before = lines.encode([gauge({("x", "1"): 1, ("x", "2"): 2})]).splitlines()
    after = lines.encode([gauge({("x", "1"): 1, ("x", "2"): 3.5})]).splitlines()
    assert [line for line in after if line not in before] == [b'g{a="2",b="x"} 3.5']


def test_lines_of_series_that_are_gone_are_forgotten() -> None:
    lines = TextLines(openmetrics=False)
    for number in range(1000):
        lines.encode([gauge({(str(number), ""): number})])
    (text,) = lines._texts.values()
    assert len(text.parts) == 2  # The metadata and one line.


def test_counter_without_the_suffix_of_openmetrics_is_of_unknown_type_there() -> None:
    families = [
        CounterFamily("a_total", "A.", 1),
        CounterFamily("b", "B.", 2),
        UntypedFamily("c", "C.", 3),
        GaugeFamily("empty", "None."),
    ]
    text = TextLines(openmetrics=False).encode(families).decode()
    assert "# TYPE a_total counter\na_total 1\n" in text
    assert "# TYPE b counter\nb 2\n" in text
    assert "# TYPE c untyped\nc 3\n" in text
    assert "empty" not in text
    text = TextLines(openmetrics=True).encode(families).decode()
    assert "# TYPE a counter\na_total 1\n" in text
    assert "# TYPE b unknown\nb 2\n" in text
    parsed = parse_openmetrics(text)  # type: ignore[no-untyped-call]
    assert [family.name for family in parsed] == ["a", "b", "c"]


def test_whole_numbers_have_no_fraction() -> None:
    values = (True, 0.0, 7, 1.5, 1e300, 2**60, math.inf, -math.inf, math.nan, 10**5000, -(10**5000))
    assert [format_value(value) for value in values] == [
        "1", "0", "7", "1.5", "1e+300", str(2**60), "+Inf", "-Inf", "NaN", "+Inf", "-Inf",
    ]  # fmt: skip


PROMETHEUS = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def test_format_is_the_one_that_the_client_prefers() -> None:
    assert openmetrics_version(PROMETHEUS) == "1.0.0"
    assert openmetrics_version("application/openmetrics-text; version=0.0.1") == "0.0.1"
    assert openmetrics_version("application/openmetrics-text;version=2.0.0") is None
    assert openmetrics_version("text/plain, application/openmetrics-text;q=0.5") is None
    assert openmetrics_version("") is None


def test_gzip_is_used_if_the_client_accepts_it() -> None:
    assert accepts_gzip("gzip")
    assert accepts_gzip("br, GZIP;q=0.5")
    assert accepts_gzip("*")
    assert not accepts_gzip("gzip;q=0, *")
    assert not accepts_gzip("identity")


@given(header=st.text())
def test_any_header_is_read(header: str) -> None:
    assert openmetrics_version(header) in {None, "1.0.0", "0.0.1"}
    assert not accepts_gzip(header) or "gzip" in header.lower() or "*" in header
