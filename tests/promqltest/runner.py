"""Runs scripts and compares the engine's answers with the expected ones."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from model.labels import Labels
from model.series import AlignedSeries, is_absent
from promql.api import Answer, InstantVector, PromQLError, Scalar, String
from promql.engine import EngineSettings, LocalEngine
from promql.syntax.nodes import (
    UNSHIFTED,
    Aggregation,
    BinaryOperation,
    Call,
    Expression,
    MatrixSelector,
    Parentheses,
    Subquery,
    TimeShift,
    UnaryOperation,
    VectorSelector,
)
from promql.syntax.parser import parse
from promql.syntax.printer import text
from promql.syntax.traversal import walk
from tests.promqltest.needs import NativeHistograms, Need
from tests.promqltest.points import Histogram, Point
from tests.promqltest.script import Clear, Eval, Load, read
from tests.promqltest.store import MakeStore, ScriptStore, SeriesSamples, SeriesStarts, memory_store

_TOLERANCE = 1e-6
_SMALLEST_NORMAL = 2.2250738585072014e-308


class MismatchError(Exception):
    """An answer differs from the expected one."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed evaluation."""

    file: str
    line: int
    query: str
    reason: str
    need: Need


@dataclass(slots=True)
class Score:
    """The results of a script."""

    passed: int = 0
    total: int = 0
    failures: list[Failure] = field(default_factory=list)


def run_file(path: Path, make_store: MakeStore = memory_store) -> Score:
    """Run one script against a store of its own."""
    with make_store() as store:
        return _run(path, store)


def _run(path: Path, store: ScriptStore) -> Score:
    score = Score()
    histograms = NativeHistograms()
    settings = EngineSettings(delayed_name_removal=True, threads=1)
    engine = LocalEngine(store.reader, settings)
    try:
        for command in read(path.read_text()):
            match command:
                case Load():
                    store.load(_samples(command), _starts(command))
                    histograms.load(command)
                case Clear():
                    store.clear()
                    histograms.clear()
                case Eval():
                    score.total += 1
                    reason = check(engine, command)
                    if reason is None:
                        score.passed += 1
                    else:
                        need = histograms.need_of(command)
                        failure = Failure(path.name, command.line, command.query, reason, need)
                        score.failures.append(failure)
    finally:
        engine.close_blocking()
    return score


def _samples(command: Load) -> SeriesSamples:
    samples: SeriesSamples = {}
    for labels, points in command.series:
        values = {
            index * command.interval_ms: point
            for index, point in enumerate(points)
            if isinstance(point, float)
        }
        samples.setdefault(labels, {}).update(values)
    return samples


def _starts(command: Load) -> SeriesStarts:
    """Return absolute start times; the script gives them relative to their samples."""
    starts: SeriesStarts = {}
    for labels, offsets in command.starts:
        times = {
            index * command.interval_ms: index * command.interval_ms + offset
            for index, offset in enumerate(offsets)
            if offset is not None
        }
        starts.setdefault(labels, {}).update(times)
    return starts


def check(engine: LocalEngine, command: Eval) -> str | None:
    """Return the failure of an evaluation, None if it passed."""
    try:
        answer = _ask(engine, command)
    except PromQLError as exc:
        if command.fail is None:
            return f"failed: {exc}"
        return None if command.fail.matches(str(exc)) else f"failed with another error: {exc}"
    except Exception as exc:  # noqa: BLE001 - a crash is one failure, not the end of the run
        return f"crashed: {exc!r}"
    if command.fail is not None:
        return "did not fail"
    try:
        _check_annotations(command, answer)
        _check_value(command, answer)
        again = pinned(command)
        if again is not None:
            _check_value(command, engine.instant_blocking(again, command.start_ms + _LATER_MS))
    except (MismatchError, PromQLError) as exc:
        return str(exc)
    return None


_LATER_MS = 777_000
# These look at the evaluation time, or at what `@` changes about a sample.
_TIME_DEPENDENT = frozenset(
    {
        "days_in_month", "day_of_month", "day_of_week", "day_of_year", "hour", "minute",
        "month", "predict_linear", "time", "timestamp", "start_timestamp", "year", "start", "end",
        "step", "range", "info",
    }
)  # fmt: skip


def pinned(command: Eval) -> str | None:
    """Return an instant query with `@` at its evaluation time, None if its result may differ."""
    if not command.instant or command.window is not None or command.scalar is not None:
        return None
    tree = parse(command.query)
    for node in walk(tree):
        if isinstance(node, VectorSelector | Subquery) and node.shift != UNSHIFTED:
            return None
        if isinstance(node, Call) and node.function in _TIME_DEPENDENT:
            return None
    return text(_pin(tree, TimeShift(at_ms=command.start_ms)))


def _pin(node: Expression, shift: TimeShift) -> Expression:
    match node:
        case VectorSelector() | Subquery():
            return replace(node, shift=shift)
        case MatrixSelector():
            return replace(node, selector=replace(node.selector, shift=shift))
        case BinaryOperation():
            return replace(node, left=_pin(node.left, shift), right=_pin(node.right, shift))
        case Aggregation():
            parameter = None if node.parameter is None else _pin(node.parameter, shift)
            return replace(node, expression=_pin(node.expression, shift), parameter=parameter)
        case UnaryOperation() | Parentheses():
            return replace(node, expression=_pin(node.expression, shift))
        case Call():
            arguments = tuple(_pin(each, shift) for each in node.arguments)
            return replace(node, arguments=arguments)
        case _:
            return node


