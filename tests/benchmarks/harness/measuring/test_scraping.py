import time
from pathlib import Path

import pytest

from benchmarks.disk import History, store_in_prometheus, store_in_victoriametrics
from benchmarks.harness.contenders.contender import Contender, ScrapePlan
from benchmarks.harness.contenders.servers import Prometheus, VictoriaMetrics
from benchmarks.harness.load.fleet import FleetPlan, TargetFleet
from benchmarks.harness.measuring.scraping import Period, measure
from benchmarks.harness.recordings.recording import Recording
from tests.programs import program

PLAN = ScrapePlan(["127.0.0.1:9100", "127.0.0.2:9100"], 0.5)


@pytest.mark.peer
@pytest.mark.parametrize("contender", [Prometheus, VictoriaMetrics])
def test_contender_is_measured_while_it_scrapes(
    contender: type[Contender], recording: Recording, tmp_path: Path
) -> None:
    program(contender.program)
    period = Period(interval_s=0.2, warm_up_s=0.2, measured_s=0, peers_measured_s=2)
    with TargetFleet(FleetPlan(targets=3), recording, tmp_path) as fleet:
        figures = measure(contender, fleet, period, tmp_path)
    assert figures["cpu_us_per_sample"] > 0
    assert figures["rss_bytes_per_series"] > 1_000_000
    assert figures["kept_ratio"] > 0.5
    assert figures["longest_gap_s"] > 0
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


@pytest.mark.peer
def test_history_is_taken_by_the_peers(recording: Recording, tmp_path: Path) -> None:
    program("promtool")
    program("victoria-metrics")
    hour_ago_ms = round((time.time() - 3600) * 1000)  # within VictoriaMetrics's retention
    history = History(recording, hosts=3, start_ms=hour_ago_ms)
    for store in (store_in_prometheus, store_in_victoriametrics):
        directory = tmp_path / store.__name__
        directory.mkdir()
        assert store(history, directory) > history.samples
