"""Compares our exposition with that of node_exporter on the same host."""

import math
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.collector_options import (
    DISKS,
    FILESYSTEM_TYPES,
    MISSING_COLLECTORS,
    MOUNT_POINTS,
)
from exporter.command import exporter
from exporter.settings import ExporterSettings
from tests.exporter.command_runner import ended
from tests.exporter.exporter_client import Client, Serve
from tests.exporter.running_peer import answer_of_node_exporter
from tests.programs import node_exporter, skip_before_version

pytestmark = pytest.mark.peer

# The peer's own metrics, and those of its runtime.
OTHERS = ("go_", "promhttp_", "process_", "node_exporter_", "node_scrape_")
# Metrics that node_exporter has and we do not (see docs/exporter.md). The states of
# threads would cost one file per thread.
LEFT_OUT = tuple(
    f"node_{name}"
    for name in (
        "filesystem_purgeable_bytes",
        "processes_threads_state",
    )
)
# Values that do not change between the two scrapes. Without node_filesystem_readonly:
# node_exporter 1.11 reports 0 for file systems that are mounted read-only. Without
# node_disk_info: its label `rotational` is 0 there for kernels that lack `queue/io_timeout`.
STABLE = {
    "node_boot_time_seconds",
    "node_entropy_pool_size_bits",
    "node_filefd_maximum",
    "node_filesystem_device_error",
    "node_filesystem_files",
    "node_filesystem_size_bytes",
    "node_memory_CommitLimit_bytes",
    "node_memory_Hugepagesize_bytes",
    "node_memory_MemTotal_bytes",
    "node_memory_SwapTotal_bytes",
    "node_memory_VmallocTotal_bytes",
    "node_netstat_Ip_Forwarding",
    "node_network_address_assign_type",
    "node_network_carrier_changes_total",
    "node_network_flags",
    "node_network_iface_id",
    "node_network_info",
    "node_network_mtu_bytes",
    "node_network_protocol_type",
    "node_network_transmit_queue_length",
    "node_network_up",
    "node_nf_conntrack_entries_limit",
    "node_os_info",
    "node_os_version",
    "node_time_clocksource_available_info",
    "node_time_clocksource_current_info",
    "node_time_zone_offset_seconds",
    "node_timex_loop_time_constant",
    "node_timex_sync_status",
    "node_timex_tick_seconds",
    "node_uname_info",
}
# Families with constant label sets and changing values.
SAME_SERIES = {
    "node_cpu_seconds",
    "node_cpu_guest_seconds",
    "node_disk_io_now",
    "node_disk_read_bytes",
    "node_disk_written_bytes",
    "node_filesystem_avail_bytes",
    "node_network_receive_bytes",
    "node_network_transmit_packets",
    "node_softnet_processed",
    "node_udp_queues",
}

# Labels that node_exporter has in its newer versions only.
NEWER_LABELS = {"adminstate", "device_error", "rotational"}

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@dataclass(frozen=True, slots=True)
class Pair:
    ours: dict[str, Metric]
    theirs: dict[str, Metric]

    def both(self) -> list[tuple[Metric, Metric]]:
        return [(self.ours[name], self.theirs[name]) for name in self.ours.keys() & self.theirs]


def parsed(text: str) -> dict[str, Metric]:
    return {family.name: family for family in parse_text(text)}


def series(family: Metric) -> Series:
    """Return the values by series. To a scraper, an empty label is an absent one."""
    return {
        (s.name, tuple(sorted((k, v) for k, v in s.labels.items() if v))): s.value
        for s in family.samples
    }


def label_names(family: Metric) -> set[str]:
    return {name for _, labels in series(family) for name, _ in labels}


