from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from analytics.series.counters import (
    BUCKETS_S,
    DURATION,
    EVENTS,
    MOST_KEYS,
    NAMES_PER_PROJECT,
    OTHER,
    REQUESTS,
    ROUTES_PER_PROJECT,
    STATUSES_PER_ROUTE,
    ProjectCounters,
)
from storage.api.requests import NewRequest


def request(
    route: str = "/", status: int = 200, duration_us: int = 1000, method: str = "GET"
) -> NewRequest:
    return NewRequest(0, method, route, route, status, duration_us)


def series(counters: ProjectCounters, metric: str) -> dict[tuple[str, ...], float]:
    """Return the values of a metric by the values of its labels, in order of their names."""
    return {
        tuple(value for name, value in labels if name != "__name__"): value
        for labels, value in counters.series().items()
        if labels.metric == metric
    }


def test_events_count_by_project_and_name() -> None:
    counters = ProjectCounters()
    counters.count_events("shop", ["open", "buy", "open"])
    counters.count_events("blog", ["open"])
    assert series(counters, EVENTS) == {
        ("open", "shop"): 2,
        ("buy", "shop"): 1,
        ("open", "blog"): 1,
    }


def test_requests_count_by_route_method_and_status_with_a_cumulative_histogram() -> None:
    counters = ProjectCounters()
    counters.count_requests(
        "shop",
        [request("/a", 200, 5000), request("/a", 500, 5001), request("/a", 500, 99_000_000)],
    )
    assert series(counters, REQUESTS) == {
        ("GET", "shop", "/a", "200"): 1,
        ("GET", "shop", "/a", "500"): 2,
    }
    buckets = {bounds[0]: value for bounds, value in series(counters, f"{DURATION}_bucket").items()}
    assert buckets["0.005"] == 1
    assert [buckets[str(bound)] for bound in BUCKETS_S[1:]] == [2] * (len(BUCKETS_S) - 1)
    assert buckets["+Inf"] == 3
    assert series(counters, f"{DURATION}_count") == {("GET", "shop", "/a"): 3}
    assert series(counters, f"{DURATION}_sum") == {("GET", "shop", "/a"): 99.010001}


def test_names_routes_and_statuses_beyond_the_limits_count_as_other() -> None:
    counters = ProjectCounters()
    counters.count_events("shop", [f"name-{number}" for number in range(NAMES_PER_PROJECT + 5)])
    events = series(counters, EVENTS)
    assert len(events) == NAMES_PER_PROJECT + 1
    assert events[OTHER, "shop"] == 5
    counters.count_requests("shop", [request(f"/{at}") for at in range(ROUTES_PER_PROJECT + 3)])
    assert series(counters, REQUESTS)[OTHER, "shop", OTHER, "200"] == 3
    counters.count_requests("api", [request("/", 100 + at) for at in range(STATUSES_PER_ROUTE + 2)])
    assert series(counters, REQUESTS)["GET", "api", "/", OTHER] == 2


def test_projects_beyond_the_limit_of_all_count_as_one() -> None:
    counters = ProjectCounters()
    names = [f"name-{number}" for number in range(NAMES_PER_PROJECT)]
    full = MOST_KEYS // NAMES_PER_PROJECT
    for number in range(full + 3):
        counters.count_events(f"project-{number}", names)
    events = series(counters, EVENTS)
    assert len(events) <= MOST_KEYS + 1
    assert events[OTHER, OTHER] == 3 * NAMES_PER_PROJECT
    assert sum(events.values()) == (full + 3) * NAMES_PER_PROJECT


def test_a_removed_project_has_no_series() -> None:
    counters = ProjectCounters()
    counters.count_events("shop", ["open"])
    counters.count_requests("shop", [request()])
    counters.count_events("blog", ["open"])
    counters.remove("shop")
    assert counters.projects == {"blog"}
    assert set(series(counters, EVENTS)) == {("open", "blog")}
    assert series(counters, REQUESTS) == {}


REQUESTS_OF_CLIENTS = st.lists(
    st.builds(
        request,
        st.sampled_from(["/a", "/b"]),
        st.sampled_from([200, 404, 500]),
        st.integers(0, 20_000_000),
    ),
    max_size=20,
)
NAMES = st.lists(st.sampled_from(["open", "buy", "other"]), max_size=20)


@given(NAMES, REQUESTS_OF_CLIENTS, NAMES, REQUESTS_OF_CLIENTS)
def test_counters_continue_what_was_stored(
    names: list[str],
    requests: list[NewRequest],
    later_names: list[str],
    later_requests: list[NewRequest],
) -> None:
    whole, before, after = ProjectCounters(), ProjectCounters(), ProjectCounters()
    for counters in (whole, before):
        counters.count_events("shop", names)
        counters.count_requests("shop", requests)
    stored = before.series()
    for counters in (whole, after):
        counters.count_events("shop", later_names)
        counters.count_requests("shop", later_requests)
    # The first events may arrive before the stored values have been read.
    after.restore(stored)
    found, expected = after.series(), whole.series()
    assert found.keys() == expected.keys()
    assert all(abs(found[labels] - value) < 1e-6 for labels, value in expected.items())
    assert sum(series(after, EVENTS).values()) == Counter(names + later_names).total()
