from pathlib import Path

from exporter.collectors.network.netstat import NetworkStatistics
from exporter.collectors.network.sockstat import SocketStatistics
from tests.exporter.host_tree import families, key, roots_of, samples


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
