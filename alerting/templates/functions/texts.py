"""The functions on texts that Prometheus and Alertmanager share.

Source: Go, packages regexp and strings.
"""

import re
from functools import lru_cache
from typing import Any

from alerting.templates.budget import steps_of_pattern
from alerting.templates.expansion import Expansion
from alerting.templates.language.literals import can_backquote, go_quote
from alerting.templates.values.values import FunctionError, Html, TemplateFunction
from model.matchers import BadPatternError, compile_pattern

_MID_WORD = r"['.:\u00b7\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a]"
# Digits and marks before the first letter, and the rest; one sign may stand inside a word.
_WORD = re.compile(rf"((?:[\d_]+{_MID_WORD}?)*)([^\W\d_])((?:\w|{_MID_WORD}(?=\w))*)")
_STEPS_OF_MATCH = 10
_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    return compile_pattern(pattern, dot_matches_newline=False)


def _replace_all(expansion: Expansion, pattern: str, replacement: str, text: str) -> str:
    """Replace every match of an RE2 pattern; $1 and ${name} stand for its groups."""
    expansion.budget.spend(steps_of_pattern(pattern, text))
    try:
        compiled = _compiled(pattern)
    except BadPatternError as exc:
        shown = f"`{pattern}`" if can_backquote(pattern) else go_quote(pattern)
        raise FunctionError(f"regexp: Compile({shown}): {exc}") from exc
    parts, end = [], 0
    for match in compiled.finditer(text):
        # As in Go, no empty match right after another match.
        if match.end() == match.start() == end and end > 0:
            continue
        parts.append(text[end : match.start()])
        parts.append(_expanded(replacement, match))
        expansion.budget.spend(_STEPS_OF_MATCH)
        expansion.budget.spend_chars(len(parts[-1]))
        end = match.end()
    return "".join((*parts, text[end:]))


def _expanded(replacement: str, match: Any) -> str:
    if "$" not in replacement:
        return replacement

    def group(reference: re.Match[str]) -> str:
        if reference[1]:
            return "$"
        name = reference[2] or reference[3]
        try:
            if name.isascii() and name.isdecimal():
                # A number with leading zeros is no number.
                return "" if name[0] == "0" and len(name) > 1 else match[int(name)] or ""
            return match[name] or ""
        except (IndexError, KeyError, OverflowError):
            return ""

    return _REFERENCE.sub(group, replacement)


def title(word: str, *, lower: bool) -> str:
    """Return text with the first letter of each word in title case.

    Args:
        word: the text.
        lower: whether the other letters become small.
    """

    def write(match: re.Match[str]) -> str:
        start, first = match[1], match[2]
        # The whole rest at once: a sigma at the end of a word is another letter.
        rest = match[2] + match[3]
        rest = rest.lower()[len(first.lower()) :] if lower else match[3]
        return start + first.title() + rest

    return _WORD.sub(write, word)


def _match(expansion: Expansion, pattern: str, text: str) -> bool:
    """Whether a part of the text matches an RE2 pattern."""
    expansion.budget.spend(steps_of_pattern(pattern, text))
    try:
        return _compiled(pattern).search(text) is not None
    except BadPatternError as exc:
        raise FunctionError(str(exc)) from exc


_TEXT = ("string",)
TEXT_FUNCTIONS = {
    "match": TemplateFunction(_match, ("string", "string"), in_context=True),
    "reReplaceAll": TemplateFunction(_replace_all, ("string", "string", "string"), in_context=True),
    "safeHtml": TemplateFunction(Html, _TEXT),
    "toLower": TemplateFunction(str.lower, _TEXT),
    "toUpper": TemplateFunction(str.upper, _TEXT),
}
