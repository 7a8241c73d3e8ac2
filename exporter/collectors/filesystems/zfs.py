"""ZFS: the statistics of the kernel module, of pools and of datasets.

Source: OpenZFS's module/zfs and module/os/linux/spl/spl-kstat.c.
"""

import re
from collections.abc import Iterable, Iterator

from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily, UntypedFamily
from exporter.roots import Roots, list_names, read_text, read_value

# File of the module -> beginning of the metric names.
_FILES = {
    "abdstats": "abd",
    "arcstats": "arc",
    "dbufstats": "dbuf",
    "dmu_tx": "dmu_tx",
    "dnodestats": "dnode",
    "fm": "fm",
    "vdev_cache_stats": "vdev_cache",
    "vdev_mirror_stats": "vdev_mirror",
    "xuio_stats": "xuio",
    "zfetchstats": "zfetch",
    "zil": "zil",
}
_NUMBER_TYPES = ("3", "4")  # KSTAT_DATA_INT64 and KSTAT_DATA_UINT64.
_POOL_STATES = ("online", "degraded", "faulted", "offline", "removed", "unavail", "suspended")
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_]")
_OBJSET = re.compile(r"objset-0x[0-9a-f]+|objset-[0-9a-f]+")


class ZFS:
    """Reads `spl/kstat/zfs`."""

    name = "zfs"

    def __init__(self, roots: Roots) -> None:
        self._directory = f"{roots.proc}/spl/kstat/zfs"

    def collect(self) -> Iterable[Family]:
        """Return one untyped family per statistic, and the state of each pool."""
        names = list_names(self._directory)
        if not names:
            raise NoDataError("no ZFS")
        families = [
            UntypedFamily(
                f"node_zfs_{prefix}_{_cleaned(name)}", f"kstat.zfs.misc.{file}.{name}", value
            )
            for file, prefix in _FILES.items()
            if file in names
            for name, value in _statistics(_lines(f"{self._directory}/{file}"))
        ]
        pools = [
            name for name in names if name not in _FILES and list_names(f"{self._directory}/{name}")
        ]
        return [*families, *self._pools(pools)]

    def _pools(self, pools: list[str]) -> Iterable[Family]:
        state = GaugeFamily(
            "node_zfs_zpool_state", "kstat.zfs.misc.state", labels=("zpool", "state")
        )
        families: dict[str, Family] = {}
        for pool in pools:
            directory = f"{self._directory}/{pool}"
            for name, value in _table(_lines(f"{directory}/io")):
                _add(families, "zpool", "io", name, {"zpool": pool}, value)
            for file in list_names(directory):
                if _OBJSET.fullmatch(file):
                    lines = _lines(f"{directory}/{file}")
                    labels = {"zpool": pool, "dataset": _dataset(lines)}
                    for name, value in _statistics(lines):
                        _add(families, "zpool_dataset", "objset", name, labels, value)
            current = (read_value(f"{directory}/state") or "").lower()
            if current:
                for one in _POOL_STATES:
                    state.add((pool, one), one == current)
        return [*families.values(), state]


def _add(
    families: dict[str, Family],
    prefix: str,
    source: str,
    name: str,
    labels: dict[str, str],
    value: int,
) -> None:
    metric = f"node_zfs_{prefix}_{_cleaned(name)}"
    if metric not in families:
        families[metric] = UntypedFamily(
            metric, f"kstat.zfs.misc.{source}.{name}", labels=tuple(labels)
        )
    families[metric].add(labels.values(), value)


def _statistics(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Yield the numbers of a file with a header and lines of name, type and value."""
    for line in lines[2:]:
        parts = line.split()
        if len(parts) == 3 and parts[1] in _NUMBER_TYPES:
            yield parts[0], int(parts[2])


def _table(lines: list[str]) -> Iterator[tuple[str, int]]:
    """Yield the numbers of a file with a line of names and one of numbers below its header."""
    if len(lines) >= 3:
        for name, value in zip(lines[1].split(), lines[2].split()):
            yield name, int(value)


def _dataset(lines: list[str]) -> str:
    for line in lines:
        if line.startswith("dataset_name "):
            return line.split(maxsplit=2)[2].strip()
    return ""


def _lines(path: str) -> list[str]:
    try:
        return read_text(path).splitlines()
    except OSError:
        return []


def _cleaned(name: str) -> str:
    return _NOT_IN_A_NAME.sub("_", name)
