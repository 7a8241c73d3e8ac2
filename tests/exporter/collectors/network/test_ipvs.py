from pathlib import Path

from exporter.collectors.network.fibrechannel import FibreChannel
from exporter.collectors.network.infiniband import InfiniBand
from exporter.collectors.network.ipvs import VirtualServers
from tests.exporter.host_tree import key, roots_of, samples

HEADER = "a\nb\nc\n"
TABLE = (
    HEADER + "TCP  C0A80016:0CEA wlc\n  -> C0A85216:0CEA Tunnel 100 248 2\n"
    "TCP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0050 rr\n"
    "  -> [2001:0db8:0000:0000:0000:0000:0000:0002]:0050 Route 1 2 3\nFWM  10001000 wlc\n"
    "  -> C0A83120:0CEA Route 20 64 1\n"
)
FILES = {"proc/net/ip_vs": TABLE, "proc/net/ip_vs_stats": "a\nb\n 1F 2 3 4 5\n"}


def test_backends_are_named_by_both_addresses(tmp_path: Path) -> None:
    found = samples(VirtualServers(roots_of(tmp_path, FILES)))
    assert found[key("node_ipvs_connections_total")] == 31
    weights = {
        (labels["local_address"], labels["remote_address"], labels["local_mark"]): value
        for (name, pairs), value in found.items()
        if name == "node_ipvs_backend_weight" and (labels := dict(pairs))
    }
    assert weights == {
        ("192.168.0.22", "192.168.82.22", ""): 100,
        ("2001:db8::1", "2001:db8::2", ""): 1,
        ("", "192.168.49.32", "10001000"): 20,
    }


def test_backends_with_equal_labels_are_added_up(tmp_path: Path) -> None:
    found = samples(VirtualServers(roots_of(tmp_path, FILES), ["proto"]))
    assert found[key("node_ipvs_backend_connections_active", proto="TCP")] == 250


def test_counter_that_the_driver_does_not_keep_is_left_out(tmp_path: Path) -> None:
    base = "sys/class/fc_host/host0"
    roots = roots_of(
        tmp_path,
        {
            f"{base}/port_id": "0x02\n",
            f"{base}/statistics/nos_count": "0xffffffffffffffff\n",
            f"{base}/statistics/tx_frames": "0x10\n",
        },
    )
    found = samples(FibreChannel(roots))
    assert found[key("node_fibrechannel_tx_frames_total", fc_host="host0")] == 16
    assert {name for name, _ in found} == {
        "node_fibrechannel_info",
        "node_fibrechannel_tx_frames_total",
    }


def test_data_of_infiniband_is_counted_in_words(tmp_path: Path) -> None:
    port = "sys/class/infiniband/mlx4_0/ports/1"
    roots = roots_of(
        tmp_path,
        {
            f"{port}/rate": "40 Gb/sec (4X QDR)\n",
            f"{port}/state": "4: ACTIVE\n",
            f"{port}/counters/port_rcv_data": "5\n",
            f"{port}/counters/symbol_error": "N/A (no PMA)\n",
        },
    )
    found = samples(InfiniBand(roots))
    labels = {"device": "mlx4_0", "port": "1"}
    assert found[key("node_infiniband_port_data_received_bytes_total", **labels)] == 20
    assert found[key("node_infiniband_rate_bytes_per_second", **labels)] == 5e9
    assert found[key("node_infiniband_state_id", **labels)] == 4
    assert key("node_infiniband_symbol_error_total", **labels) not in found
