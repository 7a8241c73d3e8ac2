"""The filesystems of a host."""

import pytest

from web.hosts.details import Filesystem


@pytest.mark.parametrize(
    ("available", "free", "used_ratio", "reserved"),
    [
        (68.0, 218.0, 0.73, 150.0),
        (68.0, 68.0, 0.73, 0.0),
        (68.0, None, 0.73, 0.0),
        (None, 68.0, None, 0.0),
        # A percentage in a report is rounded.
        (68.0, 70.0, 0.73, 0.0),
        (68.0, float("nan"), 0.73, 0.0),
    ],
)
def test_blocks_that_are_reserved_for_root_are_used_and_shown(
    available: float | None, free: float | None, used_ratio: float | None, reserved: float
) -> None:
    root = Filesystem("/", "/dev/vda", "ext4", 252.0, available, free)
    assert root.used_ratio == (None if used_ratio is None else pytest.approx(used_ratio, abs=0.001))
    assert root.reserved_bytes == reserved
