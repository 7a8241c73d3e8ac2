"""The processes that use the most CPU and the most memory, ten of each.

Not in node_exporter. Ranks alone are labels at first: 20 series, whatever runs. A name, a user
and a PID make series of their own whenever another process takes a rank, so they are opt-in.
"""

import heapq
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NamedTuple

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, list_names, read_lines, read_value

MOST: Final = 10
_UNKNOWN_USER: Final = "?"

# Positions in /proc/PID/stat, after the name (proc(5)).
_USER_TICKS, _SYSTEM_TICKS, _STARTED, _RESIDENT_PAGES = 11, 12, 19, 21


class _Process(NamedTuple):
    pid: str
    started: str
    name: str
    ticks: int
    resident_pages: int


class TopProcesses:
    """Reads the `stat` of every process, and compares it with that of the last scrape."""

    name = "processes_top"

    def __init__(
        self,
        roots: Roots,
        *,
        identify: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Set up; nothing is read yet.

        Args:
            roots: where the host's files are.
            identify: whether name, user and PID are labels.
            monotonic: returns seconds that never go back.
        """
        self._roots, self._identify, self._monotonic = roots, identify, monotonic
        self._ticks_a_second = os.sysconf("SC_CLK_TCK")
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")
        # The time and the CPU ticks of the last scrape, by PID and start.
        self._last: tuple[float, Mapping[tuple[str, str], int]] = (0.0, {})

    def collect(self) -> Iterable[Family]:
        """Return the ten largest by each measure; CPU from the second scrape on."""
        now_s, processes = self._monotonic(), list(self._processes())
        (last_s, last), self._last = (
            self._last,
            (now_s, {(one.pid, one.started): one.ticks for one in processes}),
        )
        users = self._users() if self._identify else {}
        labels = ("rank", "name", "user", "pid") if self._identify else ("rank",)
        cpu = GaugeFamily(
            "node_processes_top_cpu_ratio",
            "CPUs that one of the busiest processes used since the last scrape.",
            labels=labels,
        )
        resident = GaugeFamily(
            "node_processes_top_resident_memory_bytes",
            "Resident memory of one of the largest processes.",
            labels=labels,
        )
        if last:
            ticks = max(now_s - last_s, 1e-3) * self._ticks_a_second
            used = {
                one: (one.ticks - last.get((one.pid, one.started), 0)) / ticks
                for one in processes
                # One that has just started may have been busy for all of its short life.
                if (one.pid, one.started) in last or one.ticks <= ticks
            }
            self._add(cpu, used, users)
        sizes = {one: float(one.resident_pages * self._page_bytes) for one in processes}
        self._add(resident, sizes, users)
        return [cpu, resident]

    def _add(
        self, family: GaugeFamily, values: Mapping[_Process, float], users: Mapping[int, str]
    ) -> None:
        """Add a row for each of the largest values; a process that uses nothing has none."""
        largest = heapq.nlargest(MOST, values.items(), key=lambda item: item[1])
        for rank, (process, value) in enumerate(largest, 1):
            if value <= 0:
                break
            row = [str(rank)]
            if self._identify:
                row += [process.name, self._user(process.pid, users), process.pid]
            family.add(row, value)

    def _processes(self) -> Iterable[_Process]:
        for pid in list_names(self._roots.proc):
            if not pid.isdecimal():
                continue
            text = read_value(f"{self._roots.proc}/{pid}/stat")
            if text is None:
                continue  # The process has just ended, or the mount option hidepid hides it.
            # The name is in parentheses and may contain parentheses itself.
            head, _, tail = text.rpartition(")")
            fields = tail.split()
            yield _Process(
                pid,
                fields[_STARTED],
                head.partition("(")[2],
                int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS]),
                int(fields[_RESIDENT_PAGES]),
            )

    def _user(self, pid: str, users: Mapping[int, str]) -> str:
        try:
            owner = os.stat(f"{self._roots.proc}/{pid}").st_uid  # noqa: PTH116 - no pathlib here.
        except OSError:
            return _UNKNOWN_USER
        return users.get(owner, str(owner))

    def _users(self) -> Mapping[int, str]:
        """Return the names of the host's own users; a directory service is not asked."""
        users: dict[int, str] = {}
        try:
            lines = read_lines(f"{self._roots.rootfs.rstrip('/')}/etc/passwd")
        except OSError:
            return users
        for line in lines:
            fields = line.split(":")
            if len(fields) > 2 and fields[2].isdecimal():
                users.setdefault(int(fields[2]), fields[0])
        return users