@pytest.fixture
def node_exporter_text(tmp_path: Path) -> Iterator[str]:
    """An exposition of node_exporter, with upstream's defaults where Debian's differ."""
    with answer_of_node_exporter(
        f"--collector.filesystem.mount-points-exclude={MOUNT_POINTS}",
        f"--collector.filesystem.fs-types-exclude={FILESYSTEM_TYPES}",
        f"--collector.diskstats.device-exclude={DISKS}",
        "--collector.netdev.device-exclude=^$",
        "--collector.processes",
        "--no-collector.systemd",
        f"--collector.textfile.directory={tmp_path}",
    ) as text:
        yield text


@pytest.fixture
def pair(serve: Serve, tmp_path: Path, node_exporter_text: str) -> Pair:
    settings = ExporterSettings(listen="127.0.0.1:0", textfile_directories=(str(tmp_path),))
    client: Client = serve(settings)
    ours = parsed(client.get("/metrics").text)
    missing = {label for label in NEWER_LABELS if f'{label}="' not in node_exporter_text}
    for family in ours.values():
        for sample in family.samples:
            for label in missing & sample.labels.keys():
                del sample.labels[label]
    return Pair(ours, parsed(node_exporter_text))


def test_every_family_of_node_exporter_is_present(pair: Pair) -> None:
    missing = {
        name
        for name in pair.theirs.keys() - pair.ours.keys()
        if not name.startswith((*OTHERS, *LEFT_OUT))
        # It reports -1 Mbit/s if the driver does not know the speed.
        and any(sample.value >= 0 for sample in pair.theirs[name].samples)
    }
    assert missing == set()


def test_families_have_the_same_type_and_label_names(pair: Pair) -> None:
    for ours, theirs in pair.both():
        if theirs.name.startswith("process_"):
            continue
        assert ours.type == theirs.type, theirs.name
        assert label_names(ours) == label_names(theirs), theirs.name


def test_families_have_the_same_help(pair: Pair) -> None:
    for ours, theirs in pair.both():
        if not theirs.name.startswith(OTHERS):
            assert ours.documentation == theirs.documentation, theirs.name


def test_stable_values_are_equal(pair: Pair) -> None:
    compared = STABLE & pair.theirs.keys()
    assert len(compared) > 20
    for name in compared:
        assert series(pair.ours[name]) == series(pair.theirs[name]), name


def test_label_sets_of_changing_values_are_the_same(pair: Pair) -> None:
    for name in SAME_SERIES & pair.theirs.keys():
        assert series(pair.ours[name]).keys() == series(pair.theirs[name]).keys(), name


def test_counters_are_close(pair: Pair) -> None:
    """In two scrapes within a second or so, close counters show that the unit is right."""
    for ours, theirs in pair.both():
        if ours.type != "counter" or ours.name.startswith(OTHERS):
            continue
        values = series(ours)
        for key, value in series(theirs).items():
            assert math.isclose(values[key], value, rel_tol=0.2, abs_tol=1e6), key


def test_every_option_of_node_exporter_is_accepted_or_refused_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Earlier versions have fewer options, and some that are gone.
    skip_before_version("prometheus-node-exporter", (1, 11, 0))
    monkeypatch.setattr("exporter.command._serve", lambda *_: None)
    shown = subprocess.run([node_exporter(), "--help"], capture_output=True, text=True)
    options = re.findall(r"^ {6}(--[\w.-]+)(=\S*)?", shown.stdout + shown.stderr, re.MULTILINE)
    assert len(options) > 150
    values = {"--log.level": "info", "--log.format": "json", "--web.listen-address": ":1"}
    values |= {"--collector.ipvs.backend-labels": "proto"}
    for flag, has_value in options:
        argument = f"{flag}={values.get(flag, '1')}" if has_value else flag
        result = ended(exporter, argument)
        refused = result.status != 0
        missing = flag.removeprefix("--collector.") in MISSING_COLLECTORS
        assert not refused or f"{flag} is not supported: " in result.output, result.output
        if missing:
            assert ended(exporter, flag.replace("--", "--no-", 1)).status == 0
