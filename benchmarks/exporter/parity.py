"""Lists where our series differ from those of node_exporter, here and on recorded trees."""

import sys
import tarfile
import time
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.exporter.cost import OURS, PEER, node_exporter_path, upstream_defaults
from benchmarks.exporter.expositions import ComparedScrape, Differences, SeriesKey, compare, shown
from benchmarks.exporter.left_out import OF_ITS_OWN, ON_PURPOSE
from benchmarks.harness.processes import BenchmarkError, Child, work_directory

# The trees of node_exporter's own end-to-end test.
TREES = Path(__file__).parents[3] / "shared" / "field" / "node_exporter" / "fixtures.tar.xz"
MOST_LEFT_OUT = 20
# Off by default in node_exporter, and read files of /proc and /sys.
_OF_FILES = (
    *("buddyinfo", "cgroups", "interrupts", "ksmd", "lnstat", "meminfo_numa", "mountstats"),
    *("processes", "slabinfo", "softirqs", "swap", "sysctl", "xfrm", "zoneinfo"),
)
# They ask the running kernel.
_OF_THE_KERNEL = ("cpu_vulnerabilities", "ethtool", "network_route", "qdisc", "tcpstat")
# A value is the same if it lies between those of node_exporter before and after, or near them.
_NEAR = 0.05
_PAUSE_S = 0.5
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What a reason explains: how many series are missing, and how many have another value."""

    reason: str
    missing: int
    values: int


@dataclass(frozen=True, slots=True)
class Parity:
    """How far our exposition is that of node_exporter.

    Attributes:
        series: how many series node_exporter has, without its own.
        missing, types, helps, values: a line for each difference without a reason.
        left_out: by the beginning of the names, the differences with a reason.
    """

    series: int
    missing: list[str]
    types: list[str]
    helps: list[str]
    values: list[str]
    left_out: dict[str, LeftOut]

    @property
    def holds(self) -> bool:
        """Whether each difference has a reason, and few series are missing."""
        missing = sum(one.missing for one in self.left_out.values())
        return missing <= MOST_LEFT_OUT and not any(
            (self.missing, self.types, self.helps, self.values)
        )


def on_this_host(ports: tuple[int, int]) -> Parity:
    """Compare both exporters of this host, with collectors that are off by default too.

    Raises:
        BenchmarkError: node_exporter is not installed.
    """
    return _parity([f"--collector.{name}" for name in (*_OF_FILES, *_OF_THE_KERNEL)], ports)


def on_trees(archive: Path, ports: tuple[int, int]) -> Parity:
    """Compare both exporters on the trees of a host with all kinds of hardware.

    Args:
        archive: a tar file with the directories `proc`, `sys`, `udev/data` and `textfile`.
        ports: where both listen.

    Raises:
        BenchmarkError: node_exporter is not installed.
    """
    with work_directory() as tree, tarfile.open(archive) as packed:
        packed.extractall(tree, filter="tar")
        return _parity(
            [
                *(f"--path.procfs={tree}/proc", f"--path.sysfs={tree}/sys"),
                *(f"--path.rootfs={tree}", f"--path.udev.data={tree}/udev/data"),
                f"--collector.textfile.directory={tree}/textfile/two_metric_files",
                # By default they ask the running kernel instead of reading the tree.
                *("--no-collector.arp.netlink", "--no-collector.netdev.netlink"),
                *(f"--collector.{name}" for name in _OF_FILES),
                "--collector.sysctl.include=fs.file-nr:total,current,max",
                "--collector.sysctl.include=kernel.threads-max",
                "--collector.sysctl.include-info=kernel.seccomp.actions_avail",
            ],
            ports,
        )


def _parity(arguments: Sequence[str], ports: tuple[int, int]) -> Parity:
    """Compare both exporters, started with the same options of node_exporter."""
    peer = node_exporter_path()
    if peer is None:
        raise BenchmarkError("node_exporter is not in PATH")
    ours_at, theirs_at = (f"127.0.0.1:{port}" for port in ports)
    commands = {
        OURS: [sys.executable, "-m", "exporter", f"--web.listen-address={ours_at}", *arguments],
        PEER: [peer, f"--web.listen-address={theirs_at}", *upstream_defaults(), *arguments],
    }
    urls = [f"http://{address}/metrics" for address in (ours_at, theirs_at)]
    with ExitStack() as running:
        directory = running.enter_context(work_directory())
        for (name, command), url in zip(commands.items(), urls, strict=True):
            running.enter_context(Child(name, command, directory, url))
        far: list[dict[SeriesKey, str]] = []
        for _ in range(_ROUNDS):
            before = _scrape(urls[1])
            time.sleep(_PAUSE_S)
            ours = _scrape(urls[0])
            time.sleep(_PAUSE_S)
            after = _scrape(urls[1])
            found = compare(ours, before, OF_ITS_OWN)
            far.append(dict(_far(found.values, after.values)))
    # A value of a busy host may peak between the two scrapes of node_exporter once.
    always = set.intersection(*(set(one) for one in far))
    return _report(
        before,
        found,
        # A series that ends meanwhile is not missing.
        [key for key in found.missing if key in after.values],
        {key: line for key, line in far[-1].items() if key in always},
    )


def _report(
    theirs: ComparedScrape,
    found: Differences,
    missing: Sequence[SeriesKey],
    values: Mapping[SeriesKey, str],
) -> Parity:
    """Divide the differences into those with and those without a reason."""
    explained = {
        prefix: LeftOut(
            reason,
            missing=sum(name.startswith(prefix) for name, _ in missing),
            values=sum(name.startswith(prefix) for name, _ in values),
        )
        for prefix, reason in ON_PURPOSE.items()
    }
    prefixes = tuple(ON_PURPOSE)
    return Parity(
        series=sum(not name.startswith(tuple(OF_ITS_OWN)) for name, _ in theirs.values),
        missing=[shown(key) for key in missing if not key[0].startswith(prefixes)],
        types=[f"{name}: {one}, ours {other}" for name, (one, other) in found.types.items()],
        helps=[f"{name}: {one!r}, ours {other!r}" for name, (one, other) in found.helps.items()],
        values=sorted(line for key, line in values.items() if not key[0].startswith(prefixes)),
        left_out={prefix: one for prefix, one in explained.items() if one.missing or one.values},
    )


def _far(
    values: Mapping[SeriesKey, tuple[float, float]], after: Mapping[SeriesKey, float]
) -> Iterable[tuple[SeriesKey, str]]:
    """Yield each series that is far from node_exporter's values, with a line about it.

    Args:
        values: by series, node_exporter's value before our scrape, and ours.
        after: node_exporter's values after our scrape.
    """
    for key, (before, ours) in values.items():
        later = after.get(key, before)
        ends = sorted((before, later))
        margin = max(_NEAR * max(map(abs, ends)), ends[1] - ends[0])
        if not ends[0] - margin <= ours <= ends[1] + margin:
            yield key, f"{shown(key)}: {before} to {later}, ours {ours}"


def _scrape(url: str) -> ComparedScrape:
    with urllib.request.urlopen(url, timeout=60) as answer:
        return ComparedScrape.parse(answer.read().decode())
