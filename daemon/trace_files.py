"""Finds trace files, reads what has changed, and remembers what a server has acknowledged."""

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

import orjson

from analytics.sessions.traces.formats import (
    WHOLE_FILE_FORMATS,
    TraceFormat,
    format_of,
    reader_of,
)
from analytics.sessions.traces.native import native_lines
from analytics.sessions.traces.reader import TraceReader, TraceSource
from daemon.opencode_database import database_mark, document_lines, is_opencode_database
from storage.api.agent_sessions.records import AgentRecords, AgentSender

_ENDINGS: Final = (".jsonl", ".json", ".ndjson")
_BLOCK_BYTES: Final = 8 * 2**20
_MOST_LINES: Final = 5_000
"""Records of one request to the server."""
_LARGEST_DOCUMENT_BYTES: Final = 2**30
_MOST_OPEN: Final = 200
"""Files whose readers are kept, so that a file that grows is read on from its end."""
_SAVE_S: Final = 1.0
"""opencode has a file for each message: the state is not written for each of them."""


@dataclass(slots=True)
class TraceProgress:
    """The progress of a pass: files read, and the server's answers."""

    skipped: int = 0
    files: int = 0
    size_bytes: int = 0
    stored: int = 0
    updated: int = 0
    duplicates: int = 0
    unknown: list[Path] = field(default_factory=list)


@dataclass(slots=True)
class _OpenFile:
    """A file that has been read up to a place."""

    reader: TraceReader
    trace_format: TraceFormat
    inode: int
    offset: int


class TraceDirectory:
    """The trace files of some paths.

    Attributes:
        unchanged: the number of files that the last call of `changed` passed over.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        sender: AgentSender,
        state: Path,
        *,
        keeps_content: bool = False,
        again: bool = False,
    ) -> None:
        """Set up; nothing is read yet.

        Args:
            paths: files and directories.
            sender: who worked, where a trace does not say it.
            state: the file that remembers what has been sent.
            keeps_content: whether prompts and code are sent.
            again: whether files are sent although they were before.
        """
        self._paths, self._sender, self._state = paths, sender, state
        self._keeps_content = keeps_content
        self._sent = {} if again else _read_state(state)
        self._seen: dict[Path, list[int]] = {}
        self._open: dict[Path, _OpenFile] = {}
        self._databases: dict[Path, dict[str, int]] = {}
        self._saved_s = float("-inf")
        self.unchanged = 0

    def changed(self) -> list[tuple[Path, int]]:
        """Return the files that are new or have changed, with their sizes; blocks."""
        found: list[tuple[Path, int]] = []
        self.unchanged = 0
        for path in sorted(set(chain.from_iterable(map(_files, self._paths)))):
            try:
                mark = database_mark(path)
            except OSError:
                continue
            if self._sent.get(self._key(path)) == mark:
                self.unchanged += 1
                continue
            self._seen[path] = mark
            found.append((path, mark[0]))
        return found

    def read(self, path: Path, progress: TraceProgress) -> Iterator[bytes]:
        """Yield bodies for the server; blocks.

        A file that has grown is read from where it ended; one that was replaced, anew.
        """
        if is_opencode_database(path):
            yield from self._read_database(path, progress)
            return
        try:
            with path.open("rb") as file:
                stat = path.stat()
                kept = self._open.pop(path, None)
                if kept is None or kept.inode != stat.st_ino or kept.offset > stat.st_size:
                    kept = self._opened(path, file.read(_BLOCK_BYTES), stat.st_ino)
                if kept is None:
                    progress.unknown.append(path)
                    return
                progress.files += 1
                progress.size_bytes += stat.st_size - kept.offset
                file.seek(kept.offset)
                for lines in _blocks(file, whole=kept.trace_format in WHOLE_FILE_FORMATS):
                    kept.reader.read(lines[0])
                    kept.offset += lines[1]
                    yield from _bodies(kept.reader.take())
        except OSError:
            progress.unknown.append(path)
            return
        if kept.trace_format not in WHOLE_FILE_FORMATS and len(self._open) < _MOST_OPEN:
            self._open[path] = kept

    def _read_database(self, path: Path, progress: TraceProgress) -> Iterator[bytes]:
        """Yield bodies of what is new in a database of opencode."""
        since = dict(self._databases.get(path, {}))
        try:
            size, changed_ns = database_mark(path)[:2]
            source = TraceSource(
                path.stem, changed_ns // 1_000_000, self._sender, self._keeps_content
            )
            reader = reader_of(TraceFormat.OPENCODE, source)
            for lines in document_lines(path, since):
                reader.read(lines)
                yield from _bodies(reader.take())
        except OSError:
            progress.unknown.append(path)
            return
        progress.files += 1
        progress.size_bytes += size
        self._databases[path] = since

    def _opened(self, path: Path, start: bytes, inode: int) -> _OpenFile | None:
        lines = [line for line in start.split(b"\n") if line.strip()]
        trace_format = format_of(lines)
        if trace_format is None:
            return None
        time_ms = round(path.stat().st_mtime * 1000)
        name = path.name.removesuffix(path.suffix)
        source = TraceSource(name, time_ms, self._sender, self._keeps_content)
        return _OpenFile(reader_of(trace_format, source), trace_format, inode, 0)

    def sent(self, path: Path) -> None:
        """Remember that the server has acknowledged a file; call `save` after the last; blocks."""
        self._sent[self._key(path)] = self._seen[path]
        if time.monotonic() - self._saved_s > _SAVE_S:
            self.save()

    def save(self) -> None:
        """Write down what has been acknowledged; blocks."""
        self._saved_s = time.monotonic()
        self._state.parent.mkdir(parents=True, exist_ok=True)
        partial = self._state.with_name(self._state.name + ".partial")
        partial.write_bytes(orjson.dumps(self._sent))
        partial.replace(self._state)

    def _key(self, path: Path) -> str:
        # Another developer or team, or content, is another sending.
        sender = self._sender
        text = f"{path.resolve()}\n{sender.developer}\n{sender.team}\n{sender.project}"
        return hashlib.blake2b(
            f"{text}\n{self._keeps_content}".encode(), digest_size=16
        ).hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        for each in path.rglob("*"):
            if (each.suffix in _ENDINGS or is_opencode_database(each)) and each.is_file():
                yield each
    else:
        yield path


def _blocks(file: BinaryIO, *, whole: bool) -> Iterator[tuple[list[bytes], int]]:
    """Yield complete lines, and how many bytes they take; a document is one block.

    The end of a file without a line break may be half a line: it is read when it is complete,
    or now if it is JSON already.
    """
    if whole:
        body = file.read(_LARGEST_DOCUMENT_BYTES)
        yield body.split(b"\n"), len(body)
        return
    rest = b""
    while block := file.read(_BLOCK_BYTES):
        head, line_break, tail = block.rpartition(b"\n")
        if not line_break:
            rest += block
            continue
        head = rest + head
        yield head.split(b"\n"), len(head) + 1
        rest = tail
    if rest.strip() and _is_json(rest):
        yield [rest], len(rest)


def _is_json(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _bodies(records: AgentRecords) -> Iterator[bytes]:
    lines = list(native_lines(records))
    for start in range(0, len(lines), _MOST_LINES):
        yield b"".join(lines[start : start + _MOST_LINES])


def _read_state(path: Path) -> dict[str, list[int]]:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
