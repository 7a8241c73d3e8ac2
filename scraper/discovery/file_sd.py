"""File discovery: targets listed in YAML or JSON files."""

import asyncio
import glob
from dataclasses import dataclass
from pathlib import Path

import structlog

from scraper.discovery.groups import DiscoveryError, Publish, TargetGroup, parse_groups
from scraper.fetching.http_session import HttpSession

log = structlog.get_logger(__name__)

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

    async def run(self, session: HttpSession, publish: Publish) -> None:
        """See `Discoverer.run`."""
        files = _Files(self.patterns)
        while True:
            if await asyncio.to_thread(files.update):
                publish(files.groups)
            await asyncio.sleep(min(_MAX_POLL_S, self.refresh_s))


class _Files:
    """The groups of each file when it was last valid."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns
        self._stamps: dict[str, _Stamp] = {}
        self._groups: dict[str, list[TargetGroup]] = {}
        self._published = False

    @property
    def groups(self) -> list[TargetGroup]:
        return [group for name in sorted(self._groups) for group in self._groups[name]]

    def update(self) -> bool:
        """Read changed files; return whether the groups changed. Blocks."""
        names = {name for pattern in self._patterns for name in glob.glob(pattern)}  # noqa: PTH207
        changed = not self._published
        self._published = True
        for name in self._stamps.keys() - names:
            del self._stamps[name]
            changed |= self._groups.pop(name, None) is not None
        for name in names:
            changed |= self._read(name)
        return changed

    def _read(self, name: str) -> bool:
        """Read a file if it has changed; return whether its groups changed."""
        path = Path(name)
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if self._stamps.get(name) == stamp:
                return False
            # Set before reading, so that a malformed file is logged once, not each time.
            self._stamps[name] = stamp
            text = path.read_text(encoding="utf-8")
            found = parse_groups(text, name, is_json=path.suffix.lower() == ".json")
        except (OSError, UnicodeDecodeError, DiscoveryError) as exc:
            log.warning("discovery_failed", kind="file_sd", file=name, error=str(exc))
            return False
        groups = [group.group(__meta_filepath=name) for group in found]
        before = self._groups.get(name)
        self._groups[name] = groups
        return groups != before
