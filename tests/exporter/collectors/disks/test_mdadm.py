import pytest

from exporter.collectors.disks.mdadm import arrays


@pytest.mark.parametrize(
    ("activity", "state"),
    [("check", "check"), ("reshape", "resync"), ("resync", "resync"), ("recovery", "recovering")],
)
def test_activity_of_an_array_is_its_state(activity: str, state: str) -> None:
    [array] = arrays(
        [
            "md0 : active (auto-read-only) raid1 sdb1[1] sda1[0]",
            "      1000 blocks [2/2] [UU]",
            f"      [>....]  {activity} =  0.1% (10/1000) finish=1min speed=9K/sec",
        ]
    )
    assert (array.state, array.synced, array.blocks) == (state, 10, 1000)
