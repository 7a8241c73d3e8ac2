from scraper.discovery.engine.backoff import Backoff


def test_waits_double_up_to_the_limit_and_start_again_after_a_success() -> None:
    backoff = Backoff(5.0)
    waits = [backoff.next_s() for _ in range(5)]
    assert all(
        0.75 * full < wait <= full for wait, full in zip(waits, [1, 2, 4, 5, 5], strict=True)
    )
    backoff.reset()
    assert backoff.next_s() <= 1


def test_no_wait_is_longer_than_a_limit_below_the_first_wait() -> None:
    assert Backoff(0.1).next_s() <= 0.1
