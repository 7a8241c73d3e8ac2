import gzip
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.harness.corpus import Recording
from benchmarks.harness.fleet import Fleet, FleetPlan, Target
from benchmarks.harness.loopback import fetch
from benchmarks.harness.replay import ChurningReplay

GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def fleet(recording: Recording, tmp_path: Path) -> Iterator[Fleet]:
    with Fleet(FleetPlan(targets=5), recording, tmp_path) as running:
        yield running


def test_each_target_starts_at_its_own_scrape_and_goes_round(
    fleet: Fleet, recording: Recording
) -> None:
    bodies = [scrape.body for scrape in recording.scrapes]
    for number, address in enumerate(fleet.addresses()):
        served = [fetch(f"http://{address}/metrics") for _ in range(6)]
        assert served == (bodies * 3)[number : number + 6]


def test_gzip_is_served_to_those_who_ask(fleet: Fleet, recording: Recording) -> None:
    url = f"http://{fleet.addresses()[0]}/metrics"
    assert gzip.decompress(fetch(url, headers=GZIP)) == recording.scrapes[0].body


def test_one_connection_carries_many_requests(fleet: Fleet) -> None:
    host, _, port = fleet.addresses()[0].rpartition(":")
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request + request + request[:10])
        connection.sendall(request[10:-4] + b"\r\nConnection: close\r\n\r\n")
        with connection.makefile("rb") as answers:
            assert answers.read().count(b"HTTP/1.1 200 OK") == 3


def test_what_was_served_is_counted(fleet: Fleet) -> None:
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


def test_other_paths_are_not_found_and_not_counted(fleet: Fleet) -> None:
    with pytest.raises(OSError, match="404"):
        fetch(f"http://{fleet.addresses()[0]}/")
    assert fleet.counts().responses == 0


def test_targets_change_generation_in_turn(recording: Recording) -> None:
    plan = FleetPlan(targets=2, churn_ratio=0.5, scrapes_per_generation=4)
    replay = ChurningReplay(recording, plan.churn_ratio)
    generations = []
    for number in range(2):
        target = Target(number, plan, replay)
        served = [target.answer(b"GET /metrics HTTP/1.1", gzipped=False) for _ in range(8)]
        generations.append(
            [next(n for n in range(4) if b'="%d-%d"' % (number, n) in body) for body in served]
        )
    assert generations == [[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 2, 2]]