def _ask(engine: LocalEngine, command: Eval) -> Answer:
    if command.instant:
        return engine.instant_blocking(command.query, command.start_ms)
    return engine.range_blocking(command.query, command.start_ms, command.end_ms, command.step_ms)


def _check_annotations(command: Eval, answer: Answer) -> None:
    for kind, found, wanted, none in (
        ("warning", answer.annotations.warnings, command.warnings, command.no_warning),
        ("info", answer.annotations.infos, command.infos, command.no_info),
    ):
        if none and found:
            raise MismatchError(f"unexpected {kind}: {found}")
        if not wanted:
            continue
        for note in wanted:
            if not any(note.matches(each) for each in found):
                raise MismatchError(f"expected {kind} {note}, got {found}")
        for each in found:
            if not any(note.matches(each) for note in wanted):
                raise MismatchError(f"unexpected {kind}: {each}")


def _check_value(command: Eval, answer: Answer) -> None:
    value = answer.value
    if command.string is not None:
        if not isinstance(value, String) or value.value != command.string:
            raise MismatchError(f"expected string {command.string!r}, got {value}")
        return
    if command.scalar is not None:
        if not isinstance(value, Scalar) or not alike(value.value, command.scalar):
            raise MismatchError(f"expected scalar {command.scalar}, got {value}")
        return
    match value:
        case AlignedSeries():
            times = _times(command)
            _compare(dict(_rows(value, times)), command.series, len(times))
        case InstantVector():
            found = {
                labels: [number]
                for labels, number in zip(value.labels, value.values.tolist(), strict=True)
            }
            _compare(found, command.series, 1)
            if command.ordered:
                _check_order(value.labels, [labels for labels, _ in command.series])
        case _:
            raise MismatchError(f"unexpected {value}")


def _times(command: Eval) -> list[int]:
    if command.window is not None:
        start, end, step = command.window
        return list(range(start, end + 1, step))
    if command.instant:
        return [command.start_ms]
    return list(range(command.start_ms, command.end_ms + 1, command.step_ms))


def _rows(series: AlignedSeries, times: list[int]) -> Iterable[tuple[Labels, list[float | None]]]:
    absent = is_absent(np.ascontiguousarray(series.values))
    for row, labels in enumerate(series.labels):
        own = series.times_ms[series.rows[row]].tolist()
        values = series.values[row].tolist()
        by_time = {
            time: value
            for time, value, missing in zip(own, values, absent[row].tolist(), strict=True)
            if not missing
        }
        strange = set(by_time) - set(times)
        if strange:
            raise MismatchError(f"{labels}: samples at {sorted(strange)}")
        yield labels, [by_time.get(time) for time in times]


def _compare(
    found: dict[Labels, list[float | None]] | dict[Labels, list[float]],
    expected: list[tuple[Labels, tuple[Point, ...]]],
    length: int,
) -> None:
    wanted = {labels: list(points) for labels, points in expected}
    for labels, points in wanted.items():
        if all(point is None for point in points):
            continue
        if labels not in found:
            raise MismatchError(f"missing {labels}; got {_shown(found)}")
        points.extend([None] * (length - len(points)))
        values = list(found[labels])
        for step, (point, value) in enumerate(zip(points, values, strict=False)):
            if not _same(value, point):
                raise MismatchError(f"{labels} at step {step}: expected {points}, got {values}")
    for labels in found:
        if labels not in wanted:
            raise MismatchError(f"unexpected {labels} {found[labels]}")


def _shown(found: object) -> str:
    text = str(found)
    return text if len(text) < 300 else text[:300] + "…"


def _same(value: float | None, point: Point) -> bool:
    if isinstance(point, Histogram):
        return False
    if value is None or point is None:
        return value is None and point is None
    return alike(value, point)


def _check_order(found: tuple[Labels, ...], wanted: list[Labels]) -> None:
    if list(found) != wanted:
        raise MismatchError(f"expected the order {wanted}, got {found}")


def alike(value: float, wanted: float) -> bool:
    """Return whether two floats are equal up to rounding; NaN equals NaN."""
    if math.isnan(value) or math.isnan(wanted):
        return math.isnan(value) and math.isnan(wanted)
    if value == wanted:
        return True
    if math.isinf(value) or math.isinf(wanted):
        return False
    difference, size = abs(value - wanted), abs(value) + abs(wanted)
    if value == 0 or wanted == 0 or size < _SMALLEST_NORMAL:
        return difference < _TOLERANCE * _SMALLEST_NORMAL
    return difference / min(size, 1.7976931348623157e308) < _TOLERANCE


def run_directory(directory: Path, make_store: MakeStore = memory_store) -> dict[str, Score]:
    """Run every script of a directory, in order of name."""
    return {path.name: run_file(path, make_store) for path in sorted(directory.glob("*.test"))}
