import re

import pytest

from alerting.checks.cpu_usage import CpuUsage
from promql.syntax.parser import parse
from web.hosts.charts.chart_definitions import BY_KEY, CHARTS
from web.hosts.charts.chart_parts import ChartSection
from web.hosts.charts.host_metrics import MOST_OTHERS, charts_of, chosen_charts, sections_of


def keys(*metrics: str) -> list[str]:
    return [chart.key for chart in charts_of(metrics)]


def test_host_has_the_charts_of_its_metrics_and_no_others() -> None:
    assert keys("node_load1") == ["load"]
    assert keys("node_cpu_seconds_total", "node_load5") == ["cpu", "cpu_cores", "load"]
    assert keys("node_filesystem_avail_bytes") == []
    assert keys() == []


def test_metric_that_is_pushed_has_a_chart_of_its_own() -> None:
    metrics = (
        "room_celsius",
        "door_opened_total",
        "sent_bytes_total",
        "node_odd",
        "x_bucket",
        "ALERTS",
    )
    found = charts_of(metrics)
    assert [(chart.key, chart.unit.value) for chart in found] == [
        ("metric:door_opened_total", "per_s"),
        ("metric:room_celsius", "celsius"),
        ("metric:sent_bytes_total", "bytes_per_s"),
    ]
    assert {chart.section for chart in found} == {ChartSection.PUSHED}
    assert chosen_charts(chart.key for chart in found) == found
    assert len(keys(*(f"m_{number}" for number in range(999)))) == MOST_OTHERS


def test_sections_come_in_the_order_of_the_page_without_empty_ones() -> None:
    found = sections_of(charts_of(["node_load1", "room_celsius", "node_hwmon_temp_celsius"]))
    assert list(found) == [ChartSection.CPU, ChartSection.SENSORS, ChartSection.PUSHED]


@pytest.mark.parametrize("key", BY_KEY)
def test_every_query_of_a_chart_is_promql_about_one_host(key: str) -> None:
    for lines in BY_KEY[key].lines:
        query = lines.query
        if callable(query):
            query = query(CpuUsage(60_000, ("instance",), 'instance="a"'))
        query = query.replace("WINDOW", "1m").replace("DISKS", 'fstype!~"x"')
        query = query.replace("HOST", 'instance="a"')
        parse(query)
        selectors = re.findall(r"\w\{([^}]*)\}", query)
        assert selectors
        assert all('instance="a"' in selector for selector in selectors)
        assert lines.metrics


def test_keys_of_charts_are_unique() -> None:
    assert len(BY_KEY) == len(CHARTS)
