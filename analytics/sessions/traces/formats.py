"""Recognises the format of a trace file by its first lines, and reads it."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

import orjson

from analytics.sessions.traces.claude_code import ClaudeCodeReader
from analytics.sessions.traces.codex import CodexReader
from analytics.sessions.traces.copilot import CopilotReader
from analytics.sessions.traces.gemini import GeminiReader
from analytics.sessions.traces.litellm import LiteLlmReader
from analytics.sessions.traces.native import MARK, NativeReader
from analytics.sessions.traces.opencode import OpencodeReader
from analytics.sessions.traces.prodlens import ProdLensReader
from analytics.sessions.traces.reader import TraceReader, TraceSource

_EXAMINED_LINES: Final = 50


class TraceFormat(StrEnum):
    """The format of a trace file."""

    CLAUDE_CODE = "claude-code"
    CODEX = "codex"
    GEMINI = "gemini"
    COPILOT = "copilot"
    LITELLM = "litellm"
    OPENCODE = "opencode"
    PRODLENS = "prodlens"
    NATIVE = "redshank"


_READERS: Final[Mapping[TraceFormat, Callable[[TraceSource], TraceReader]]] = {
    TraceFormat.CLAUDE_CODE: ClaudeCodeReader,
    TraceFormat.CODEX: CodexReader,
    TraceFormat.GEMINI: GeminiReader,
    TraceFormat.COPILOT: CopilotReader,
    TraceFormat.LITELLM: LiteLlmReader,
    TraceFormat.OPENCODE: OpencodeReader,
    TraceFormat.PRODLENS: ProdLensReader,
    TraceFormat.NATIVE: NativeReader,
}

WHOLE_FILE_FORMATS: Final = frozenset(
    {TraceFormat.GEMINI, TraceFormat.COPILOT, TraceFormat.LITELLM, TraceFormat.OPENCODE}
)
"""Formats whose records depend on later ones, or whose files are one document."""

_CODEX_TYPES: Final = frozenset({"session_meta", "turn_context", "event_msg", "response_item"})
_CLAUDE_TYPES: Final = frozenset(
    {"user", "assistant", "system", "summary", "progress", "file-history-snapshot"}
)


def reader_of(trace_format: TraceFormat, source: TraceSource) -> TraceReader:
    """Return a reader for one file."""
    return _READERS[trace_format](source)


def format_of(lines: Sequence[bytes]) -> TraceFormat | None:
    """Return the format of a file with these first lines, None if no line shows it."""
    for line in lines[:_EXAMINED_LINES]:
        entry = _first_object(line)
        found = None if entry is None else _format_of_entry(entry)
        if found is not None:
            return found
    # A document over several lines, as older versions of Gemini CLI write it.
    start = b"\n".join(lines[:_EXAMINED_LINES]).lstrip()
    if start.startswith(b"{") and b'"sessionId"' in start and b'"messages"' in start:
        return TraceFormat.GEMINI
    if start.startswith(b"{") and (b'"sessionID"' in start or b'"projectID"' in start):
        return TraceFormat.OPENCODE
    if start.startswith(b"[") and b'"startTime"' in start:
        return TraceFormat.LITELLM
    return None


def _first_object(line: bytes) -> dict[str, Any] | None:
    if not line.strip().startswith((b"{", b"[")):
        return None
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if isinstance(found, list) and found:
        found = found[0]
    return found if isinstance(found, dict) else None


def _format_of_entry(entry: Mapping[str, Any]) -> TraceFormat | None:
    kind = entry.get("type")
    if MARK in entry:
        return TraceFormat.NATIVE
    if kind in _CODEX_TYPES and "payload" in entry:
        return TraceFormat.CODEX
    if "attributes" in entry and isinstance(entry["attributes"], dict):
        return TraceFormat.COPILOT
    if "sessionId" in entry and ("messages" in entry or "projectHash" in entry):
        return TraceFormat.GEMINI
    if kind == "gemini" or (kind == "user" and "message" not in entry and "content" in entry):
        return TraceFormat.GEMINI
    if isinstance(kind, str) and (
        kind in _CLAUDE_TYPES and ("message" in entry or "sessionId" in entry or "data" in entry)
    ):
        return TraceFormat.CLAUDE_CODE
    if isinstance(entry.get("message"), dict) and "usage" in entry["message"]:
        return TraceFormat.CLAUDE_CODE
    if "sessionID" in entry or ("projectID" in entry and "directory" in entry):
        return TraceFormat.OPENCODE
    if "startTime" in entry and ("call_type" in entry or "prompt_tokens" in entry):
        return TraceFormat.LITELLM
    if "session_id" in entry or "tokens_in" in entry or "developer_id" in entry:
        return TraceFormat.PRODLENS
    return None
