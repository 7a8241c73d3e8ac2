"""The collectors of systems without procfs, over psutil's answers there."""

import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psutil
import pytest

from exporter.collector_options import CollectorOptions
from exporter.collectors.portable.host import PortableUname
from exporter.errors import NoDataError
from exporter.families import Family, FamilySample
from exporter.gathering import catalogue
from exporter.gathering.gatherer import Gatherer
from exporter.gathering.portable_collectors import default_collectors
from exporter.serving.encoding import Encoder
from exporter.settings import ExporterSettings
from tests.exporter.collectors.portable.psutil_doubles import GIB, macos, windows
from tests.exporter.host_tree import FIXTURES, key

NOW_MS = 1_700_000_100_000
SYSTEMS = [pytest.param(macos, id="macos"), pytest.param(windows, id="windows")]


def families_of(system: Any, settings: ExporterSettings) -> Iterator[Family]:
    for collector in default_collectors(settings, lambda: NOW_MS, system):
        # It asks the machine of the test.
        if collector.name != "addresses":
            with suppress(NoDataError):
                yield from collector.collect()


def values_of(
    system: Any, settings: ExporterSettings | None = None
) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families_of(system, settings or ExporterSettings())
        for sample in family.samples
    }


@pytest.mark.parametrize("make", SYSTEMS)
def test_names_types_and_help_texts_are_those_of_linux(make: Any) -> None:
    linux = set(
        re.findall(r"^# (?:HELP|TYPE) .*", (FIXTURES / "bare_metal.prom").read_text(), re.MULTILINE)
    )
    families = list(families_of(make(), ExporterSettings()))
    text = Encoder().encode(families, "", "").body.decode()
    found = set(re.findall(r"^# (?:HELP|TYPE) .*", text, re.MULTILINE))
    assert len(found) > 60
    # The recorded file leaves these fields out.
    left_out = re.compile(r".* node_memory_(Swap|Active|Inactive)")
    assert {line for line in found - linux if not left_out.match(line)} == set()


def test_numbers_of_macos_have_the_units_of_linux() -> None:
    values = values_of(macos())
    assert values[key("node_cpu_seconds_total", cpu="1", mode="system")] == 50.25
    assert values[key("node_memory_MemAvailable_bytes")] == 6 * GIB
    assert values[key("node_memory_Inactive_bytes")] == 4 * GIB
    assert values[key("node_memory_SwapFree_bytes")] == GIB
    assert values[key("node_disk_read_time_seconds_total", device="disk0")] == 1.5
    assert values[key("node_disk_written_bytes_total", device="disk0")] == 8192
    assert values[key("node_network_receive_bytes_total", device="lo0")] == 30
    assert values[key("node_network_speed_bytes", device="en0")] == 125_000_000
    assert key("node_network_speed_bytes", device="lo0") not in values
    assert values[key("node_power_supply_online", power_supply="battery")] == 0
    assert values[key("node_load5")] == 1.25
    assert values[key("node_boot_time_seconds")] == 1_700_000_000
    assert values[key("node_processes_pids")] == 3
    root = {"device": "/dev/disk3s1s1", "mountpoint": "/", "fstype": "apfs"}
    assert values[key("node_filesystem_size_bytes", **root)] == 100 * GIB
    assert values[key("node_filesystem_free_bytes", **root)] == 40 * GIB
    assert values[key("node_filesystem_avail_bytes", **root)] == 30 * GIB
    assert values[key("node_filesystem_readonly", **root)] == 1
    assert values[key("node_filesystem_device_error", **root)] == 0


def test_windows_has_its_own_modes_and_drives() -> None:
    values = values_of(windows())
    assert values[key("node_cpu_seconds_total", cpu="0", mode="irq")] == 1.5
    assert values[key("node_cpu_seconds_total", cpu="0", mode="softirq")] == 2.5
    assert key("node_memory_Inactive_bytes") not in values
    assert values[key("node_network_up", device="Ethernet")] == 0
    sizes = [labels for name, labels in values if name == "node_filesystem_size_bytes"]
    # A drive without a medium is no file system.
    assert sizes == [frozenset({"device": "C:\\", "mountpoint": "C:\\", "fstype": "NTFS"}.items())]
    assert not any(name.startswith("node_power_supply") for name, _ in values)


def test_name_and_release_of_windows_have_the_labels_of_linux() -> None:
    # Windows lacks os.uname().
    uname = platform.uname_result("Windows", "build-1", "11", "10.0.26100", "AMD64")
    (family,) = PortableUname(lambda: uname).collect()
    labels = {
        "sysname": "Windows",
        "release": "11",
        "version": "10.0.26100",
        "machine": "AMD64",
        "nodename": "build-1",
        "domainname": "(none)",
    }
    assert family.samples == [FamilySample("node_uname_info", labels, 1)]


def test_mount_that_fails_has_the_reason_and_no_size() -> None:
    def usage(path: str) -> Any:
        if path == "/":
            raise OSError(5, "Input/output error")
        return macos().disk_usage(path)

    values = values_of(macos(usage))
    root = {"device": "/dev/disk3s1s1", "mountpoint": "/", "fstype": "apfs"}
    error = key("node_filesystem_device_error", **root, device_error="input/output error")
    assert values[error] == 1
    assert key("node_filesystem_size_bytes", **root) not in values
    data = {"device": "/dev/disk3s5", "mountpoint": "/Volumes/Data", "fstype": "apfs"}
    assert values[key("node_filesystem_size_bytes", **data)] == 100 * GIB


def test_filters_of_the_options_apply() -> None:
    options = {
        "netdev.device-exclude": "^lo",
        "netclass.ignored-devices": "^en",
        "filesystem.mount-points-exclude": "^/Volumes/",
        "diskstats.device-include": "^none$",
    }
    values = values_of(macos(), ExporterSettings(options=CollectorOptions(options)))
    devices = {
        name: {dict(labels)["device"] for other, labels in values if other == name}
        for name in ("node_network_receive_bytes_total", "node_network_up")
    }
    assert list(devices.values()) == [{"en0"}, {"lo0"}]
    assert not any("/Volumes/Data" in dict(labels).values() for _, labels in values)
    assert not any(name.startswith("node_disk_") for name, _ in values)


@pytest.mark.parametrize("name", ["darwin", "win32"])
def test_another_system_has_the_portable_collectors(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # psutil chooses its modules when it is imported.
    assert psutil.LINUX
    monkeypatch.setattr("sys.platform", name)
    built = catalogue.build(ExporterSettings(), lambda: NOW_MS)
    assert {"PortableCPU", "PortableFilesystems"} <= {type(one).__name__ for one in built}
    # psutil of this machine answers, too.
    text = Encoder().encode(Gatherer(built, 30).gather(), "", "").body.decode()
    assert 'node_scrape_collector_success{collector="meminfo"} 1' in text
    assert 'node_scrape_collector_success{collector="cpu"} 1' in text
