from pathlib import Path

import pytest

from exporter.collector_options import NETSTAT_FIELDS
from exporter.collectors.network.netstat import NetworkStatistics
from exporter.collectors.network.sockstat import SocketStatistics
from exporter.name_filter import NameFilter
from exporter.roots import Roots
from tests.exporter.host_tree import families, key, roots_of, samples

WANTED = NameFilter(NETSTAT_FIELDS)


def test_host_without_ipv6_reports_ipv4(tmp_path: Path) -> None:
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
    assert families(NetworkStatistics(roots))["node_netstat_IpExt_InOctets"].type == "untyped"


def test_names_that_change_between_scrapes_are_matched_anew(tmp_path: Path) -> None:
    def written(names: str, values: str) -> Roots:
        files = {"proc/net/netstat": f"IpExt: {names} \nIpExt: {values}\n", "proc/net/snmp": ""}
        return roots_of(tmp_path, {**files, "proc/net/snmp6": "Ip6InOctets   7\nUdp6NoPorts 8\n"})

    collector = NetworkStatistics(written("Other InOctets", "1 2"), WANTED)
    octets = key("node_netstat_IpExt_InOctets")
    assert samples(collector) == {
        octets: 2,
        key("node_netstat_Ip6_InOctets"): 7,
        key("node_netstat_Udp6_NoPorts"): 8,
    }
    written("InOctets Other", "3 4")
    assert samples(collector)[octets] == 3
    written("InOctets Other", "3")
    with pytest.raises(ValueError, match="2 values for 3 names"):
        list(collector.collect())
