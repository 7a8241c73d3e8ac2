"""Shortens text from other programs for error messages."""

from urllib.parse import urlsplit

_MAX_QUOTED = 64
_MAX_MESSAGE = 300


def quoted(text: str) -> str:
    """Return `text` in double quotes, cut to 64 characters."""
    return f'"{text}"' if len(text) <= _MAX_QUOTED else f'"{text[: _MAX_QUOTED - 3]}…"'


def one_line(text: str) -> str:
    """Return `text` on one line, cut to 300 characters."""
    line = " ".join(text.split())
    return line if len(line) <= _MAX_MESSAGE else f"{line[: _MAX_MESSAGE - 1]}…"


def shown_url(url: str) -> str:
    """Return a URL for messages: without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "…"
    hidden = "?…" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{parts.path}{hidden}"
