"""Escapes values for each place in HTML.

Source: Go, package html/template.
"""

import re

from alerting.templates.values.values import Html, SafeUrl, Value, string_bytes

FAILSAFE = "ZgotmplZ"
"""Stands for a value that is not safe at its place, as in Go."""

_TEXT = str.maketrans(
    {
        "\0": "\ufffd",
        '"': "&#34;",
        "&": "&amp;",
        "'": "&#39;",
        "+": "&#43;",
        "<": "&lt;",
        ">": "&gt;",
    }
)
_UNQUOTED = {
    **_TEXT,
    **str.maketrans(
        {
            "\0": "&#xfffd;",
            "\t": "&#9;",
            "\n": "&#10;",
            "\v": "&#11;",
            "\f": "&#12;",
            "\r": "&#13;",
            " ": "&#32;",
            "=": "&#61;",
            "`": "&#96;",
        }
    ),
}
_AMPERSAND = ord("&")
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^>]*>", re.DOTALL)
_PROTOCOL = re.compile(r"([^/?#:]*):", re.DOTALL)
_SAFE_PROTOCOLS = frozenset({"http", "https", "mailto"})
_UNRESERVED = frozenset(b"-._~")
_RESERVED = frozenset(b"!#$&*+,/:;=?@[]")
_HEX = frozenset(b"0123456789abcdefABCDEF")
_URLS = frozenset(
    {
        *("action", "archive", "background", "cite", "classid", "codebase", "data", "formaction"),
        *("href", "icon", "longdesc", "manifest", "poster", "profile", "src", "usemap", "xmlns"),
    }
)
_UNSAFE_CSS = frozenset("\0\"'()/;@[\\]`{}<>")


def escape_text(value: Value, text: str) -> str:
    """Return a value between tags."""
    return text if isinstance(value, Html) else text.translate(_TEXT)


def escape_attribute(value: Value, text: str) -> str:
    """Return a value inside quotes."""
    if isinstance(value, Html):
        return _normalized(_TAG.sub("", text), _TEXT)
    return text.translate(_TEXT)


def escape_unquoted(value: Value, text: str) -> str:
    """Return a value of an attribute without quotes."""
    if isinstance(value, Html):
        return _normalized(_TAG.sub("", text), _UNQUOTED)
    return text.translate(_UNQUOTED) or FAILSAFE


def _normalized(text: str, table: dict[int, str]) -> str:
    """Escape text that has character references already."""
    return text.translate({code: to for code, to in table.items() if code != _AMPERSAND})


def filter_url(value: Value, text: str) -> str:
    """Return a URL unchanged if its protocol is safe."""
    protocol = _PROTOCOL.match(text)
    if isinstance(value, SafeUrl) or protocol is None or protocol[1].lower() in _SAFE_PROTOCOLS:
        return text
    return f"#{FAILSAFE}"


def escape_url(text: str, *, keep_reserved: bool) -> str:
    """Return text as a part of a URL.

    Args:
        text: the part.
        keep_reserved: keep what separates parts, and what is escaped already.
    """
    data = string_bytes(text)
    parts = []
    for position, byte in enumerate(data):
        known = keep_reserved and (
            byte in _RESERVED or (byte == 0x25 and _is_escape(data, position))
        )
        plain = byte < 0x80 and chr(byte).isalnum()
        parts.append(chr(byte) if plain or known or byte in _UNRESERVED else f"%{byte:02x}")
    return "".join(parts)


def _is_escape(data: bytes, position: int) -> bool:
    digits = data[position + 1 : position + 3]
    return len(digits) == 2 and _HEX.issuperset(digits)


def filter_css(text: str) -> str:
    """Return a value of a style unchanged if it is safe."""
    lowered = re.sub(r"[^a-z]", "", text.lower())
    if set(text) & _UNSAFE_CSS or "--" in text or "expression" in lowered:
        return FAILSAFE
    return FAILSAFE if "mozbinding" in lowered else text


def attribute_kind(name: str) -> str:
    """Return what the value of an attribute is: url, style, script or text."""
    plain = name.lower().removeprefix("data-").rpartition(":")[2]
    if plain.startswith("on"):
        return "script"
    if plain == "style":
        return "style"
    is_url = plain in _URLS or any(part in plain for part in ("src", "uri", "url"))
    return "url" if is_url else "text"


def filter_name(text: str) -> str:
    """Return the name of an attribute unchanged if every value of it is harmless."""
    harmless = text.isascii() and text.isalnum() and attribute_kind(text) == "text"
    return text if harmless else FAILSAFE
