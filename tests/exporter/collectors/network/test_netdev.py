from pathlib import Path

from exporter.collectors.network.netclass import NetworkClass
from exporter.collectors.network.netdev import NetworkDevices
from exporter.name_filter import NameFilter
from tests.exporter.host_tree import roots_of, samples


def test_excluded_interface_is_absent(tmp_path: Path) -> None:
    roots = roots_of(
        tmp_path,
        {
            "proc/net/dev": "head\nhead\n veth1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
            "sys/class/net/veth1/operstate": "up\n",
        },
    )
    assert samples(NetworkDevices(roots, NameFilter(exclude="^veth"))) == {}
    assert samples(NetworkClass(roots, NameFilter(exclude="^veth"))) == {}
