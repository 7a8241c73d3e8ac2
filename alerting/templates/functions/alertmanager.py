"""The functions of notification templates.

Source: Alertmanager documentation, "Notification template reference"; Alertmanager,
template/template.go.
"""

import datetime as dt
import re
from types import MappingProxyType
from urllib.parse import unquote_plus

from alerting.templates.expansion import Expansion
from alerting.templates.functions import humanize
from alerting.templates.functions.builtins import BUILTINS, escape_html, text_of
from alerting.templates.functions.json_text import json_text
from alerting.templates.functions.numbers import of_number
from alerting.templates.functions.texts import TEXT_FUNCTIONS, title
from alerting.templates.language.literals import go_quote
from alerting.templates.values.times import Duration, TimeValue, format_time, load_zone
from alerting.templates.values.values import (
    ANY,
    FunctionError,
    Html,
    MapValue,
    SafeUrl,
    SliceValue,
    TemplateFunction,
    Value,
    strings,
)

_LIST = "[]interface {}"
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2}).{0,2}", re.DOTALL)


def _append(expansion: Expansion, items: SliceValue | None, *more: Value) -> SliceValue:
    known = () if items is None else items.items
    expansion.budget.spend(len(known))
    return SliceValue((*known, *more))


def _dict(*pairs: Value) -> MapValue:
    if len(pairs) % 2:
        raise FunctionError("dict requires an even number of arguments")
    entries = {}
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if type(key) is not str:
            raise FunctionError("dict keys must be strings")
        entries[key] = value
    return MapValue(entries)


def _join(separator: str, items: SliceValue | None) -> str:
    return separator.join(() if items is None else items.items)


def _now(expansion: Expansion) -> TimeValue:
    return TimeValue(expansion.now_ms * 1_000_000)


def _since(expansion: Expansion, time: TimeValue) -> Duration:
    return TimeValue.methods["Sub"].call(_now(expansion), time)  # type: ignore[no-any-return]


def _tz(name: str, time: TimeValue) -> TimeValue:
    zone: dt.tzinfo = dt.UTC if name == "Local" else load_zone(name)
    return TimeValue(time.unix_ns, zone)


def _unescape(text: str) -> str:
    wrong = _BAD_ESCAPE.search(text)
    if wrong is not None:
        raise FunctionError(f"invalid URL escape {go_quote(wrong[0])}")
    return unquote_plus(text, errors="surrogateescape")


def _to_json(expansion: Expansion, value: Value) -> str:
    return json_text(value, expansion.budget.chars_left)


def _html(expansion: Expansion, *values: Value) -> Html:
    # Marked, so that it is not escaped a second time.
    return Html(escape_html(text_of(expansion, values)))


ALERTMANAGER_FUNCTIONS = MappingProxyType(
    {
        **BUILTINS,
        **TEXT_FUNCTIONS,
        "append": TemplateFunction(_append, (_LIST, ANY), variadic=True, in_context=True),
        "date": TemplateFunction(
            lambda layout, time: format_time(time, layout), ("string", TimeValue.go_type)
        ),
        "dict": TemplateFunction(_dict, (ANY,), variadic=True),
        "humanizeDuration": of_number(humanize.humanize_duration),
        "join": TemplateFunction(_join, ("string", "[]string")),
        "list": TemplateFunction(lambda *items: SliceValue(items), (ANY,), variadic=True),
        "now": TemplateFunction(_now, in_context=True),
        "safeUrl": TemplateFunction(SafeUrl, ("string",)),
        "since": TemplateFunction(_since, (TimeValue.go_type,), in_context=True),
        "stringSlice": TemplateFunction(lambda *items: strings(items), ("string",), variadic=True),
        "title": TemplateFunction(lambda text: title(text, lower=True), ("string",)),
        "toJson": TemplateFunction(_to_json, (ANY,), in_context=True),
        "trimSpace": TemplateFunction(str.strip, ("string",)),
        "tz": TemplateFunction(_tz, ("string", TimeValue.go_type)),
        "urlUnescape": TemplateFunction(_unescape, ("string",)),
    }
)

HTML_FUNCTIONS = MappingProxyType(
    {
        **ALERTMANAGER_FUNCTIONS,
        "html": TemplateFunction(_html, (ANY,), variadic=True, in_context=True),
    }
)
"""The functions of a template that gives HTML."""
