"""Follows HTML while it is written, and escapes each value for its place.

Go's html/template finds the places before it expands a template; here they are found in the
text that is written, which gives the same text for templates that Go accepts.

Source: Go, package html/template.
"""

import re
from enum import Enum, auto

from alerting.templates import html_escaping as escaping
from alerting.templates.values.values import FunctionError, Value

_RAW_ELEMENTS = frozenset({"script", "style", "textarea", "title"})
_SPACE = " \t\n\f\r"
_TAG_START = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_NAME = re.compile(r"[^\s=/>]+")
_VALUE_END = {'"': re.compile('"'), "'": re.compile("'"), "": re.compile(r"[\s>]")}


class _Place(Enum):
    """Where in the HTML the next character stands."""

    TEXT = auto()
    RAW = auto()
    COMMENT = auto()
    TAG = auto()
    AFTER_NAME = auto()
    BEFORE_VALUE = auto()
    VALUE = auto()


class HtmlOutput:
    """The HTML that a template writes, text by text."""

    def __init__(self) -> None:
        self._place = _Place.TEXT
        self._element = self._attribute = self._quote = ""
        self._closing = False
        # What the value of the attribute holds so far.
        self._value = ""

    def text(self, text: str) -> str:
        """Return text of the template as it is written: without comments."""
        readers = {
            _Place.TEXT: self._in_text,
            _Place.RAW: self._in_raw,
            _Place.COMMENT: self._in_comment,
            _Place.TAG: self._in_tag,
            _Place.AFTER_NAME: self._in_after_name,
            _Place.BEFORE_VALUE: self._in_before_value,
            _Place.VALUE: self._in_value,
        }
        parts, at = [], 0
        while at < len(text):
            written, at = readers[self._place](text, at)
            parts.append(written)
        return "".join(parts)

    def value(self, value: Value, text: str) -> str:
        """Return the text of a value, escaped for its place.

        Raises:
            FunctionError: the place is a script.
        """
        # As in Go, a missing value is nothing, not "<no value>".
        text = "" if value is None else text
        match self._place:
            case _Place.TEXT:
                return escaping.escape_text(value, text)
            case _Place.COMMENT:
                return ""
            case _Place.RAW:
                return self._raw_value(value, text)
            case _Place.TAG | _Place.AFTER_NAME:
                self._attribute, self._place = "", _Place.AFTER_NAME
                return escaping.filter_name(text)
            case _Place.BEFORE_VALUE:
                self._begin_value("")
        return self._attribute_value(value, text)

    def _raw_value(self, value: Value, text: str) -> str:
        if self._element == "script":
            raise FunctionError("a value inside a script is not supported")
        if self._element == "style":
            return escaping.filter_css(text)
        return escaping.escape_text(None, text)

    def _attribute_value(self, value: Value, text: str) -> str:
        match escaping.attribute_kind(self._attribute):
            case "script":
                raise FunctionError(f"a value inside {self._attribute} is not supported")
            case "url":
                text, value = self._url(value, text), None
            case "style":
                text, value = escaping.filter_css(text), None
        self._value += text
        if self._quote:
            return escaping.escape_attribute(value, text)
        return escaping.escape_unquoted(value, text)

    def _url(self, value: Value, text: str) -> str:
        if not self._value:
            text = escaping.filter_url(value, text)
        in_query = "?" in self._value or "#" in self._value
        return escaping.escape_url(text, keep_reserved=not in_query)

    # Each returns what it writes of the text from an index, and the index after it.

    def _in_text(self, text: str, at: int) -> tuple[str, int]:
        bracket = text.find("<", at)
        if bracket < 0:
            return text[at:], len(text)
        before = text[at:bracket]
        if text.startswith("<!--", bracket):
            self._place = _Place.COMMENT
            return before, bracket + len("<!--")
        tag = _TAG_START.match(text, bracket)
        if tag is None:
            is_declaration = text[bracket:].upper().startswith("<!DOCTYPE")
            return before + ("<" if is_declaration else "&lt;"), bracket + 1
        self._closing, self._element = bool(tag[1]), tag[2].lower()
        self._place = _Place.TAG
        return before + tag[0], tag.end()

    def _in_comment(self, text: str, at: int) -> tuple[str, int]:
        end = text.find("-->", at)
        if end < 0:
            return "", len(text)
        self._place = _Place.TEXT
        return "", end + len("-->")

    def _in_raw(self, text: str, at: int) -> tuple[str, int]:
        end = text.lower().find(f"</{self._element}", at)
        if end < 0:
            return text[at:], len(text)
        self._place = _Place.TEXT
        return text[at:end], end

    def _in_tag(self, text: str, at: int) -> tuple[str, int]:
        if text[at] == ">":
            is_raw = self._element in _RAW_ELEMENTS and not self._closing
            self._place = _Place.RAW if is_raw else _Place.TEXT
            return ">", at + 1
        name = _NAME.match(text, at)
        if name is None:
            return text[at], at + 1
        self._attribute, self._place = name[0], _Place.AFTER_NAME
        return name[0], name.end()

    def _in_after_name(self, text: str, at: int) -> tuple[str, int]:
        if text[at] in _SPACE:
            return text[at], at + 1
        if text[at] == "=":
            self._place = _Place.BEFORE_VALUE
            return "=", at + 1
        self._place = _Place.TAG
        return "", at

    def _in_before_value(self, text: str, at: int) -> tuple[str, int]:
        if text[at] in _SPACE:
            return text[at], at + 1
        if text[at] == ">":
            self._place = _Place.TAG
            return "", at
        quote = text[at] if text[at] in "\"'" else ""
        self._begin_value(quote)
        return quote, at + len(quote)

    def _begin_value(self, quote: str) -> None:
        self._place, self._quote, self._value = _Place.VALUE, quote, ""

    def _in_value(self, text: str, at: int) -> tuple[str, int]:
        end = _VALUE_END[self._quote].search(text, at)
        if end is None:
            self._value += text[at:]
            return text[at:], len(text)
        self._place = _Place.TAG
        stop = end.end() if self._quote else end.start()
        return text[at:stop], stop
