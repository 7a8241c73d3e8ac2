"""The firewall's connection tracking table."""

from collections.abc import Iterable

from exporter.families import Family, GaugeFamily
from exporter.kept_files import KeptFile
from exporter.roots import Roots

# Columns of net/stat/nf_conntrack. They are counters, but node_exporter has them as gauges.
_STATISTICS = {
    "found": "Number of searched entries which were successful.",
    "invalid": "Number of packets seen which can not be tracked.",
    "ignore": "Number of packets seen which are already connected to a conntrack entry.",
    "insert": "Number of entries inserted into the list.",
    "insert_failed": ("Number of entries for which list insertion was attempted but failed."),
    "drop": "Number of packets dropped due to conntrack failure.",
    "early_drop": (
        "Number of dropped conntrack entries to make room for new ones, "
        "if maximum table size was reached."
    ),
    "search_restart": (
        "Number of conntrack table lookups which had to be restarted due to hashtable resizes."
    ),
}


class ConnectionTracking:
    """Reads `sys/net/netfilter` and `net/stat/nf_conntrack`."""

    name = "conntrack"

    def __init__(self, roots: Roots) -> None:
        limits = f"{roots.proc}/sys/net/netfilter"
        self._count = KeptFile(f"{limits}/nf_conntrack_count")
        self._limit = KeptFile(f"{limits}/nf_conntrack_max")
        self._statistics = KeptFile(f"{roots.proc}/net/stat/nf_conntrack")

    def collect(self) -> Iterable[Family]:
        """Return the number of entries, its limit, and event counts summed over CPUs."""
        yield GaugeFamily(
            "node_nf_conntrack_entries",
            "Number of currently allocated flow entries for connection tracking.",
            float(self._count.text()),
        )
        yield GaugeFamily(
            "node_nf_conntrack_entries_limit",
            "Maximum size of connection tracking table.",
            float(self._limit.text()),
        )
        header, *rows = self._statistics.lines()
        columns = header.split()
        cpus = [dict(zip(columns, row.split())) for row in rows]
        for column, documentation in _STATISTICS.items():
            if column in columns:
                total = sum(int(cpu[column], 16) for cpu in cpus)
                yield GaugeFamily(f"node_nf_conntrack_stat_{column}", documentation, float(total))
