"""Software RAID arrays: state, disks and progress of a resync.

Source: the kernel's drivers/md/md.c, md_seq_show().
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from exporter.collectors.number_files import NumberFile, NumberFiles
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_lines, read_number

_ARRAY = re.compile(r"(?P<device>\S+) : (?P<state>active|inactive)\b(?P<rest>.*)")
_MEMBER = re.compile(r"\S+\[\d+\](?:\((?P<flag>[A-Z])\))*")
_BLOCKS = re.compile(r"\s+(\d+) blocks")
_DISKS = re.compile(r"\[(\d+)/(\d+)\]")
_ACTIVITY = re.compile(r"(recovery|resync|reshape|check|repair)\s*=")
_SYNCED = re.compile(r"\((\d+)/\d+\)")
# An activity in mdstat -> the state that node_exporter reports.
_STATES = {
    "recovery": "recovering",
    "resync": "resync",
    "reshape": "resync",
    "repair": "resync",
    "check": "check",
}
_FILES = (
    NumberFile("raid_disks", "node_md_raid_disks", "Number of raid disks on device."),
    NumberFile("degraded", "node_md_degraded", "Number of degraded disks on device."),
)
_ALL_STATES = ("active", "inactive", "recovering", "resync", "check")


@dataclass
class RAIDArray:
    """One array; a block has 1 KiB."""

    device: str
    state: str
    disks: dict[str, int]
    required: int
    blocks: int = 0
    synced: int = 0


class RAIDArrays:
    """Reads `mdstat`."""

    name = "mdadm"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/mdstat"
        self._block = f"{roots.sys}/block"
        self._files = NumberFiles(_FILES, ("device",), _number)

    def collect(self) -> Iterable[Family]:
        """Return state, disks and blocks by array."""
        states = _gauge("state", "Indicates the state of md-device.", "state")
        disks = _gauge("disks", "Number of active/failed/spare disks of device.", "state")
        required = _gauge("disks_required", "Total number of disks of device.")
        blocks = _gauge("blocks", "Total number of blocks on device.")
        synced = _gauge("blocks_synced", "Number of blocks synced on device.")
        for array in arrays(read_lines(self._path)):
            for state in _ALL_STATES:
                states.add((array.device, state), state == array.state)
            for state, count in array.disks.items():
                disks.add((array.device, state), count)
            required.add((array.device,), array.required)
            blocks.add((array.device,), array.blocks)
            synced.add((array.device,), array.synced)
        found = [f for f in (states, disks, required, blocks, synced) if f]
        arrays_of_block = [name for name in list_names(self._block) if name.startswith("md")]
        return found + self._files.families(
            ((name,), f"{self._block}/{name}/md") for name in arrays_of_block
        )


def arrays(lines: Iterable[str]) -> list[RAIDArray]:
    """Return the arrays that the lines of `mdstat` describe."""
    found: list[RAIDArray] = []
    for line in lines:
        if match := _ARRAY.match(line):
            found.append(_array(match))
        elif found and line.startswith(" "):
            _add_detail(found[-1], line)
    return found


def _array(match: re.Match[str]) -> RAIDArray:
    flags = [member["flag"] for member in _MEMBER.finditer(match["rest"])]
    disks = {"active": 0, "failed": flags.count("F"), "spare": flags.count("S")}
    # Levels without redundancy have no [required/active] field: every member counts.
    disks["active"] = len(flags) - disks["failed"] - disks["spare"]
    required = len(flags) - disks["spare"]
    if match["state"] == "inactive":
        disks["active"] = 0
        # The [required/active] field of an inactive array is that of its last assembly.
        required = 0
    return RAIDArray(match["device"], match["state"], disks, required)


def _add_detail(array: RAIDArray, line: str) -> None:
    if match := _BLOCKS.match(line):
        array.blocks = array.synced = int(match[1])
        counts = _DISKS.search(line)
        if counts and array.state != "inactive":
            array.required, array.disks["active"] = int(counts[1]), int(counts[2])
    elif match := _ACTIVITY.search(line):
        array.state = _STATES[match[1]]
        # A resync that is DELAYED or PENDING has no progress yet.
        progress = _SYNCED.search(line)
        array.synced = int(progress[1]) if progress else 0


def _gauge(name: str, documentation: str, *more: str) -> GaugeFamily:
    return GaugeFamily(f"node_md_{name}", documentation, labels=("device", *more))


def _number(path: str) -> int | None:
    """Return the number in a file of an array; levels without redundancy are never degraded."""
    number = read_number(path)
    return 0 if number is None and path.endswith("/degraded") else number
