"""Each trap that other products have fallen into, and the test that holds us to the right answer.

The sources stand beside the tests. The traps are numbered as in the research on product
analytics; those of API analytics come after.
"""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
FUNNEL = "analytics/statistics/test_funnel.py"
FUNNELS = "analytics/product/test_funnels.py"
RETENTION = "analytics/product/retention/test_reports.py"
CALENDAR = "analytics/statistics/test_calendar.py"
STORE = "storage/events/test_store.py"
SESSIONS = "storage/events/visits/test_sessions.py"
COLLECTION = "web/events/test_collection.py"
SKEW = "analytics/product/collection/test_clock_skew.py"
VISITORS = "analytics/product/collection/test_visitors.py"
REQUESTS = "storage/events/test_request_store.py"
REPORTER = "middleware/test_reporter.py"

TRAPS = {
    "1 the same step twice at one time": (
        FUNNEL,
        "test_a_step_taken_twice_at_one_time_counts_once",
    ),
    "2 one event for two steps": (FUNNEL, "test_one_event_satisfies_one_step"),
    "3 equal times of whole seconds": (FUNNEL, "test_equal_times_count_as_ordered_by_arrival"),
    "4 events of one batch": (FUNNEL, "test_ordered_paths_equal_the_best_choice_of_events"),
    "5 an open window is no loss": (FUNNELS, "test_a_window_that_is_not_over_is_open_and_not_lost"),
    "6 persons who enter late": (
        FUNNELS,
        "test_persons_who_enter_late_in_the_range_may_finish_after_it",
    ),
    "7 the list and its number": (
        FUNNELS,
        "test_lists_are_as_long_as_their_numbers_and_parts_add_up",
    ),
    "8 negative times to convert": (
        FUNNEL,
        "test_time_to_convert_is_never_negative_with_identical_steps",
    ),
    "9 twice under a breakdown": (FUNNELS, "test_a_person_counts_once_under_a_breakdown"),
    "10 anonymous and known ids": (
        FUNNELS,
        "test_merged_ids_are_one_person_in_earlier_events_too",
    ),
    "11 persons or sessions": (
        FUNNELS,
        "test_a_funnel_counts_persons_and_not_sessions_in_every_step",
    ),
    "12 days east of UTC": (RETENTION, "test_cohort_and_return_days_are_dates_of_the_zone"),
    "13 the first day of the week": (RETENTION, "test_weeks_begin_on_the_day_of_the_project"),
    "14 calendar days or 24 hours": (
        RETENTION,
        "test_calendar_days_and_days_from_the_own_start_are_both_there",
    ),
    "15 cohorts of months": (RETENTION, "test_month_cohorts_compare_starts_of_months"),
    "16 a doubled day": (RETENTION, "test_no_day_is_doubled_or_missing_where_clocks_change"),
    "17 days of 23 and 25 hours": (CALENDAR, "test_the_two_hours_of_one_name_are_two_buckets"),
    "17 periods by elapsed bucket": (
        "analytics/statistics/test_previous_period.py",
        "test_periods_do_not_overlap_and_their_buckets_correspond",
    ),
    "18 zones of half an hour": (CALENDAR, "test_every_instant_is_in_the_bucket_of_its_local_time"),
    "19 ids of a day": (
        VISITORS,
        "test_ids_hold_for_a_day_so_that_distinct_ones_are_not_the_sum_of_days",
    ),
    "20 visits over midnight": (SESSIONS, "test_a_visit_over_midnight_belongs_to_its_start"),
    "21 a visit that is resumed": (
        SESSIONS,
        "test_a_visit_that_is_resumed_by_a_link_inside_has_no_source",
    ),
    "22 the last page": (
        SESSIONS,
        "test_the_last_page_has_no_duration_rather_than_none_at_all",
    ),
    "23 skew and delay": (
        SKEW,
        "test_correction_keeps_the_order_of_a_device_whatever_the_delays_are",
    ),
    "24 times in the future": (STORE, "test_events_of_the_future_are_kept_apart"),
    "25 repeated batches": (
        STORE,
        "test_an_event_with_a_known_id_changes_nothing_even_after_a_restart",
    ),
    "26 bots": (COLLECTION, "test_bots_get_the_answer_of_people_and_are_counted"),
    "26 bots are shown": (
        "web/product_pages/test_report_pages.py",
        "test_visits_have_the_numbers_of_the_api_and_say_what_was_not_counted",
    ),
    "27 own visits": (
        COLLECTION,
        "test_own_visits_are_excluded_by_the_address_of_the_connection",
    ),
    "27 erased persons": (STORE, "test_an_erased_person_is_in_no_report"),
    "28 durations under a filter": (
        SESSIONS,
        "test_a_filter_chooses_sessions_and_leaves_their_durations_alone",
    ),
    "API: percentiles are exact": (REQUESTS, "test_figures_are_those_counted_by_hand"),
    "API: bins below 10 ms": (REQUESTS, "test_bins_are_exact_at_their_bounds"),
    "API: grouped by route template": (
        "analytics/requests/test_tracking.py",
        "test_a_request_is_read",
    ),
    "API: addresses are hashed": (
        "analytics/requests/test_tracking.py",
        "test_an_address_is_stored_as_a_hash_that_changes_every_day",
    ),
    "API: a full queue drops and counts": (
        REPORTER,
        "test_a_full_queue_drops_and_counts_while_the_server_is_away",
    ),
}


def test_no_trap_is_left_out() -> None:
    numbers = {int(name.split()[0]) for name in TRAPS if name[0].isdigit()}
    assert numbers == set(range(1, 29))


@pytest.mark.parametrize(("path", "name"), TRAPS.values(), ids=TRAPS)
def test_each_trap_has_its_test(path: str, name: str) -> None:
    tree = ast.parse((TESTS / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert name in {node.name for node in tree.body if isinstance(node, functions)}
