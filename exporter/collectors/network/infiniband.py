"""InfiniBand ports: state, rate and counters.

Source: the kernel's Documentation/ABI/stable/sysfs-class-infiniband.
"""

import re
from collections.abc import Iterable, Iterator

from exporter.collectors.number_files import NumberFile, NumberFiles
from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_number, read_value

# Counters of data are in units of four bytes.
_WORD = 1 / 4
_BITS_PER_GIGABIT = 1e9
_FILES = (
    NumberFile(
        "counters_ext/port_multicast_rcv_packets",
        "node_infiniband_legacy_multicast_packets_received_total",
        "Number of multicast packets received",
    ),
    NumberFile(
        "counters_ext/port_multicast_xmit_packets",
        "node_infiniband_legacy_multicast_packets_transmitted_total",
        "Number of multicast packets transmitted",
    ),
    NumberFile(
        "counters_ext/port_rcv_data_64",
        "node_infiniband_legacy_data_received_bytes_total",
        "Number of data octets received on all links",
        _WORD,
    ),
    NumberFile(
        "counters_ext/port_rcv_packets_64",
        "node_infiniband_legacy_packets_received_total",
        "Number of data packets received on all links",
    ),
    NumberFile(
        "counters_ext/port_unicast_rcv_packets",
        "node_infiniband_legacy_unicast_packets_received_total",
        "Number of unicast packets received",
    ),
    NumberFile(
        "counters_ext/port_unicast_xmit_packets",
        "node_infiniband_legacy_unicast_packets_transmitted_total",
        "Number of unicast packets transmitted",
    ),
    NumberFile(
        "counters_ext/port_xmit_data_64",
        "node_infiniband_legacy_data_transmitted_bytes_total",
        "Number of data octets transmitted on all links",
        _WORD,
    ),
    NumberFile(
        "counters_ext/port_xmit_packets_64",
        "node_infiniband_legacy_packets_transmitted_total",
        "Number of data packets received on all links",
    ),
    NumberFile(
        "counters/excessive_buffer_overrun_errors",
        "node_infiniband_excessive_buffer_overrun_errors_total",
        "Number of times that OverrunErrors consecutive flow control update periods "
        "occurred, each having at least one overrun error.",
    ),
    NumberFile(
        "counters/link_downed",
        "node_infiniband_link_downed_total",
        "Number of times the link failed to recover from an error state and went down",
    ),
    NumberFile(
        "counters/link_error_recovery",
        "node_infiniband_link_error_recovery_total",
        "Number of times the link successfully recovered from an error state",
    ),
    NumberFile(
        "counters/local_link_integrity_errors",
        "node_infiniband_local_link_integrity_errors_total",
        "Number of times that the count of local physical errors exceeded the "
        "threshold specified by LocalPhyErrors.",
    ),
    NumberFile(
        "counters/multicast_rcv_packets",
        "node_infiniband_multicast_packets_received_total",
        "Number of multicast packets received (including errors)",
    ),
    NumberFile(
        "counters/multicast_xmit_packets",
        "node_infiniband_multicast_packets_transmitted_total",
        "Number of multicast packets transmitted (including errors)",
    ),
    NumberFile(
        "counters/port_rcv_constraint_errors",
        "node_infiniband_port_constraint_errors_received_total",
        "Number of packets received on the switch physical port that are discarded",
    ),
    NumberFile(
        "counters/port_xmit_constraint_errors",
        "node_infiniband_port_constraint_errors_transmitted_total",
        "Number of packets not transmitted from the switch physical port",
    ),
    NumberFile(
        "counters/port_rcv_data",
        "node_infiniband_port_data_received_bytes_total",
        "Number of data octets received on all links",
        _WORD,
    ),
    NumberFile(
        "counters/port_xmit_data",
        "node_infiniband_port_data_transmitted_bytes_total",
        "Number of data octets transmitted on all links",
        _WORD,
    ),
    NumberFile(
        "counters/port_rcv_discards",
        "node_infiniband_port_discards_received_total",
        ("Number of inbound packets discarded by the port because the port is down or congested"),
    ),
    NumberFile(
        "counters/port_xmit_discards",
        "node_infiniband_port_discards_transmitted_total",
        ("Number of outbound packets discarded by the port because the port is down or congested"),
    ),
    NumberFile(
        "counters/port_rcv_errors",
        "node_infiniband_port_errors_received_total",
        "Number of packets containing an error that were received on this port",
    ),
    NumberFile(
        "counters/port_rcv_packets",
        "node_infiniband_port_packets_received_total",
        "Number of packets received on all VLs by this port (including errors)",
    ),
    NumberFile(
        "counters/port_xmit_packets",
        "node_infiniband_port_packets_transmitted_total",
        "Number of packets transmitted on all VLs from this port (including errors)",
    ),
    NumberFile(
        "counters/port_rcv_remote_physical_errors",
        "node_infiniband_port_receive_remote_physical_errors_total",
        "Number of packets marked with the EBP (End of Bad Packet) delimiter received on the port.",
    ),
    NumberFile(
        "counters/port_rcv_switch_relay_errors",
        "node_infiniband_port_receive_switch_relay_errors_total",
        "Number of packets that could not be forwarded by the switch.",
    ),
    NumberFile(
        "counters/port_xmit_wait",
        "node_infiniband_port_transmit_wait_total",
        (
            "Number of ticks during which the port had data to transmit but no data "
            "was sent during the entire tick"
        ),
    ),
    NumberFile(
        "counters/symbol_error",
        "node_infiniband_symbol_error_total",
        "Number of minor link errors detected on one or more physical lanes.",
    ),
    NumberFile(
        "counters/unicast_rcv_packets",
        "node_infiniband_unicast_packets_received_total",
        "Number of unicast packets received (including errors)",
    ),
    NumberFile(
        "counters/unicast_xmit_packets",
        "node_infiniband_unicast_packets_transmitted_total",
        "Number of unicast packets transmitted (including errors)",
    ),
    NumberFile(
        "counters/VL15_dropped",
        "node_infiniband_vl15_dropped_total",
        "Number of incoming VL15 packets dropped due to resource limitations.",
    ),
)
_STATES = {
    "state": (
        "node_infiniband_state_id",
        (
            "State of the InfiniBand port (0: no change, 1: down, 2: init, 3: armed, "
            "4: active, 5: act defer)"
        ),
    ),
    "phys_state": (
        "node_infiniband_physical_state_id",
        (
            "Physical state of the InfiniBand port (0: no change, 1: sleep, 2: "
            "polling, 3: disable, 4: shift, 5: link up, 6: link error recover, 7: "
            "phytest)"
        ),
    ),
}
_RATE = re.compile(r"([0-9.]+) Gb/sec")


