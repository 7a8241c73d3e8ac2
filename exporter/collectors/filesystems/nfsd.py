"""The NFS server: caches, bytes, threads, network, RPCs, and calls of each procedure.

Source: the kernel's fs/nfsd/stats.c.
"""

from collections.abc import Iterable, Iterator

from exporter.collectors.filesystems import nfs_procedures
from exporter.errors import NoDataError
from exporter.families import CounterFamily, Family, GaugeFamily
from exporter.roots import Roots, read_text

# (line, column) -> metric.
_NUMBERS = (
    (
        "rc",
        0,
        CounterFamily,
        "reply_cache_hits_total",
        "Total number of NFSd Reply Cache hits (client lost server response).",
    ),
    (
        "rc",
        1,
        CounterFamily,
        "reply_cache_misses_total",
        ("Total number of NFSd Reply Cache an operation that requires caching (idempotent)."),
    ),
    (
        "rc",
        2,
        CounterFamily,
        "reply_cache_nocache_total",
        ("Total number of NFSd Reply Cache non-idempotent operations (rename/delete/…)."),
    ),
    ("fh", 0, CounterFamily, "file_handles_stale_total", "Total number of NFSd stale file handles"),
    ("io", 0, CounterFamily, "disk_bytes_read_total", "Total NFSd bytes read."),
    ("io", 1, CounterFamily, "disk_bytes_written_total", "Total NFSd bytes written."),
    (
        "th",
        0,
        GaugeFamily,
        "server_threads",
        "Total number of NFSd kernel threads that are running.",
    ),
    (
        "ra",
        0,
        GaugeFamily,
        "read_ahead_cache_size_blocks",
        "How large the read ahead cache is in blocks.",
    ),
    (
        "ra",
        11,
        CounterFamily,
        "read_ahead_cache_not_found_total",
        "Total number of NFSd read ahead cache not found.",
    ),
    ("net", 3, CounterFamily, "connections_total", "Total number of NFSd TCP connections."),
    ("rpc", 0, CounterFamily, "server_rpcs_total", "Total number of NFSd RPCs."),
)
_PACKETS = {"udp": 1, "tcp": 2}
_ERRORS = {"fmt": 2, "auth": 3, "cInt": 4}
_PROCEDURES = {
    "2": ("proc2", nfs_procedures.VERSION_2),
    "3": ("proc3", nfs_procedures.VERSION_3),
}


class NFSServer:
    """Reads `net/rpc/nfsd`."""

    name = "nfsd"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/net/rpc/nfsd"

    def collect(self) -> Iterable[Family]:
        """Return the statistics, and requests by version and procedure.

        Raises:
            NoDataError: the kernel's NFS server is not loaded.
        """
        try:
            lines = nfs_procedures.lines_by_name(read_text(self._path))
        except FileNotFoundError:
            raise NoDataError("no NFS server") from None
        for line, column, make, name, documentation in _NUMBERS:
            # Linux 5.4 and newer have no read-ahead cache, and print zeros or no line.
            numbers = lines.get(line, [])
            number = int(numbers[column]) if column < len(numbers) else 0
            yield make(f"node_nfsd_{name}", documentation, number)
        packets = CounterFamily(
            "node_nfsd_packets_total",
            "Total NFSd network packets (sent+received) by protocol type.",
            labels=("proto",),
        )
        for protocol, column in _PACKETS.items():
            packets.add((protocol,), int(lines["net"][column]))
        errors = CounterFamily(
            "node_nfsd_rpc_errors_total",
            "Total number of NFSd RPC errors by error type.",
            labels=("error",),
        )
        for error, column in _ERRORS.items():
            errors.add((error,), int(lines["rpc"][column]))
        requests = CounterFamily(
            "node_nfsd_requests_total",
            "Total number NFSd Requests by method and protocol.",
            labels=("proto", "method"),
        )
        for version, method, number in _requests(lines):
            requests.add((version, method), number)
        yield from (packets, errors, requests)


def _requests(lines: dict[str, list[str]]) -> Iterator[tuple[str, str, int]]:
    for version, (line, methods) in _PROCEDURES.items():
        # The first number counts the others.
        for method, number in zip(methods, lines.get(line, ["0"])[1:]):
            if (version, method) not in (("2", "Null"), ("3", "Null")):
                yield version, method, int(number)
    operations = lines.get("proc4ops", ["0"])[1 + nfs_procedures.SERVER_4_FIRST :]
    for method, number in zip(nfs_procedures.SERVER_4, operations):
        if method not in nfs_procedures.SERVER_4_LEFT_OUT:
            yield "4", method, int(number)
    if "wdeleg_getattr" in lines:
        yield "4", "WdelegGetattr", int(lines["wdeleg_getattr"][0])
