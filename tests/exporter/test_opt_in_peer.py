"""Compares collectors that are off by default with node_exporter's, here and on its own trees."""

import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.exporter.expositions import ComparedScrape, compare, shown
from benchmarks.exporter.left_out import OF_ITS_OWN
from exporter.collector_options import CollectorOptions
from exporter.gathering import catalogue
from exporter.gathering.gatherer import Gatherer
from exporter.roots import Roots
from exporter.serving.encoding import Encoder
from exporter.settings import ExporterSettings
from model.clock import system_clock
from tests.exporter.running_peer import answer_of_node_exporter
from tests.exporter.test_field_tree import FIELD
from tests.programs import skip_before_version

pytestmark = [pytest.mark.peer, pytest.mark.slow]

ON_THE_TREE = (
    *("buddyinfo", "cgroups", "interrupts", "ksmd", "lnstat", "meminfo_numa"),
    *("mountstats", "slabinfo", "softirqs", "swap", "sysctl", "xfrm", "zoneinfo"),
)
ON_THIS_HOST = ("cgroups", "cpu_vulnerabilities", "ethtool", "network_route", "qdisc", "tcpstat")
SYSCTL = ("fs.file-nr:total,current,max", "fs.file-nr", "kernel.threads-max")
# Values that change from one scrape to the next.
CHANGING = {"node_tcp_connection_states", "node_qdisc_bytes_total", "node_qdisc_packets_total"}


def their_answer(names: Sequence[str], *arguments: str) -> ComparedScrape:
    skip_before_version("prometheus-node-exporter", (1, 11, 0))
    chosen = [f"--collector.{name}" for name in names]
    with answer_of_node_exporter("--collector.disable-defaults", *chosen, *arguments) as text:
        return ComparedScrape.parse(text)


def our_answer(names: Sequence[str], roots: Roots, options: CollectorOptions) -> ComparedScrape:
    settings = ExporterSettings(
        roots=roots, defaults=False, enabled=frozenset(names), options=options
    )
    gatherer = Gatherer(catalogue.build(settings, system_clock), 60)
    return ComparedScrape.parse(Encoder().encode(gatherer.gather(), "", "").body.decode())


@pytest.mark.skipif(not FIELD.exists(), reason="the recorded trees are not here")
def test_collectors_off_by_default_report_the_same_on_the_recorded_trees(tmp_path: Path) -> None:
    with tarfile.open(FIELD / "fixtures.tar.xz") as archive:
        archive.extractall(tmp_path, filter="tar")
    roots = Roots(str(tmp_path / "proc"), str(tmp_path / "sys"), str(tmp_path))
    info = "kernel.seccomp.actions_avail"
    options = CollectorOptions({"sysctl.include": SYSCTL, "sysctl.include-info": (info,)})
    ours = our_answer(ON_THE_TREE, roots, options)
    arguments = [f"--collector.sysctl.include={one}" for one in SYSCTL]
    theirs = their_answer(
        ON_THE_TREE,
        f"--path.procfs={roots.proc}",
        f"--path.sysfs={roots.sys}",
        f"--collector.sysctl.include-info={info}",
        *arguments,
    )
    assert len(theirs.values) > 600
    found = compare(ours, theirs, OF_ITS_OWN)
    assert [shown(key) for key in found.missing] == []
    assert {shown(key): values for key, values in found.values.items()} == {}
    assert (found.types, found.helps) == ({}, {})


def test_collectors_off_by_default_report_the_same_on_this_host() -> None:
    ours = our_answer(ON_THIS_HOST, Roots(), CollectorOptions())
    theirs = their_answer(ON_THIS_HOST)
    found = compare(ours, theirs, OF_ITS_OWN)
    # A state that few connections are in may come and go; drivers count meanwhile.
    missing = [shown(key) for key in found.missing if key[0] != "node_tcp_connection_states"]
    assert missing == []
    moving = {key for key in found.values if key[0] in CHANGING or "ethtool" in key[0]}
    assert {shown(key) for key in found.values.keys() - moving} == set()
    assert (found.types, found.helps) == ({}, {})
