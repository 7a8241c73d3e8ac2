"""What the golden exposition of `test_catalogue` does not show: a collector's odd cases."""

import errno
import re
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.collectors.addresses import InterfaceAddresses
from exporter.collectors.diskstats import DiskStatistics
from exporter.collectors.hwmon import HardwareMonitors
from exporter.collectors.mdadm import arrays
from exporter.collectors.netclass import NetworkClass
from exporter.collectors.netdev import NetworkDevices
from exporter.collectors.netstat import NetworkStatistics
from exporter.collectors.os_release import OperatingSystem
from exporter.collectors.pressure import Pressure
from exporter.collectors.processes import Processes
from exporter.collectors.sockstat import SocketStatistics
from exporter.collectors.timex import ClockDiscipline, Timex, adjtimex
from exporter.errors import NoDataError
from tests.exporter.host_tree import families, key, roots_of, samples


@dataclass(frozen=True, slots=True)
class FakeAddress:
    family: int
    address: str
    netmask: str | None


def test_addresses_have_prefix_length_and_scope_and_no_zone() -> None:
    found = samples(
        InterfaceAddresses(
            re.compile("^veth"),
            lambda: {
                "eth0": [
                    FakeAddress(socket.AF_INET, "192.0.2.7", "255.255.254.0"),
                    FakeAddress(socket.AF_INET6, "fe80::1%eth0", "ffff:ffff:ffff:ffff::"),
                    FakeAddress(socket.AF_PACKET, "00:00:5e:00:53:01", None),
                ],
                "veth1": [FakeAddress(socket.AF_INET, "10.0.0.1", "255.0.0.0")],
            },
        )
    )
    name = "node_network_address_info"
    assert found.keys() == {
        key(name, device="eth0", address="192.0.2.7", netmask="23", scope="global"),
        key(name, device="eth0", address="fe80::1", netmask="64", scope="link-local"),
    }


def test_addresses_of_this_host_hold_the_loopback() -> None:
    addresses = {dict(labels)["address"] for _, labels in samples(InterfaceAddresses())}
    assert "127.0.0.1" in addresses


def test_excluded_disk_is_left_out(tmp_path: Path) -> None:
    line = "   8       1 sda1 250 0 2000 36 0 0 0 0 0 36 36\n"
    roots = roots_of(tmp_path, {"proc/diskstats": line})
    assert samples(DiskStatistics(roots, re.compile("^sda1$"))) == {}


def test_excluded_interface_is_left_out(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        {
            "proc/net/dev": "head\nhead\n veth1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
            "sys/class/net/veth1/operstate": "up\n",
        },
    )
    assert samples(NetworkDevices(roots, re.compile("^veth"))) == {}
    assert samples(NetworkClass(roots, re.compile("^veth"))) == {}


def test_host_without_ipv6_has_the_rest(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        {
            "proc/net/netstat": "IpExt: InOctets\nIpExt: 5\n",
            "proc/net/snmp": "Udp: InErrors\nUdp: 6\n",
            "proc/net/sockstat": "TCP: inuse 4\n",
        },
    )
    assert samples(NetworkStatistics(roots)) == {
        key("node_netstat_IpExt_InOctets"): 5,
        key("node_netstat_Udp_InErrors"): 6,
    }
    assert samples(SocketStatistics(roots)) == {key("node_sockstat_TCP_inuse"): 4}


def test_protocol_counters_are_untyped(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path, {"proc/net/netstat": "IpExt: InOctets\nIpExt: 5\n", "proc/net/snmp": ""}
    )
    assert families(NetworkStatistics(roots))["node_netstat_IpExt_InOctets"].type == "unknown"


def test_os_release_is_found_in_usr_too(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"usr/lib/os-release": "ID=nixos\nNAME=NixOS\nVERSION_ID=unstable"})
    found = families(OperatingSystem(roots))
    assert found["node_os_info"].samples[0].labels["id"] == "nixos"
    assert "node_os_version" not in found


def test_pressure_that_was_switched_off_at_boot_is_no_data(tmp_path: Path) -> None:
    # Reading a directory fails as reading the file does under psi=0, with another errno.
    roots = roots_of(tmp_path, {"proc/pressure/cpu/x": ""})
    with pytest.raises(NoDataError, match="off"):
        list(Pressure(roots).collect())


def test_kernel_without_pressure_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError, match="no pressure"):
        list(Pressure(roots_of(tmp_path, {})).collect())


def test_processes_of_this_host_hold_this_one() -> None:
    from exporter.roots import Roots

    found = samples(Processes(Roots()))
    assert found[key("node_processes_pids")] >= 1
    assert found[key("node_processes_threads")] >= found[key("node_processes_pids")]


def test_attribute_in_both_places_counts_once(tmp_path: Path) -> None:
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


def test_chip_without_name_or_device_is_called_by_its_directory(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"sys/class/hwmon/hwmon3/temp1_input": "40000\n"})
    found = samples(HardwareMonitors(roots))
    assert found == {key("node_hwmon_temp_celsius", chip="hwmon3", sensor="temp1"): 40.0}


@pytest.mark.parametrize(
    ("activity", "state"),
    [("check", "check"), ("reshape", "resync"), ("resync", "resync"), ("recovery", "recovering")],
)
def test_array_at_work_says_at_what(activity: str, state: str) -> None:
    [array] = arrays(
        [
            "md0 : active (auto-read-only) raid1 sdb1[1] sda1[0]",
            "      1000 blocks [2/2] [UU]",
            f"      [>....]  {activity} =  0.1% (10/1000) finish=1min speed=9K/sec",
        ]
    )
    assert (array.state, array.synced, array.blocks) == (state, 10, 1000)


def test_clock_is_asked_without_being_adjusted() -> None:
    try:
        _, timex = adjtimex()
    except PermissionError:
        pytest.skip("a sandbox hides the clock")
    assert timex.modes == 0
    found = samples(ClockDiscipline())
    assert found[key("node_timex_tick_seconds")] == pytest.approx(0.01, rel=0.2)
    assert found[key("node_timex_sync_status")] in (0, 1)


@pytest.mark.parametrize(("status", "offset_s"), [(0x2000, 1.5e-6), (0, 1.5e-3)])
def test_clock_offset_heeds_the_unit_bit(status: int, offset_s: float) -> None:
    found = samples(ClockDiscipline(lambda: (0, Timex(status=status, offset=1500))))
    assert found[key("node_timex_offset_seconds")] == pytest.approx(offset_s)
    assert found[key("node_timex_sync_status")] == 1


def test_clock_that_a_sandbox_hides_is_no_data() -> None:
    def refused() -> tuple[int, Timex]:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with pytest.raises(NoDataError):
        list(ClockDiscipline(refused).collect())
