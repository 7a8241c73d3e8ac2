import errno

import pytest

from exporter.collectors.system.timex import ClockDiscipline, Timex, adjtimex
from exporter.errors import NoDataError
from tests.exporter.host_tree import key, samples


def test_clock_is_read_without_being_adjusted() -> None:
    try:
        _, timex = adjtimex()
    except PermissionError:
        pytest.skip("a sandbox hides the clock")
    assert timex.modes == 0
    found = samples(ClockDiscipline())
    assert found[key("node_timex_tick_seconds")] == pytest.approx(0.01, rel=0.2)
    assert found[key("node_timex_sync_status")] in (0, 1)


@pytest.mark.parametrize(("status", "offset_s"), [(0x2000, 1.5e-6), (0, 1.5e-3)])
def test_clock_offset_has_the_unit_that_the_status_bit_says(status: int, offset_s: float) -> None:
    found = samples(ClockDiscipline(lambda: (0, Timex(status=status, offset=1500))))
    assert found[key("node_timex_offset_seconds")] == pytest.approx(offset_s)
    assert found[key("node_timex_sync_status")] == 1


def test_clock_that_a_sandbox_hides_is_no_data() -> None:
    def refused() -> tuple[int, Timex]:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with pytest.raises(NoDataError):
        list(ClockDiscipline(refused).collect())
