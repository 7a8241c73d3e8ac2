r"""Go's verdict on a regular expression, where it differs from that of RE2 in C++.

Go's package and RE2 share their syntax. RE2 accepts `\C`, and it words its errors differently;
users know Go's words from Prometheus.

Source: Go, regexp/syntax.
"""

from typing import Final

_REASONS: Final = {
    "missing ]": "missing closing ]",
    "bad repetition operator": "invalid nested repetition operator",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid named capture group": "invalid named capture",
}
"""Go's words for RE2's, where both name the same part of the expression."""
_OF_WHOLE: Final = {
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "pattern too large - compile failed": "expression too large",
    "invalid UTF-8": "invalid UTF-8",
}
"""Errors for which Go names the whole expression."""
_FLAGS: Final = "imsU-"


def explained(pattern: str, message: str) -> tuple[str, str]:
    """Return Go's reason for RE2's error message, and the part of the expression it is about."""
    reason, _, part = message.partition(": ")
    if reason in _OF_WHOLE:
        return _OF_WHOLE[reason], pattern
    if reason.startswith("trailing"):
        return "trailing backslash at end of expression", ""
    if reason == "invalid perl operator":
        return "invalid or unsupported Perl syntax", _flag_group(pattern, part)
    return _REASONS.get(reason, reason), part or pattern


def _flag_group(pattern: str, part: str) -> str:
    """Return a group such as `(?z` up to the first character that is no flag."""
    start = pattern.find(part)
    end = start + 2
    while pattern[end : end + 1] and pattern[end] in _FLAGS:
        end += 1
    return pattern[start : end + 1]


def has_byte_escape(pattern: str) -> bool:
    r"""Return whether an expression contains `\C`, any byte, outside of `\Q…\E`."""
    at = pattern.find("\\")
    while at >= 0:
        letter = pattern[at + 1 : at + 2]
        if letter == "C":
            return True
        after = at + 2
        if letter == "Q":
            after = pattern.find("\\E", after)
            if after < 0:
                return False
        at = pattern.find("\\", after)
    return False
