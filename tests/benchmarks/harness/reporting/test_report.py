import io

from benchmarks.harness.reporting.report import Limit, Measure, Report

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


def test_ratios_divide_redshanks_figures_by_the_peers() -> None:
    assert REPORT.ratios() == {"ratio_cpu_prometheus": 0.5, "ratio_cpu_victoriametrics": 0.25}


def test_limits_apply_to_ratios_and_figures() -> None:
    assert REPORT.exceeded() == ["ratio_cpu_prometheus is 0.5, more than 0.45"]


def test_table_has_ratios_first() -> None:
    printed = io.StringIO()
    REPORT.print(printed)
    text = printed.getvalue()
    assert text.index("0.50 (<= 0.45)") < text.index("us/sample") < text.index("4.00")
