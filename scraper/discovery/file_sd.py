"""File discovery: targets listed in YAML or JSON files."""

import asyncio
import glob
from dataclasses import dataclass
from pathlib import Path

from model.process.regular_files import read_regular_text
from scraper.discovery.engine.feed import Feed
from scraper.discovery.groups import DiscoveryError, TargetGroup, parse_groups
from scraper.fetching.http_session import HttpSession

_MAX_POLL_S = 5.0
"""Longest time between two checks of the files; Prometheus gets events from inotify."""

_Stamp = tuple[int, int, int]
"""Modification time, size and inode of a file."""


@dataclass(frozen=True, slots=True)
class FileDiscoverer:
    """Reads the files that match any of the patterns.

    Attributes:
        patterns: absolute, with `*` only in the last part.
        refresh_s: longest time until a change is noticed.
    """

    patterns: tuple[str, ...]
    refresh_s: float

    @property
    def mechanism(self) -> str:
        """See `Discoverer.mechanism`."""
        return "file"

    async def run(self, session: HttpSession, feed: Feed) -> None:
        """See `Discoverer.run`."""
        files = _Files(self.patterns)
        while True:
            failures = await asyncio.to_thread(files.update)
            for name, error in failures.items():
                feed.failed(error, file=name)
            for name in files.read:
                feed.succeeded(file=name)
            feed.publish(files.groups)
            await asyncio.sleep(min(_MAX_POLL_S, self.refresh_s))


class _Files:
    """The groups of each file when it was last valid.

    Attributes:
        read: the files that the last update read, because they had changed.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.read: list[str] = []
        self._patterns = patterns
        self._stamps: dict[str, _Stamp] = {}
        self._groups: dict[str, list[TargetGroup]] = {}

    @property
    def groups(self) -> list[TargetGroup]:
        return [group for name in sorted(self._groups) for group in self._groups[name]]

    def update(self) -> dict[str, Exception]:
        """Read changed files; return the failures by file. Blocks."""
        names = {name for pattern in self._patterns for name in glob.glob(pattern)}  # noqa: PTH207
        for name in self._stamps.keys() - names:
            del self._stamps[name]
            self._groups.pop(name, None)
        self.read.clear()
        failures: dict[str, Exception] = {}
        for name in sorted(names):
            try:
                if self._read(name):
                    self.read.append(name)
            except (OSError, UnicodeDecodeError, DiscoveryError) as exc:
                failures[name] = exc
        return failures

    def _read(self, name: str) -> bool:
        """Read a file if it has changed; return whether it has."""
        path = Path(name)
        status = path.stat()
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if self._stamps.get(name) == stamp:
            return False
        # Set before reading, so that a malformed file is counted once, not each time.
        self._stamps[name] = stamp
        text = read_regular_text(path)
        found = parse_groups(text, name, is_json=path.suffix.lower() == ".json")
        self._groups[name] = [group.group(__meta_filepath=name) for group in found]
        return True
