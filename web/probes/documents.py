"""JSON documents of probes."""

from typing import Any, Final

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from model.probing.definitions import ProbeDefinition, ProbeKind
from scraper.probing.library import ProbeEntry, with_headers
from scraper.probing.prober import ProbeOutcome
from scraper.probing.service import ProbeService

SECRET: Final = "<secret>"  # noqa: S105 - what stands for one.
"""Stands for the value of a header; a change that sends it back keeps the value."""


class HeartbeatDocument(TypedDict):
    """The URL of a heartbeat: whether one was issued, and when it was called last."""

    has_url: bool
    last_ms: int | None


class ProbeDocument(TypedDict):
    """A probe with its state.

    `state` is up, down, paused, or pending before the first run. `configured` probes are in
    redshank.yml and cannot be changed by the API. `since_ms` is when the state began.
    """

    name: str
    definition: ProbeDefinition
    configured: bool
    state: str
    reason: str
    since_ms: int | None
    last_ms: int | None
    duration_s: float | None
    attempts: int | None
    numbers: dict[str, float]
    heartbeat: HeartbeatDocument | None
    author: str
    changed_ms: int | None


class ProbesDocument(TypedDict):
    """All probes by name."""

    probes: list[ProbeDocument]


class ProbeTestDocument(TypedDict):
    """The outcome of one run; `numbers` are metrics without `probe_`, `phases_s` durations."""

    succeeded: bool
    reason: str
    duration_s: float
    attempts: int
    numbers: dict[str, float]
    phases_s: dict[str, float]


class HeartbeatUrlDocument(TypedDict):
    """The URL that the job must call; it is shown only now."""

    url: str


def probe_document(entry: ProbeEntry, probes: ProbeService) -> ProbeDocument:
    """Return a probe with its state; the values of its headers are hidden."""
    definition = entry.definition
    state = probes.prober.state(definition.name)
    outcome = None if state is None else state.outcome
    heartbeat: HeartbeatDocument | None = None
    if definition.kind is ProbeKind.HEARTBEAT:
        beat = probes.heartbeats.last(definition.name)
        heartbeat = {
            "has_url": probes.heartbeats.has_url(definition.name),
            "last_ms": None if beat is None else beat.at_ms,
        }
    return {
        "name": definition.name,
        "definition": masked(definition),
        "configured": entry.is_configured,
        "state": _state(definition, outcome),
        "reason": "" if outcome is None else outcome.reason,
        "since_ms": None if state is None or outcome is None else state.since_ms,
        "last_ms": None if outcome is None else outcome.at_ms,
        "duration_s": None if outcome is None else outcome.duration_s,
        "attempts": None if outcome is None else outcome.attempts,
        "numbers": {} if outcome is None else _numbers(outcome),
        "heartbeat": heartbeat,
        "author": entry.author,
        "changed_ms": entry.changed_ms,
    }


def _state(definition: ProbeDefinition, outcome: ProbeOutcome | None) -> str:
    if definition.paused:
        return "paused"
    if outcome is None:
        return "pending"
    return "up" if outcome.succeeded else "down"


def _numbers(outcome: ProbeOutcome) -> dict[str, float]:
    return {name: float(value) for name, value in outcome.reply.numbers.items()}


def outcome_document(outcome: ProbeOutcome) -> ProbeTestDocument:
    """Return the outcome of one run."""
    return {
        "succeeded": outcome.succeeded,
        "reason": outcome.reason,
        "duration_s": outcome.duration_s,
        "attempts": outcome.attempts,
        "numbers": _numbers(outcome),
        "phases_s": outcome.reply.phases_s,
    }


def probe_json(document: ProbeDocument) -> dict[str, Any]:
    """Return a document whose definition is data."""
    return {**document, "definition": document["definition"].model_dump(mode="json")}


def masked(definition: ProbeDefinition) -> ProbeDefinition:
    """Return a definition whose headers have no values."""
    return with_headers(definition, dict.fromkeys(definition.http.headers, SECRET))


def unmasked(definition: ProbeDefinition, before: ProbeDefinition) -> ProbeDefinition:
    """Return a definition with the values that headers had before where they were hidden."""
    known = before.http.headers
    headers = {
        name: known.get(name, "") if value == SECRET else value
        for name, value in definition.http.headers.items()
    }
    return with_headers(definition, headers)
