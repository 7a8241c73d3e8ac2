import numpy as np
import pytest

from daemon.demo.exporters import values_now
from daemon.demo.hosts import HOSTS, STEP_MS, HostSeries
from daemon.demo.shop import shop_events, shop_requests
from daemon.demo.story import DAY_MS, SPAN_MS, Story
from model.labels import Labels
from storage.api.requests import NewRequest

END_MS = 1_764_000_000_000
STORY = Story(END_MS)


@pytest.fixture(scope="module")
def requests() -> list[NewRequest]:
    return shop_requests(STORY)


def test_equal_seeds_give_equal_weeks() -> None:
    first, second, other = (shop_events(Story(END_MS, seed)) for seed in (1, 1, 2))
    assert list(first) == list(second)
    assert first.times_ms.tolist() != other.times_ms.tolist()


def test_events_are_in_order_and_within_the_week() -> None:
    events = shop_events(STORY)
    times = events.times_ms
    assert (np.diff(times) >= 0).all()
    assert END_MS - SPAN_MS <= times[0] <= times[-1] < END_MS
    assert len(set(events.event_ids)) == len(events)


def test_fewer_persons_take_each_step() -> None:
    names = list(shop_events(STORY).names)
    counts = [
        names.count(step)
        for step in ("page_view", "product_view", "add_to_cart", "checkout_start", "purchase")
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] > 1_000


def test_requests_fail_and_slow_down_in_the_incident(requests: list[NewRequest]) -> None:
    start_ms, end_ms = STORY.incident_ms

    def figures(chosen: list[NewRequest]) -> tuple[float, float]:
        failed = sum(one.status >= 500 for one in chosen) / len(chosen)
        return failed, float(np.median([one.duration_us for one in chosen]))

    during = figures([one for one in requests if start_ms <= one.time_ms < end_ms])
    usual = figures([one for one in requests if one.time_ms < start_ms])
    assert during[0] > 10 * usual[0]
    assert during[1] > 3 * usual[1]


def test_the_deploy_changes_the_version(requests: list[NewRequest]) -> None:
    before = {one.version for one in requests if one.time_ms < STORY.deploy_ms}
    after = {one.version for one in requests if one.time_ms >= STORY.deploy_ms}
    assert (before, after) == ({"2.3.1"}, {"2.4.0"})


def test_days_are_busier_than_nights() -> None:
    midnight = END_MS // DAY_MS * DAY_MS - 3 * DAY_MS
    night, noon = STORY.rhythm(np.array([midnight + DAY_MS // 8, midnight + 15 * DAY_MS // 24]))
    assert noon > 3 * night


def test_a_host_goes_on_from_where_its_history_ends() -> None:
    series = HostSeries(STORY, HOSTS[3])
    history_ms = series.grid(END_MS - STEP_MS)
    names, values = series.at(history_ms)
    later_names, later = series.at(series.grid(END_MS + 10 * STEP_MS))
    assert later_names == names
    # The noise of a time does not depend on how long the story goes on.
    assert np.array_equal(later[:, : len(history_ms)], values)
    last = dict(zip(names, values[:, -1].tolist(), strict=True))
    now = dict(
        line.rsplit(" ", 1)
        for line in values_now(series, END_MS + 3 * STEP_MS).decode().split("\n")[:-1]
    )
    for labels, value in last.items():
        if labels.metric.endswith("_total"):
            own = ",".join(f'{name}="{text}"' for name, text in labels if name != "__name__")
            assert float(now[f"{labels.metric}{{{own}}}"]) > value


def test_a_host_has_the_series_that_charts_and_checks_need() -> None:
    names, values = HostSeries(STORY, HOSTS[0]).at(HostSeries(STORY, HOSTS[0]).grid(END_MS))
    metrics = {Labels.of(labels).metric for labels in names}
    assert {"node_cpu_seconds_total", "node_load1"} <= metrics
    # Memory is drawn as used, cache and free: a missing part leaves "used" empty.
    parts = ("MemTotal", "MemAvailable", "MemFree", "Buffers", "Cached", "SReclaimable")
    assert {f"node_memory_{part}_bytes" for part in parts} <= metrics
    assert np.isfinite(values).all()
    idle = [row for labels, row in zip(names, values, strict=True) if labels.get("mode") == "idle"]
    assert all((np.diff(row) >= 0).all() for row in idle)
