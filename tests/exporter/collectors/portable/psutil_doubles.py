"""psutil as it answers on macOS and on Windows: the tuples there have other fields."""

from collections import namedtuple
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

GIB = 2**30


def _tuple(**values: Any) -> Any:
    return namedtuple("Answer", list(values))(**values)


def _disk(**more: int) -> Any:
    counts = {"read_count": 7, "write_count": 8, "read_bytes": 4096, "write_bytes": 8192}
    return _tuple(**counts, read_time=1500, write_time=2500, **more)


def _traffic(received: int) -> Any:
    return _tuple(
        bytes_sent=20,
        bytes_recv=received,
        packets_sent=2,
        packets_recv=1,
        errin=3,
        errout=4,
        dropin=5,
        dropout=6,
    )


def _usage(_: str) -> Any:
    return _tuple(total=100 * GIB, used=60 * GIB, free=30 * GIB, percent=66.7)


def macos(disk_usage: Callable[[str], Any] = _usage) -> Any:
    """Return psutil of a MacBook on its battery."""
    times = _tuple(user=100.5, nice=0.0, system=50.25, idle=900.0)
    return SimpleNamespace(
        cpu_times=lambda percpu: [times, times],
        cpu_stats=lambda: _tuple(ctx_switches=11, interrupts=22, soft_interrupts=33, syscalls=44),
        getloadavg=lambda: (1.5, 1.25, 1.0),
        boot_time=lambda: 1_700_000_000.0,
        pids=lambda: [0, 1, 99],
        virtual_memory=lambda: _tuple(
            total=16 * GIB,
            available=6 * GIB,
            percent=62.5,
            used=9 * GIB,
            free=2 * GIB,
            active=5 * GIB,
            inactive=4 * GIB,
            wired=3 * GIB,
        ),
        swap_memory=lambda: _tuple(total=2 * GIB, used=GIB, free=GIB, percent=50.0, sin=1, sout=2),
        disk_io_counters=lambda perdisk: {"disk0": _disk()},
        disk_partitions=lambda **_: [
            _tuple(device="/dev/disk3s1s1", mountpoint="/", fstype="apfs", opts="ro,local"),
            _tuple(device="/dev/disk3s5", mountpoint="/Volumes/Data", fstype="apfs", opts="rw"),
        ],
        disk_usage=disk_usage,
        net_io_counters=lambda pernic: {"en0": _traffic(10), "lo0": _traffic(30)},
        net_if_stats=lambda: {
            "en0": _tuple(isup=True, duplex=2, speed=1000, mtu=1500, flags="up"),
            "lo0": _tuple(isup=True, duplex=0, speed=0, mtu=16384, flags="up,loopback"),
        },
        sensors_battery=lambda: _tuple(percent=81, secsleft=3600, power_plugged=False),
    )


def windows() -> Any:
    """Return psutil of a Windows server."""
    times = _tuple(user=100.5, system=50.25, idle=900.0, interrupt=1.5, dpc=2.5)
    found = macos()
    found.cpu_times = lambda percpu: [times]
    found.virtual_memory = lambda: _tuple(
        total=16 * GIB, available=6 * GIB, percent=62.5, used=10 * GIB, free=6 * GIB
    )
    found.disk_io_counters = lambda perdisk: {"PhysicalDrive0": _disk()}
    found.disk_partitions = lambda **_: [
        _tuple(device="C:\\", mountpoint="C:\\", fstype="NTFS", opts="rw,fixed"),
        _tuple(device="D:\\", mountpoint="D:\\", fstype="", opts="cdrom"),
    ]
    found.net_io_counters = lambda pernic: {"Ethernet": _traffic(10)}
    found.net_if_stats = lambda: {
        "Ethernet": _tuple(isup=False, duplex=2, speed=1000, mtu=1500, flags="")
    }
    found.sensors_battery = lambda: None
    return found
