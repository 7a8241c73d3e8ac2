"""Fibre Channel ports: state, speed and counters.

Source: the kernel's drivers/scsi/scsi_transport_fc.c.
"""

from __future__ import annotations

from collections.abc import Iterable

from exporter.collectors.number_files import NumberFile, NumberFiles
from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_number, read_value

_FILES = (
    NumberFile("dumped_frames", "node_fibrechannel_dumped_frames_total", "Number of dumped frames"),
    NumberFile(
        "error_frames", "node_fibrechannel_error_frames_total", "Number of errors in frames"
    ),
    NumberFile(
        "invalid_crc_count",
        "node_fibrechannel_invalid_crc_total",
        "Invalid Cyclic Redundancy Check count",
    ),
    NumberFile("rx_frames", "node_fibrechannel_rx_frames_total", "Number of frames received"),
    NumberFile(
        "rx_words", "node_fibrechannel_rx_words_total", "Number of words received by host port"
    ),
    NumberFile(
        "tx_frames",
        "node_fibrechannel_tx_frames_total",
        "Number of frames transmitted by host port",
    ),
    NumberFile(
        "tx_words", "node_fibrechannel_tx_words_total", "Number of words transmitted by host port"
    ),
    NumberFile(
        "seconds_since_last_reset",
        "node_fibrechannel_seconds_since_last_reset_total",
        "Number of seconds since last host port reset",
    ),
    NumberFile(
        "invalid_tx_word_count",
        "node_fibrechannel_invalid_tx_words_total",
        "Number of invalid words transmitted by host port",
    ),
    NumberFile(
        "link_failure_count",
        "node_fibrechannel_link_failure_total",
        "Number of times the host port link has failed",
    ),
    NumberFile(
        "loss_of_sync_count",
        "node_fibrechannel_loss_of_sync_total",
        "Number of failures on either bit or transmission word boundaries",
    ),
    NumberFile(
        "loss_of_signal_count",
        "node_fibrechannel_loss_of_signal_total",
        "Number of times signal has been lost",
    ),
    NumberFile(
        "nos_count",
        "node_fibrechannel_nos_total",
        "Number Not_Operational Primitive Sequence received by host port",
    ),
    NumberFile(
        "fcp_packet_aborts",
        "node_fibrechannel_fcp_packet_aborts_total",
        "Number of aborted packets",
    ),
)
_TEXTS = (
    "speed",
    "port_state",
    "port_type",
    "port_id",
    "port_name",
    "fabric_name",
    "symbolic_name",
    "supported_classes",
    "supported_speeds",
    "dev_loss_tmo",
)
# A counter that the driver does not keep.
_UNKNOWN = 0xFFFFFFFFFFFFFFFF


class FibreChannel:
    """Reads `class/fc_host`."""

    name = "fibrechannel"

    def __init__(self, roots: Roots) -> None:
        self._class = f"{roots.sys}/class/fc_host"
        self._files = NumberFiles(_FILES, ("fc_host",), _known_number)

    def collect(self) -> Iterable[Family]:
        """Return the counters and the texts, by port."""
        hosts = list_names(self._class)
        if not hosts:
            raise NoDataError("no Fibre Channel port")
        info = GaugeFamily(
            "node_fibrechannel_info",
            "Non-numeric data from /sys/class/fc_host/<host>, value is always 1.",
            labels=("fc_host", *_TEXTS),
        )
        for host in hosts:
            info.add((host, *(self._text(host, name) for name in _TEXTS)), 1)
        ports = (((host,), f"{self._class}/{host}/statistics") for host in hosts)
        return [info, *self._files.families(ports)]

    def _text(self, host: str, name: str) -> str:
        text = read_value(f"{self._class}/{host}/{name}") or ""
        # node_exporter has these numbers without their prefix.
        return text.removeprefix("0x") if name in ("port_id", "port_name", "fabric_name") else text


def _known_number(path: str) -> int | None:
    number = read_number(path)
    return None if number == _UNKNOWN else number
