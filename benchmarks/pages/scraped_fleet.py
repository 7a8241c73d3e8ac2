"""A server that has scraped a whole fleet, whose pages are measured."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.load.fleet import FleetPlan, TargetFleet
from benchmarks.harness.load.target_process import target_address
from benchmarks.harness.processes import BenchmarkError, wait_until, work_directory
from benchmarks.harness.recordings.recording import find_recording
from benchmarks.harness.reporting.command import progress

_INTERVAL_S: Final = 15.0
_PATIENCE_S: Final = 600.0


@contextmanager
def scraped_fleet(options: argparse.Namespace, hosts: int, scrapes: int) -> Iterator[Redshank]:
    """Yield a running server once it has scraped each host so many times, every 15 s.

    Raises:
        BenchmarkError: that took more than ten minutes.
    """
    recording = find_recording(options.recording)
    with (
        work_directory(options.work_dir) as directory,
        TargetFleet(FleetPlan(hosts), recording, directory) as fleet,
    ):
        port = fleet.counts().port
        targets = [f"{target_address(number)}:{port}" for number in range(hosts)]
        (server_directory := directory / "server").mkdir()
        with Redshank(ScrapePlan(targets, _INTERVAL_S), server_directory) as server:
            progress(f"{hosts} hosts: waiting for {scrapes} scrapes of each")
            if not wait_until(lambda: fleet.counts().fewest_responses >= scrapes, _PATIENCE_S, 1):
                raise BenchmarkError("not every host was scraped in time")
            yield server