class InfiniBand:
    """Reads `class/infiniband`."""

    name = "infiniband"

    def __init__(self, roots: Roots) -> None:
        self._class = f"{roots.sys}/class/infiniband"
        self._files = NumberFiles(_FILES, ("device", "port"), read_number)

    def collect(self) -> Iterable[Family]:
        """Return the devices, and state, rate and counters by port."""
        devices = list_names(self._class)
        if not devices:
            raise NoDataError("no InfiniBand device")
        info = GaugeFamily(
            "node_infiniband_info",
            "Non-numeric data from /sys/class/infiniband/<device>, value is always 1.",
            labels=("device", "board_id", "firmware_version", "hca_type"),
        )
        for device in devices:
            texts = (
                read_value(f"{self._class}/{device}/{file}") or ""
                for file in ("board_id", "fw_ver", "hca_type")
            )
            info.add((device, *texts), 1)
        ports = list(self._ports(devices))
        return [info, *_states(ports), *self._files.families(ports)]

    def _ports(self, devices: list[str]) -> Iterator[tuple[tuple[str, str], str]]:
        for device in devices:
            for port in list_names(f"{self._class}/{device}/ports"):
                yield (device, port), f"{self._class}/{device}/ports/{port}"


def _states(ports: list[tuple[tuple[str, str], str]]) -> Iterator[Family]:
    """Yield the states, whose files have a number and a name, and the rate."""
    labels = ("device", "port")
    rate = GaugeFamily(
        "node_infiniband_rate_bytes_per_second", "Maximum signal transfer rate", labels=labels
    )
    for file, known in _STATES.items():
        family = GaugeFamily(*known, labels=labels)
        for values, directory in ports:
            number = (read_value(f"{directory}/{file}") or "").partition(":")[0]
            if number.isdecimal():
                family.add(values, int(number))
        yield family
    for values, directory in ports:
        if match := _RATE.match(read_value(f"{directory}/rate") or ""):
            rate.add(values, float(match[1]) * _BITS_PER_GIGABIT / 8)
    yield rate
