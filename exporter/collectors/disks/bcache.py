"""Block devices that are cached on faster ones by bcache.

Source: the kernel's Documentation/admin-guide/bcache.rst.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from exporter.collectors.number_files import NumberFile, NumberFiles
from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_text, read_value

_CACHE_SET = (
    NumberFile(
        "average_key_size",
        "node_bcache_average_key_size_sectors",
        "Average data per key in the btree (sectors).",
    ),
    NumberFile(
        "btree_cache_size",
        "node_bcache_btree_cache_size_bytes",
        "Amount of memory currently used by the btree cache.",
    ),
    NumberFile(
        "cache_available_percent",
        "node_bcache_cache_available_percent",
        (
            "Percentage of cache device without dirty data, usable for writeback "
            "(may contain clean cached data)."
        ),
    ),
    NumberFile("congested", "node_bcache_congested", "Congestion."),
    NumberFile(
        "root_usage_percent",
        "node_bcache_root_usage_percent",
        "Percentage of the root btree node in use (tree depth increases if too high).",
    ),
    NumberFile("tree_depth", "node_bcache_tree_depth", "Depth of the btree."),
    NumberFile(
        "internal/active_journal_entries",
        "node_bcache_active_journal_entries",
        "Number of journal entries that are newer than the index.",
    ),
    NumberFile("internal/btree_nodes", "node_bcache_btree_nodes", "Total nodes in the btree."),
    # The file's name says microseconds, its numbers are nanoseconds.
    NumberFile(
        "internal/btree_read_average_duration_us",
        "node_bcache_btree_read_average_duration_seconds",
        "Average btree read duration.",
        1e9,
    ),
    NumberFile(
        "internal/cache_read_races",
        "node_bcache_cache_read_races_total",
        (
            "Counts instances where while data was being read from the cache, the "
            "bucket was reused and invalidated - i.e. where the pointer was stale "
            "after the read completed."
        ),
    ),
)
_BACKING_DEVICE = (
    NumberFile(
        "dirty_data",
        "node_bcache_dirty_data_bytes",
        "Amount of dirty data for this backing device in the cache.",
    ),
    NumberFile(
        "stats_total/bypassed",
        "node_bcache_bypassed_bytes_total",
        "Amount of IO (both reads and writes) that has bypassed the cache.",
    ),
    NumberFile(
        "stats_total/cache_hits",
        "node_bcache_cache_hits_total",
        "Hits counted per individual IO as bcache sees them.",
    ),
    NumberFile(
        "stats_total/cache_misses",
        "node_bcache_cache_misses_total",
        "Misses counted per individual IO as bcache sees them.",
    ),
    NumberFile(
        "stats_total/cache_bypass_hits",
        "node_bcache_cache_bypass_hits_total",
        "Hits for IO intended to skip the cache.",
    ),
    NumberFile(
        "stats_total/cache_bypass_misses",
        "node_bcache_cache_bypass_misses_total",
        "Misses for IO intended to skip the cache.",
    ),
    NumberFile(
        "stats_total/cache_miss_collisions",
        "node_bcache_cache_miss_collisions_total",
        ("Instances where data insertion from cache miss raced with write (data already present)."),
    ),
    NumberFile(
        "stats_total/cache_readaheads",
        "node_bcache_cache_readaheads_total",
        "Count of times readahead occurred.",
    ),
)
_CACHE_DEVICE = (
    NumberFile(
        "io_errors",
        "node_bcache_io_errors",
        "Number of errors that have occurred, decayed by io_error_halflife.",
    ),
    NumberFile(
        "metadata_written",
        "node_bcache_metadata_written_bytes_total",
        "Sum of all non data writes (btree writes and all other metadata).",
    ),
    NumberFile(
        "written",
        "node_bcache_written_bytes_total",
        "Sum of all data that has been written to the cache.",
    ),
)
# Line of writeback_rate_debug -> metric.
_WRITEBACK = {
    "rate": (
        "node_bcache_writeback_rate",
        "Current writeback rate for this backing device in bytes.",
    ),
    "target": (
        "node_bcache_dirty_target_bytes",
        "Current dirty data target threshold for this backing device in bytes.",
    ),
    "proportional": (
        "node_bcache_writeback_rate_proportional_term",
        "Current result of proportional controller, part of writeback rate",
    ),
    "integral": (
        "node_bcache_writeback_rate_integral_term",
        "Current result of integral controller, part of writeback rate",
    ),
    "change": (
        "node_bcache_writeback_change",
        "Last writeback rate change step for this backing device.",
    ),
}
# Line of priority_stats -> metric.
_PRIORITIES = {
    "Unused": (
        "node_bcache_priority_stats_unused_percent",
        "The percentage of the cache that doesn't contain any data.",
    ),
    "Metadata": ("node_bcache_priority_stats_metadata_percent", "Bcache's metadata overhead."),
}
_NUMBER = re.compile(r"(-?[0-9]+)(?:\.([0-9]))?[0-9]*\s*([kMGTPEZY]?)")
_POWERS: dict[str, int] = {unit: 1024**power for power, unit in enumerate(("", *"kMGTPEZY"))}


class Bcache:
    """Reads `fs/bcache`.

    Args:
        roots: where to read.
        priority_stats: whether to read how full caches are, for which the kernel sorts all of
            a cache's buckets.
    """

    name = "bcache"

    def __init__(self, roots: Roots, *, priority_stats: bool = False) -> None:
        self._directory = f"{roots.sys}/fs/bcache"
        self._priority_stats = priority_stats
        self._set = NumberFiles(_CACHE_SET, ("uuid",), _human_number)
        self._backing = NumberFiles(_BACKING_DEVICE, ("backing_device", "uuid"), _human_number)
        self._cache = NumberFiles(_CACHE_DEVICE, ("cache_device", "uuid"), _human_number)

    def collect(self) -> Iterable[Family]:
        """Return the state of cache sets, of their backing devices and cache devices."""
        sets = [name for name in list_names(self._directory) if "-" in name]
        if not sets:
            raise NoDataError("no bcache")
        backing = list(self._devices(sets, "bdev"))
        caches = list(self._devices(sets, "cache"))
        return [
            *self._set.families(((uuid,), f"{self._directory}/{uuid}") for uuid in sets),
            *self._backing.families(backing),
            *_lines(backing, "writeback_rate_debug", _WRITEBACK, "backing_device"),
            *self._cache.families(caches),
            *(
                _lines(caches, "priority_stats", _PRIORITIES, "cache_device")
                if self._priority_stats
                else ()
            ),
        ]

    def _devices(self, sets: list[str], kind: str) -> Iterator[tuple[tuple[str, str], str]]:
        pattern = re.compile(rf"{kind}[0-9]+")
        for uuid in sets:
            for name in list_names(f"{self._directory}/{uuid}"):
                if pattern.fullmatch(name):
                    yield (name, uuid), f"{self._directory}/{uuid}/{name}"


def _lines(
    devices: Iterable[tuple[tuple[str, str], str]],
    file: str,
    metrics: dict[str, tuple[str, str]],
    label: str,
) -> Iterable[Family]:
    """Return the families of a file that has one number per line, by device."""
    families = {key: GaugeFamily(*known, labels=(label, "uuid")) for key, known in metrics.items()}
    for values, directory in devices:
        try:
            text = read_text(f"{directory}/{file}")
        except OSError:
            continue
        for line in text.splitlines():
            key, _, rest = line.partition(":")
            if key in families and (number := _parsed(rest)) is not None:
                families[key].add(values, number)
    return families.values()


def _human_number(path: str) -> float | None:
    text = read_value(path)
    return None if text is None else _parsed(text)


def _parsed(text: str) -> float | None:
    """Return the number in "1.1M" or "329204/sec".

    Units are powers of 1,024, and a tenth of a unit is 100 of the next smaller one.
    """
    match = _NUMBER.match(text.strip())
    if match is None:
        return None
    whole, tenths, unit = int(match[1]), int(match[2] or 0), _POWERS[match[3]]
    part = tenths * 100 * unit / 1024
    return whole * unit + (-part if match[1].startswith("-") else part)
