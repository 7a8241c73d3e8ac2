"""Builds lines of Claude Code's transcripts."""

from typing import Any

import orjson

MODEL = "claude-sonnet-4-5-20250929"
TIME = "2026-11-20T10:00:00.000Z"


def response(
    message_id: str = "msg_1",
    request_id: str | None = "req_1",
    *,
    usage: dict[str, Any] | None = None,
    content: list[dict[str, Any]] | None = None,
    model: str = MODEL,
    time: str = TIME,
    session: str = "s-1",
    sidechain: bool = False,
    **more: Any,
) -> bytes:
    """Return a line with a response."""
    entry: dict[str, Any] = {
        "type": "assistant",
        "sessionId": session,
        "timestamp": time,
        "cwd": "/home/ann/shop",
        "gitBranch": "main",
        "isSidechain": sidechain,
        "uuid": f"u-{message_id}-{request_id}",
        "message": {
            "id": message_id,
            "model": model,
            "role": "assistant",
            "content": content or [{"type": "text", "text": "Done."}],
            "usage": usage or {"input_tokens": 10, "output_tokens": 20},
        },
        **more,
    }
    if request_id is not None:
        entry["requestId"] = request_id
    return orjson.dumps(entry)


def tool_use(key: str, name: str, **given: Any) -> dict[str, Any]:
    """Return a block that calls a tool."""
    return {"type": "tool_use", "id": key, "name": name, "input": given}


def tool_result(
    key: str, *, result: Any = None, is_error: bool = False, text: str = "ok", time: str = TIME
) -> bytes:
    """Return a line with the result of a tool."""
    block = {"type": "tool_result", "tool_use_id": key, "content": text, "is_error": is_error}
    return orjson.dumps(
        {
            "type": "user",
            "sessionId": "s-1",
            "timestamp": time,
            "cwd": "/home/ann/shop",
            "gitBranch": "main",
            "uuid": f"result-{key}",
            "message": {"role": "user", "content": [block]},
            "toolUseResult": result,
        }
    )


def prompt(text: str, key: str = "p-1", *, session: str = "s-1", **more: Any) -> bytes:
    """Return a line with a person's prompt."""
    return orjson.dumps(
        {
            "type": "user",
            "sessionId": session,
            "timestamp": TIME,
            "cwd": "/home/ann/shop",
            "gitBranch": "main",
            "uuid": key,
            "message": {"role": "user", "content": text},
            **more,
        }
    )
