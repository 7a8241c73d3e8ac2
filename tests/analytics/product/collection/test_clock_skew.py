from hypothesis import given
from hypothesis import strategies as st

from analytics.product.collection.clock_skew import ClockSkew

NOW_MS = 1_764_000_000_000
HOUR_MS = 3_600_000
DEVICE = (1, "device")


def test_the_delay_of_a_request_moves_no_event() -> None:
    skew = ClockSkew()
    assert skew.shift_ms(DEVICE, NOW_MS - 90_000, NOW_MS) == 0
    assert skew.shift_ms(DEVICE, NOW_MS + 90_000, NOW_MS) == 0


def test_a_clock_that_is_wrong_by_hours_is_corrected() -> None:
    assert ClockSkew().shift_ms(DEVICE, NOW_MS - 2 * HOUR_MS, NOW_MS) == 2 * HOUR_MS
    assert ClockSkew().shift_ms(DEVICE, NOW_MS + 2 * HOUR_MS, NOW_MS) == -2 * HOUR_MS


@given(st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 50_000)), min_size=1, max_size=20))
def test_correction_keeps_the_order_of_a_device_whatever_the_delays_are(
    batches: list[tuple[int, int]],
) -> None:
    skew, sent_ms, corrected = ClockSkew(), NOW_MS - 5 * HOUR_MS, []
    for pause_ms, delay_ms in batches:
        sent_ms += pause_ms
        shift = skew.shift_ms(DEVICE, sent_ms, sent_ms + 5 * HOUR_MS + delay_ms)
        corrected.append(sent_ms + shift)
    assert corrected == sorted(corrected)


def test_a_clock_that_was_set_is_followed() -> None:
    skew = ClockSkew()
    skew.shift_ms(DEVICE, NOW_MS - 2 * HOUR_MS, NOW_MS)
    assert skew.shift_ms(DEVICE, NOW_MS, NOW_MS) == 0
    assert skew.shift_ms(DEVICE, NOW_MS - HOUR_MS, NOW_MS) == HOUR_MS


def test_devices_do_not_share_an_error() -> None:
    skew = ClockSkew()
    skew.shift_ms(DEVICE, NOW_MS - 2 * HOUR_MS, NOW_MS)
    assert skew.shift_ms((2, "device"), NOW_MS - 2 * HOUR_MS - 9_000, NOW_MS) == 2 * HOUR_MS + 9_000
