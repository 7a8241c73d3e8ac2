"""Parses test scripts into commands."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from model.durations import parse_duration_ms
from model.labels import Labels
from tests.promqltest.points import Point, parse_points, parse_series, parse_starts

_INSTANT = re.compile(
    r"eval(?:_(fail|warn|info|ordered))?\s+instant\s+(?:at\s+(\S+)\s+)?(.+)", re.DOTALL
)
_RANGE = re.compile(
    r"eval(?:_(fail|warn|info))?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)\s+(.+)",
    re.DOTALL,
)
_EXPECT = re.compile(
    r"expect\s+(fail|warn|info|no_warn|no_info|ordered|string|range\s+vector)\s*(.*)", re.DOTALL
)
_DETAIL = re.compile(r"(msg|regex)\s*:\s*(.*)", re.DOTALL)
_OLD = re.compile(r"expected_fail_(message|regexp)\s+(.*)", re.DOTALL)
_VECTOR = re.compile(r"from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)")


@dataclass(frozen=True, slots=True)
class Load:
    """Adds samples, the first at time 0; `converts` also adds classic histograms as native ones."""

    interval_ms: int
    series: tuple[tuple[Labels, tuple[Point, ...]], ...]
    starts: tuple[tuple[Labels, tuple[int | None, ...]], ...] = ()
    converts: bool = False


@dataclass(frozen=True, slots=True)
class Clear:
    """Deletes all samples."""


@dataclass(frozen=True, slots=True)
class Note:
    """The expected text of an error or annotation: `message`, or a match of `pattern`."""

    message: str | None = None
    pattern: str | None = None

    def matches(self, text: str) -> bool:
        """Return whether a text is the expected one."""
        if self.message is not None:
            return text == self.message
        return self.pattern is None or re.search(self.pattern, text) is not None


@dataclass(slots=True)
class Eval:
    """One evaluation and its expected result."""

    line: int
    query: str
    start_ms: int
    end_ms: int
    step_ms: int
    instant: bool
    fail: Note | None = None
    warnings: list[Note] = field(default_factory=list)
    infos: list[Note] = field(default_factory=list)
    no_warning: bool = False
    no_info: bool = False
    ordered: bool = False
    string: str | None = None
    scalar: float | None = None
    window: tuple[int, int, int] | None = None
    series: list[tuple[Labels, tuple[Point, ...]]] = field(default_factory=list)


Command = Load | Clear | Eval


def read(text: str) -> Iterator[Command]:
    """Yield the commands of a script."""
    for line, block in _blocks(text):
        head = block[0]
        if head.startswith("load"):
            yield _load(block)
        elif head.startswith("clear"):
            yield Clear()
        else:
            yield _eval(line, block)


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    block: list[str] = []
    first = 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if line.startswith("#"):
            continue
        if not line:
            if block:
                yield first, block
            block = []
            continue
        if block and re.match(r"(eval|load|clear)\b|eval_|load_", line):
            yield first, block
            block = []
        if not block:
            first = number
        block.append(line)
    if block:
        yield first, block


def _load(block: list[str]) -> Load:
    interval_ms = parse_duration_ms(block[0].split()[1])
    series, starts = [], []
    for line in block[1:]:
        labels, rest = parse_series(line)
        if rest.startswith("@st"):
            starts.append((labels, tuple(parse_starts(rest[3:]))))
        else:
            series.append((labels, tuple(parse_points(rest))))
    converts = block[0].startswith("load_with_nhcb")
    return Load(interval_ms, tuple(series), tuple(starts), converts)


def time_ms(text: str) -> int:
    """Return the milliseconds of a duration or a number of seconds."""
    try:
        return parse_duration_ms(text)
    except ValueError:
        return round(float(text) * 1000)


def _eval(line: int, block: list[str]) -> Eval:
    match = _INSTANT.fullmatch(block[0])
    if match:
        at = time_ms(match[2] or "0")
        command = Eval(line, match[3].strip(), at, at, 0, instant=True)
    else:
        match = _RANGE.fullmatch(block[0])
        if match is None:
            raise ValueError(f"line {line}: {block[0]}")
        start, end, step = (time_ms(match[group]) for group in (2, 3, 4))
        command = Eval(line, match[5].strip(), start, end, step, instant=False)
    _old_form(command, match[1])
    for each in block[1:]:
        _expectation(command, each)
    return command


def _old_form(command: Eval, kind: str | None) -> None:
    if kind == "fail":
        command.fail = Note()
    elif kind == "warn":
        command.warnings.append(Note())
    elif kind == "info":
        command.infos.append(Note())
    elif kind == "ordered":
        command.ordered = True


def _expectation(command: Eval, line: str) -> None:
    old = _OLD.fullmatch(line)
    if old:
        command.fail = Note(old[2]) if old[1] == "message" else Note(None, old[2])
        return
    match = _EXPECT.fullmatch(line)
    if match is None:
        _expected_series(command, line)
        return
    kind, rest = match[1], match[2]
    detail = _DETAIL.fullmatch(rest)
    note = Note()
    if detail:
        note = Note(detail[2].strip()) if detail[1] == "msg" else Note(None, detail[2].strip())
    if kind == "fail":
        command.fail = note
    elif kind == "warn":
        command.warnings.append(note)
    elif kind == "info":
        command.infos.append(note)
    elif kind == "no_warn":
        command.no_warning = True
    elif kind == "no_info":
        command.no_info = True
    elif kind == "ordered":
        command.ordered = True
    elif kind == "string":
        command.string = rest.strip()[1:-1]
    else:
        vector = _VECTOR.fullmatch(rest.strip())
        if vector is None:
            raise ValueError(line)
        command.window = (time_ms(vector[1]), time_ms(vector[2]), time_ms(vector[3]))


def _expected_series(command: Eval, line: str) -> None:
    if not re.match(r"[a-zA-Z_:{]", line) or line.lower() in ("nan", "inf"):
        points = parse_points(line)
        if len(points) != 1 or not isinstance(points[0], float):
            raise ValueError(line)
        command.scalar = points[0]
        return
    labels, rest = parse_series(line)
    command.series.append((labels, tuple(parse_points(rest))))
