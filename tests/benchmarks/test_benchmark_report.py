import io
import json

from benchmarks.harness.report import Limit, Measure, Report

REPORT = Report(
    bench="ingest",
    setup="4 targets",
    measures=(
        Measure("cpu_us_per_sample", "CPU\nus/sample", ratio="cpu"),
        Measure("cores", "cores"),
    ),
    results={
        "redshank": {"cpu_us_per_sample": 1.0, "cores": 0.25},
        "prometheus": {"cpu_us_per_sample": 2.0, "cores": 0.5},
        "victoriametrics": {"cpu_us_per_sample": 4.0, "cores": 1.0},
    },
    titles={"redshank": "Redshank", "prometheus": "Prometheus", "victoriametrics": "VM"},
    limits=(Limit("ratio_cpu_prometheus", 0.45), Limit("cores", 0.3)),
)


def test_ratios_are_ours_by_theirs() -> None:
    assert REPORT.ratios() == {"ratio_cpu_prometheus": 0.5, "ratio_cpu_victoriametrics": 0.25}


def test_limits_are_held_against_ratios_and_our_figures() -> None:
    assert REPORT.exceeded() == ["ratio_cpu_prometheus is 0.5, more than 0.45"]


def test_json_is_one_line_with_contenders_and_ratios() -> None:
    text = REPORT.as_json()
    assert "\n" not in text
    figures = json.loads(text)
    assert figures["prometheus"]["cpu_us_per_sample"] == 2.0
    assert figures["ratio_cpu_victoriametrics"] == 0.25


def test_table_has_ratios_first() -> None:
    printed = io.StringIO()
    REPORT.print(printed)
    text = printed.getvalue()
    assert text.index("0.50 (<= 0.45)") < text.index("us/sample") < text.index("4.00")


def test_without_redshank_there_are_no_ratios() -> None:
    peers = {key: value for key, value in REPORT.results.items() if key != "redshank"}
    report = Report("ingest", "", REPORT.measures, peers, REPORT.titles, REPORT.limits)
    assert report.ratios() == {}
    assert report.exceeded() == []
