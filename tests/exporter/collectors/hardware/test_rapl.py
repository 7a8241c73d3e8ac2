from pathlib import Path

import pytest

from exporter.collectors.hardware.rapl import RunningAveragePower
from exporter.collectors.hardware.watchdog import Watchdogs
from exporter.collectors.kernel.selinux import SELinux
from exporter.errors import NoDataError
from tests.exporter.host_tree import key, roots_of, samples


def test_zones_are_named_and_numbered(tmp_path: Path) -> None:
    base = "sys/class/powercap/intel-rapl:0"
    roots = roots_of(
        tmp_path,
        {
            f"{base}/name": "package-1\n",
            f"{base}/energy_uj": "2500000\n",
            "sys/class/powercap/intel-rapl/enabled": "1\n",
        },
    )
    labels = {"index": "1", "path": str(tmp_path / base)}
    assert samples(RunningAveragePower(roots)) == {
        key("node_rapl_package_joules_total", **labels): 2.5
    }
    assert samples(RunningAveragePower(roots, zone_label=True)) == {
        key("node_rapl_joules_total", **labels, rapl_zone="package"): 2.5
    }


def test_cpu_without_energy_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError):
        RunningAveragePower(roots_of(tmp_path, {})).collect()


def test_watchdog_has_the_attributes_of_its_driver(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"sys/class/watchdog/watchdog0/timeout": "60\n"})
    found = samples(Watchdogs(roots))
    timeout = ("node_watchdog_timeout_seconds", frozenset({("name", "watchdog0")}))
    assert found[timeout] == 60
    assert {name for name, _ in found} == {"node_watchdog_timeout_seconds", "node_watchdog_info"}


def test_modes_of_selinux_are_numbers(tmp_path: Path) -> None:
    assert samples(SELinux(roots_of(tmp_path, {}))) == {key("node_selinux_enabled"): 0}
    roots = roots_of(
        tmp_path,
        {
            "sys/fs/selinux/enforce": "0",
            "etc/selinux/config": "# SELINUX=x\nSELINUX=enforcing\nSELINUXTYPE=targeted\n",
        },
    )
    assert samples(SELinux(roots)) == {
        key("node_selinux_enabled"): 1,
        key("node_selinux_config_mode"): 1,
        key("node_selinux_current_mode"): 0,
    }
