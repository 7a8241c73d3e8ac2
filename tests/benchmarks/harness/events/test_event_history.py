import json
from pathlib import Path

from benchmarks.harness.events.event_history import FUNNEL, NAMES, SPAN_MS, EventHistory
from benchmarks.harness.events.request_load import BodyFile

_END_MS = 1_700_000_000_000


def bodies(path: Path, history: EventHistory, table: Path | None = None) -> list[bytes]:
    history.write("key", 100, path, table)
    with BodyFile(path) as written:
        return [written.body(number) for number in range(len(written))]


def test_every_event_is_in_one_body_and_one_row(tmp_path: Path) -> None:
    history = EventHistory(1_050, 40, _END_MS)
    found = bodies(tmp_path / "bodies", history, tmp_path / "table")
    events = [event for body in found for event in json.loads(body)["events"]]
    assert [len(json.loads(body)["events"]) for body in found] == [100] * 10 + [50]
    assert len({event["eventId"] for event in events}) == 1_050
    rows = [line.split("\t") for line in (tmp_path / "table").read_text().splitlines()]
    assert [(row[1], row[2], row[4]) for row in rows] == [
        (event["eventName"], event["timestamp"], event["anonymousId"]) for event in events
    ]
    assert [json.loads(row[6]) for row in rows] == [event["properties"] for event in events]


def test_equal_seeds_give_equal_events(tmp_path: Path) -> None:
    first = bodies(tmp_path / "a", EventHistory(300, 40, _END_MS, seed=3))
    assert first == bodies(tmp_path / "b", EventHistory(300, 40, _END_MS, seed=3))
    assert first != bodies(tmp_path / "c", EventHistory(300, 40, _END_MS, seed=4))


def test_events_are_in_order_and_within_eight_weeks() -> None:
    history = EventHistory(2_000, 40, _END_MS)
    times = [time for block in history.blocks() for time in block.times]
    assert times == sorted(times)
    assert times[0] >= "2023-09-19T22:13:20.000"
    assert times[-1] < "2023-11-14T22:13:20.000"
    assert history.start_ms == _END_MS - SPAN_MS


def test_the_steps_of_the_funnel_are_names() -> None:
    assert set(FUNNEL) < set(NAMES)


def test_bodies_are_read_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "bodies"
    with BodyFile.writer(path) as add:
        for body in (b"one", b"", b"three"):
            add(body)
    with BodyFile(path) as found:
        assert [found.body(number) for number in (2, 0, 1, 0)] == [b"three", b"one", b"", b"one"]
