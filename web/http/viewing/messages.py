"""Messages of errors in the reader's language.

Errors have English messages, and programs get them so. Pages look them up when they show them:
the catalogues have a template for each message, such as `there is no host %(key)s`, in a context
of their own. `tests/web/http/viewing/messages.py` finds the templates where errors are raised.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from web.http.viewing.texts import gettext_of_context
from web.http.viewing.view import VIEW

CONTEXT: Final = "message"
"""The context of messages in the catalogues."""

_FIELD: Final = re.compile(r"([\w.\[\]]+: )(.+)", re.ASCII | re.DOTALL)
_PLACE: Final = re.compile(r"%\((\w+)\)s")

_REASON: Final = "reason"
"""The name of a value that is a message, such as in `%(place)s: parse error: %(reason)s`."""

_Templates = tuple[tuple[re.Pattern[str], str], ...]


def translated_message(message: str) -> str | None:
    """Return a message in the reader's language, None if there is no translation.

    A message may stand behind the name of its field, which stays as it is.
    """
    language = VIEW.get().language
    if language == "en":
        return message
    found = _translation(message, language)
    if found is None and (parts := _FIELD.fullmatch(message)):
        rest = translated_message(parts[2])
        found = None if rest is None else parts[1] + rest
    return found


def _translation(message: str, language: str) -> str | None:
    exact, templates = _messages(language)
    if message in exact:
        return exact[message]
    for pattern, text in templates:
        if match := pattern.fullmatch(message):
            # A value may be a message too, such as the reason of a failed connection.
            values = {
                name: exact.get(value) or (_reason(value, language) if name == _REASON else value)
                for name, value in match.groupdict().items()
            }
            return _filled(text, values)
    return None


def _reason(reason: str, language: str) -> str:
    """Return the reason in a message, which may have a template of its own."""
    return _translation(reason, language) or reason


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda place: values[place[1]], text)


@cache
def _messages(language: str) -> tuple[Mapping[str, str], _Templates]:
    """Return the messages without values, and the templates of the others: the longest first."""
    found = gettext_of_context(language, CONTEXT)
    templates = sorted((key for key in found if _PLACE.search(key)), key=_own_length, reverse=True)
    patterns = tuple((_pattern(template), found[template]) for template in templates)
    return {key: text for key, text in found.items() if not _PLACE.search(key)}, patterns


def _own_length(template: str) -> int:
    return len(_PLACE.sub("", template))


def _pattern(template: str) -> re.Pattern[str]:
    parts = _PLACE.split(template)
    for at in range(0, len(parts), 2):
        parts[at] = re.escape(parts[at])
    for at in range(1, len(parts), 2):
        parts[at] = f"(?P<{parts[at]}>.*?)"
    return re.compile("".join(parts), re.DOTALL)
