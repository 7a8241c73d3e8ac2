from pathlib import Path

from exporter.collectors.hardware.hwmon import HardwareMonitors
from tests.exporter.host_tree import key, roots_of, samples


def test_attribute_in_both_directories_is_reported_once(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        {
            "sys/class/hwmon/hwmon3/temp1_input": "40000\n",
            "sys/class/hwmon/hwmon3/device/temp1_input": "41000\n",
            "sys/class/hwmon/hwmon3/device/temp2_input": "42000\n",
        },
    )
    found = samples(HardwareMonitors(roots))
    assert sorted(found.values()) == [40.0, 42.0]


def test_chip_without_name_or_device_is_named_after_its_directory(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"sys/class/hwmon/hwmon3/temp1_input": "40000\n"})
    found = samples(HardwareMonitors(roots))
    assert found == {key("node_hwmon_temp_celsius", chip="hwmon3", sensor="temp1"): 40.0}
