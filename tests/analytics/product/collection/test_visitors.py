from analytics.daily_hashing import DAY_MS
from analytics.product.collection.visitors import Visitor, VisitorIds

MIDNIGHT_MS = 20_000 * DAY_MS
MINUTE_MS = 60_000
IDLE_MS = 30 * MINUTE_MS
ANN = Visitor("192.0.2.1", "Firefox")
BOB = Visitor("192.0.2.2", "Firefox")


def test_a_visitor_of_a_project_has_one_id_during_a_day() -> None:
    ids = VisitorIds()
    first = ids.of(1, ANN, MIDNIGHT_MS, IDLE_MS)
    assert ids.of(1, ANN, MIDNIGHT_MS + 20 * 3_600_000, IDLE_MS) == first
    others = {
        ids.of(2, ANN, MIDNIGHT_MS, IDLE_MS),
        ids.of(1, BOB, MIDNIGHT_MS, IDLE_MS),
        ids.of(1, Visitor("192.0.2.1", "Chrome"), MIDNIGHT_MS, IDLE_MS),
    }
    assert len(others | {first}) == 4


def test_ids_hold_for_a_day_so_that_distinct_ones_are_not_the_sum_of_days() -> None:
    ids = VisitorIds()
    noon_ms = MIDNIGHT_MS + 12 * 3_600_000
    assert len({ids.of(1, ANN, noon_ms + day * DAY_MS, IDLE_MS) for day in range(3)}) == 3


def test_a_visit_over_midnight_keeps_the_id_of_its_start() -> None:
    ids = VisitorIds()
    start = ids.of(1, ANN, MIDNIGHT_MS - 10 * MINUTE_MS, IDLE_MS)
    assert ids.of(1, ANN, MIDNIGHT_MS + 10 * MINUTE_MS, IDLE_MS) == start
    assert ids.of(1, ANN, MIDNIGHT_MS + 39 * MINUTE_MS, IDLE_MS) == start
    after_a_pause = ids.of(1, ANN, MIDNIGHT_MS + 75 * MINUTE_MS, IDLE_MS)
    assert after_a_pause != start
    assert ids.of(1, ANN, MIDNIGHT_MS + 76 * MINUTE_MS, IDLE_MS) == after_a_pause


def test_the_secret_of_yesterday_is_forgotten_after_two_hours_however_long_a_visit_is() -> None:
    ids = VisitorIds()
    start = ids.of(1, ANN, MIDNIGHT_MS - MINUTE_MS, IDLE_MS)
    for minute in range(0, 120, 20):
        assert ids.of(1, ANN, MIDNIGHT_MS + minute * MINUTE_MS, IDLE_MS) == start
    ids.of(1, BOB, MIDNIGHT_MS + 121 * MINUTE_MS, IDLE_MS)
    assert ids.of(1, ANN, MIDNIGHT_MS + 122 * MINUTE_MS, IDLE_MS) != start


def test_somebody_who_was_not_there_before_midnight_has_no_id_of_yesterday() -> None:
    ids = VisitorIds()
    earlier = ids.of(1, ANN, MIDNIGHT_MS - 60 * MINUTE_MS, IDLE_MS)
    assert ids.of(1, ANN, MIDNIGHT_MS + MINUTE_MS, IDLE_MS) != earlier
