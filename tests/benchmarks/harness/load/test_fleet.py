from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.load.fleet import FleetPlan, ReplayingTarget, TargetFleet
from benchmarks.harness.load.replay import ChurningReplay
from benchmarks.harness.loopback import fetch
from benchmarks.harness.recordings.recording import Recording


@pytest.fixture
def fleet(recording: Recording, tmp_path: Path) -> Iterator[TargetFleet]:
    with TargetFleet(FleetPlan(targets=5), recording, tmp_path) as running:
        yield running


def test_each_target_starts_at_its_own_scrape_and_repeats_the_recording(
    fleet: TargetFleet, recording: Recording
) -> None:
    bodies = [scrape.body for scrape in recording.scrapes]
    for number, address in enumerate(fleet.addresses()):
        served = [fetch(f"http://{address}/metrics") for _ in range(6)]
        assert served == (bodies * 3)[number : number + 6]


def test_what_was_served_is_counted(fleet: TargetFleet) -> None:
    addresses = fleet.addresses()
    for address in [*addresses, addresses[0]]:
        fetch(f"http://{address}/metrics")
    counts = fleet.counts()
    assert (counts.responses, counts.samples, counts.fewest_responses) == (6, 24, 1)
    assert counts.longest_gap_s > 0
    fleet.mark()
    assert fleet.counts().longest_gap_s == 0
    fleet.rewind()
    assert fleet.counts().responses == 0


def test_targets_change_generation_one_after_the_other(recording: Recording) -> None:
    plan = FleetPlan(targets=2, churn_ratio=0.5, scrapes_per_generation=4)
    replay = ChurningReplay(recording, plan.churn_ratio)
    generations = []
    for number in range(2):
        target = ReplayingTarget(number, plan, replay)
        served = [target.answer(b"GET /metrics HTTP/1.1", gzipped=False) for _ in range(8)]
        generations.append(
            [next(n for n in range(4) if b'="%d-%d"' % (number, n) in body) for body in served]
        )
    assert generations == [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 2, 2]]
