"""Each option of a collector changes what the collector reports on a host that has the subject."""

from pathlib import Path

import pytest

from exporter.collector_options import CollectorOptions, Value
from exporter.families import FamilySample
from exporter.gathering import catalogue
from exporter.settings import ExporterSettings
from tests.exporter.host_tree import roots_of

FILES = {
    "proc/net/arp": "IP HW Flags HW Mask Device\n"
    "10.0.0.1 0x1 0x2 aa:bb * eth0\n10.0.0.2 0x1 0x2 aa:bb * wlan0\n",
    "proc/net/dev": "Inter-|\n face |\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
    " wlan0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
    "sys/class/net/eth0/speed": "-1",
    "sys/class/net/eth0/ifalias": "uplink",
    "sys/class/net/wlan0/speed": "100",
    "sys/class/hwmon/hwmon0/name": "cpu",
    "sys/class/hwmon/hwmon0/temp1_input": "45000",
    "sys/class/hwmon/hwmon0/temp2_input": "46000",
    "sys/class/power_supply/BAT0/online": "1",
    "sys/class/power_supply/AC/online": "1",
    "proc/interrupts": "   CPU0\n 1: 0 IO-APIC 1-edge i8042\n NMI: 7 Non-maskable interrupts\n",
    "proc/slabinfo": "slabinfo - version: 2.1\n# name\nkmalloc-8 1 2 8 512 1\ndentry 1 2 8 4 1\n",
    "proc/stat": "cpu 1 1 1 1 1 1 1 1 1 1\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
    "softirq 9 1 2 3 4 5 6 7 8 9 10\n",
    "proc/cpuinfo": "processor : 0\nmodel name : Z80\nflags : aes avx\nbugs : mds l1tf\n",
    "proc/vmstat": "pgfault 1\nnr_free_pages 2\n",
}


def reported(tmp_path: Path, collector: str, given: dict[str, Value]) -> list[FamilySample]:
    settings = ExporterSettings(
        roots=roots_of(tmp_path, FILES),
        defaults=False,
        enabled=frozenset({collector}),
        options=CollectorOptions(given),
    )
    (one,) = catalogue.build(settings, lambda: 0)
    return [sample for family in one.collect() for sample in family.samples]


@pytest.mark.parametrize(
    ("collector", "option", "value", "text", "is_reported"),
    [
        ("arp", "arp.device-include", "eth", "wlan0", False),
        ("arp", "arp.device-exclude", "eth", "eth0", False),
        ("netdev", "netdev.device-include", "eth", "wlan0", False),
        ("netdev", "netdev.label-ifalias", True, "uplink", True),
        ("netclass", "netclass.ignored-devices", "wlan", "wlan0", False),
        ("netclass", "netclass.ignore-invalid-speed", False, "-125000.0", True),
        ("hwmon", "hwmon.chip-exclude", "cpu", "temp1", False),
        ("hwmon", "hwmon.sensor-exclude", "^cpu;temp1", "temp1", False),
        ("hwmon", "hwmon.sensor-include", "^cpu;temp1", "temp2", False),
        ("powersupplyclass", "powersupply.ignored-supplies", "BAT", "BAT0", False),
        ("interrupts", "interrupts.include-zeros", False, "i8042", False),
        ("interrupts", "interrupts.name-exclude", "NMI;", "NMI", False),
        ("slabinfo", "slabinfo.slabs-include", "kmalloc", "dentry", False),
        ("stat", "stat.softirq", True, "hrtimer", True),
        ("cpu", "cpu.guest", False, "node_cpu_guest_seconds_total", False),
        ("cpu", "cpu.info", True, "Z80", True),
        ("cpu", "cpu.info.flags-include", "^a", "avx", True),
        ("cpu", "cpu.info.bugs-include", "mds", "mds", True),
        ("vmstat", "vmstat.fields", "nr_", "node_vmstat_nr_free_pages", True),
    ],
)
def test_option_changes_what_its_collector_reports(
    tmp_path: Path, collector: str, option: str, value: Value, text: str, is_reported: bool
) -> None:
    assert (text in str(reported(tmp_path, collector, {}))) is not is_reported
    assert (text in str(reported(tmp_path, collector, {option: value}))) is is_reported


def test_addresses_run_unless_their_option_is_off() -> None:
    def names(given: dict[str, Value]) -> set[str]:
        settings = ExporterSettings(options=CollectorOptions(given))
        return {one.name for one in catalogue.build(settings, lambda: 0)}

    assert names({}) - names({"netdev.address-info": False}) == {"addresses"}
