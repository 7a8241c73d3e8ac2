"""I/O of tape drives.

Source: the kernel's Documentation/ABI/testing/sysfs-class-scsi_tape.
"""

import re
from collections.abc import Iterable

from exporter.collectors.number_files import NumberFile, NumberFiles
from exporter.errors import NoDataError
from exporter.families import Family
from exporter.name_filter import ALL_NAMES, NameFilter
from exporter.roots import Roots, list_names

_NANOSECONDS = 1e9
_FILES = (
    NumberFile(
        "in_flight", "node_tape_io_now", "The number of I/Os currently outstanding to this device."
    ),
    NumberFile(
        "io_ns",
        "node_tape_io_time_seconds_total",
        (
            "The amount of time spent waiting for all I/O to complete (including "
            "read and write). This includes tape movement commands such as seeking "
            "between file or set marks and implicit tape movement such as when "
            "rewind on close tape devices are used."
        ),
        _NANOSECONDS,
    ),
    NumberFile(
        "other_cnt",
        "node_tape_io_others_total",
        (
            "The number of I/Os issued to the tape drive other than read or write "
            "commands. The time taken to complete these commands uses the following "
            "calculation "
            "io_time_seconds_total-read_time_seconds_total-write_time_seconds_total"
        ),
    ),
    NumberFile(
        "read_byte_cnt",
        "node_tape_read_bytes_total",
        "The number of bytes read from the tape drive.",
    ),
    NumberFile(
        "read_cnt",
        "node_tape_reads_completed_total",
        "The number of read requests issued to the tape drive.",
    ),
    NumberFile(
        "read_ns",
        "node_tape_read_time_seconds_total",
        "The amount of time spent waiting for read requests to complete.",
        _NANOSECONDS,
    ),
    NumberFile(
        "resid_cnt",
        "node_tape_residual_total",
        (
            "The number of times during a read or write we found the residual amount "
            "to be non-zero. This should mean that a program is issuing a read "
            "larger thean the block size on tape. For write not all data made it to "
            "tape."
        ),
    ),
    NumberFile(
        "write_byte_cnt",
        "node_tape_written_bytes_total",
        "The number of bytes written to the tape drive.",
    ),
    NumberFile(
        "write_cnt",
        "node_tape_writes_completed_total",
        "The number of write requests issued to the tape drive.",
    ),
    NumberFile(
        "write_ns",
        "node_tape_write_time_seconds_total",
        "The amount of time spent waiting for write requests to complete.",
        _NANOSECONDS,
    ),
)
# A drive has several devices: st0 rewinds, nst0 does not, and letters choose a mode.
_DRIVE = re.compile(r"st[0-9]+")


class TapeDrives:
    """Reads `class/scsi_tape`."""

    name = "tapestats"

    def __init__(self, roots: Roots, drives: NameFilter = ALL_NAMES) -> None:
        self._class = f"{roots.sys}/class/scsi_tape"
        self._drives = drives
        self._files = NumberFiles(_FILES, ("device",))

    def collect(self) -> Iterable[Family]:
        """Return one family per counter, by drive."""
        drives = [name for name in list_names(self._class) if _DRIVE.fullmatch(name)]
        if not drives:
            raise NoDataError("no tape drive")
        return self._files.families(
            ((drive,), f"{self._class}/{drive}/stats")
            for drive in drives
            if self._drives.accepts(drive)
        )
