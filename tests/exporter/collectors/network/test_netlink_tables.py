"""Collectors that ask the kernel over netlink and ioctl, with doubles of its answers."""

import errno
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.netlink import attributes, dump
from exporter.collectors.network.ethtool import NetworkDrivers, metric_name
from exporter.collectors.network.network_route import Routes
from exporter.collectors.network.qdisc import QueueingDisciplines
from exporter.collectors.network.tcpstat import TCPConnections
from exporter.name_filter import NameFilter
from exporter.roots import Roots
from tests.exporter.host_tree import key, samples

MAIN, UNICAST, STATIC = 254, 1, 4


def attribute(kind: int, payload: bytes) -> bytes:
    padded = payload + bytes(-len(payload) % 4)
    return struct.pack("=HH", 4 + len(payload), kind) + padded


def device_name(index: int) -> str:
    if index == 9:
        raise OSError(errno.ENXIO, "No such device or address")
    return f"eth{index}"


def discipline(index: int, parent: int, kind: bytes) -> bytes:
    basic = attribute(1, struct.pack("=QI", 1000, 10))
    queue = attribute(3, struct.pack("=IIIII", 1, 2, 3, 4, 5))
    head = struct.pack("=BxxxiIII", 0, index, 0, parent, 0)
    return head + attribute(1, kind + b"\0") + attribute(7, basic + queue)


def route(table: int, kind: int, *parts: bytes) -> bytes:
    return struct.pack("=BBBBBBBBI", 2, 24, 0, 0, table, STATIC, 0, kind, 0) + b"".join(parts)


def test_root_disciplines_have_traffic_and_queues() -> None:
    answers = [
        discipline(0, 0xFFFFFFFF, b"fq"),
        discipline(0, 0x10000, b"child"),
        discipline(1, 0xFFFFFFFF, b"left_out"),
        discipline(9, 0xFFFFFFFF, b"removed"),
    ]
    devices = NameFilter(exclude="eth1")
    found = samples(QueueingDisciplines(Roots(), devices, lambda: answers, device_name))
    labels = {"device": "eth0", "kind": "fq"}
    assert found == {
        key("node_qdisc_bytes_total", **labels): 1000,
        key("node_qdisc_packets_total", **labels): 10,
        key("node_qdisc_current_queue_length", **labels): 1,
        key("node_qdisc_backlog", **labels): 2,
        key("node_qdisc_drops_total", **labels): 3,
        key("node_qdisc_requeues_total", **labels): 4,
        key("node_qdisc_overlimits_total", **labels): 5,
    }


def test_routes_of_the_main_table_are_listed_and_counted_by_hop() -> None:
    target = attribute(1, socket.inet_aton("10.1.2.0"))
    gateway = attribute(5, socket.inet_aton("10.0.0.1"))
    hop = struct.pack("=HBBi", 16, 0, 4, 1) + gateway
    gone = struct.pack("=HBBi", 8, 0, 0, 9)
    answers = [
        route(MAIN, UNICAST, target, gateway, attribute(4, struct.pack("=i", 0))),
        route(MAIN, UNICAST, attribute(9, hop + gone), attribute(6, struct.pack("=I", 7))),
        route(255, UNICAST, target),
        route(MAIN, 3, target),
    ]
    found = samples(Routes(Roots(), lambda: answers, device_name))
    common = {"src": "", "gw": "10.0.0.1", "proto": "static"}
    one = {"device": "eth0", "dest": "10.1.2.0/24", "priority": "0", "weight": "", **common}
    two = {"device": "eth1", "dest": "default", "priority": "7", "weight": "5", **common}
    assert found == {
        key("node_network_route_info", **one): 1,
        key("node_network_route_info", **two): 1,
        key("node_network_routes", device="eth0"): 1,
        key("node_network_routes", device="eth1"): 1,
    }


def test_connections_are_counted_by_state_with_their_queues() -> None:
    def message(state: int, received: int, sent: int) -> bytes:
        return struct.pack("=BBBB48xIII", 2, state, 0, 0, 0, received, sent)

    def sockets(family: int) -> list[bytes]:
        return [message(1, 5, 7), message(10, 1, 0)] if family == socket.AF_INET else []

    found = samples(TCPConnections(Roots(), sockets))
    name = "node_tcp_connection_states"
    assert found == {
        key(name, state="established"): 1,
        key(name, state="listen"): 1,
        key(name, state="rx_queued_bytes"): 6,
        key(name, state="tx_queued_bytes"): 7,
    }


@pytest.mark.parametrize(
    ("statistic", "name"),
    [
        ("rx_queue_0_bytes", "received_queue_0_bytes"),
        ("rx0_drops", "rx0_drops"),
        ("rx_xdp_tx", "received_xdp_transmitted"),
        ("tx_tx_timeouts", "transmitted_tx_timeouts"),
        (" packets: OK", "packets__ok"),
    ],
)
def test_statistics_of_drivers_have_node_exporters_names(statistic: str, name: str) -> None:
    assert metric_name(statistic) == name


def test_driver_that_refuses_a_command_loses_that_part_only(tmp_path: Path) -> None:
    (tmp_path / "class" / "net" / "eth0").mkdir(parents=True)

    def request(device: str, data: bytes) -> bytes:
        (command,) = struct.unpack_from("=I", data)
        if command == 0x01:
            raise OSError(errno.EOPNOTSUPP, "Operation not supported")
        if command == 0x03:
            texts = [text.ljust(32, b"\0") for text in (b"virtio", b"1", b"", b"0000:3", b"")]
            return struct.pack("=I32s32s32s32s32s12xIIIII", 3, *texts, 0, 1, 0, 0, 0)
        if command == 0x1B:
            return data[:12] + b"rx_drops".ljust(32, b"\0")
        return data[:8] + struct.pack("=Q", 42)

    found = samples(NetworkDrivers(Roots(sys=str(tmp_path)), request=request))
    assert found[key("node_ethtool_received_drops", device="eth0")] == 42
    assert not [one for one in found if one[0].startswith("node_network_")]
    labels = {"bus_info": "0000:3", "driver": "virtio", "version": "1"}
    empty = {"expansion_rom_version": "", "firmware_version": ""}
    assert found[key("node_ethtool_info", device="eth0", **labels, **empty)] == 1


@given(data=st.binary(max_size=200))
def test_garbled_attributes_end_the_list(data: bytes) -> None:
    found = attributes(data)
    assert sum(len(value) for value in found.values()) <= len(data)


def test_kernel_that_refuses_a_dump_is_an_error() -> None:
    def first(messages: Iterator[bytes]) -> bytes:
        return next(messages)

    with pytest.raises(OSError, match=r"Operation not supported|Invalid argument"):
        first(dump(0, 9999, bytes(20)))
