"""The functions of templates in rule files.

Source: Prometheus documentation, "Template reference"; Prometheus, template/template.go.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address
from types import MappingProxyType
from urllib.parse import urlsplit

from alerting.templates.expansion import Expansion, QueryNeededError
from alerting.templates.functions import humanize
from alerting.templates.functions.builtins import BUILTINS, escape_query
from alerting.templates.functions.numbers import of_number
from alerting.templates.functions.texts import TEXT_FUNCTIONS, title
from alerting.templates.language.literals import go_quote
from alerting.templates.values.times import TimeValue
from alerting.templates.values.values import (
    ANY,
    FunctionError,
    MapValue,
    SliceValue,
    StructValue,
    TemplateFunction,
    Value,
)
from model.durations import UNITS, parse_duration_ms
from model.labels import Labels

_HOST_AND_PORT = re.compile(r"(?:\[([^\[\]]*)\]|([^:\[\]]*)):[^:\[\]]*")


class SampleValue(StructValue):
    """One series of a query's result."""

    __slots__ = ()
    go_type = "*template.sample"


class TimePointer(TimeValue):
    """A pointer to a time."""

    __slots__ = ()
    go_type = "*time.Time"


_DURATIONS = re.compile(r"(?:\d+\D+)+.*", re.ASCII | re.DOTALL)
_UNITS = re.compile(r"\d+(\D+)", re.ASCII)
QUERY_RESULT = "template.queryResult"


def query_result(samples: list[tuple[Labels, float]]) -> SliceValue:
    """Return the result of a query as templates see it."""
    return SliceValue(
        [SampleValue(Labels=labels, Value=value) for labels, value in samples],
        SampleValue.go_type,
        QUERY_RESULT,
    )


def _query(expansion: Expansion, query: str) -> SliceValue:
    result = expansion.results.get(query)
    if result is None:
        raise QueryNeededError(query)
    if isinstance(result, str):
        raise FunctionError(result)
    expansion.budget.spend(len(result.items))
    return result


def _first(result: SliceValue | None) -> Value:
    if result is None or not result.items:
        raise FunctionError("first() called on vector with no elements")
    return result.items[0]


def _of_sample(function: Callable[[SampleValue], Value]) -> Callable[[SampleValue | None], Value]:
    def call(sample: SampleValue | None) -> Value:
        if sample is None:
            raise FunctionError("runtime error: invalid memory address or nil pointer dereference")
        return function(sample)

    return call


def _label(name: str, sample: SampleValue | None) -> str:
    return str(_of_sample(lambda own: own.fields["Labels"].get(name))(sample))


def _sort_by_label(name: str, result: SliceValue | None) -> Value:
    if result is None:
        return None
    return result.like(sorted(result.items, key=lambda item: item.fields["Labels"].get(name)))


def _arguments(*values: Value) -> MapValue:
    return MapValue({f"arg{number}": value for number, value in enumerate(values)})


def strip_port(text: str) -> str:
    """Return the host of `host:port`, and any other text unchanged."""
    match = _HOST_AND_PORT.fullmatch(text)
    return text if match is None else match[1] if match[1] is not None else match[2]


def strip_domain(text: str) -> str:
    """Return the first label of a host name, with its port; IP addresses unchanged."""
    host = strip_port(text)
    try:
        # A zone is no part of an address in Go.
        if "%" not in host and ip_address(host):
            return text
    except ValueError:
        pass
    return host.split(".", 1)[0] + text[len(host) :]


def _parse_duration(text: str) -> float:
    if not text:
        raise FunctionError("empty duration string")
    try:
        length_ms = parse_duration_ms(text)
    except ValueError as exc:
        for unit in _UNITS.findall(text) if _DURATIONS.fullmatch(text) else ():
            if unit not in UNITS:
                raise FunctionError(
                    f"unknown unit {go_quote(unit)} in duration {go_quote(text)}"
                ) from exc
        raise FunctionError(f"not a valid duration string: {go_quote(text)}") from exc
    if length_ms * 1_000_000 >= 2**63:
        raise FunctionError("duration out of range")
    return length_ms / 1000


def _link(tab: int) -> TemplateFunction:
    return TemplateFunction(
        lambda expression: f"/graph?g0.expr={escape_query(expression)}&g0.tab={tab}", ("string",)
    )


def _path_prefix(expansion: Expansion) -> str:
    return urlsplit(expansion.external_url).path


PROMETHEUS_FUNCTIONS = MappingProxyType(
    {
        **BUILTINS,
        **TEXT_FUNCTIONS,
        "args": TemplateFunction(_arguments, (ANY,), variadic=True),
        "externalURL": TemplateFunction(lambda expansion: expansion.external_url, in_context=True),
        "first": TemplateFunction(_first, (QUERY_RESULT,)),
        "graphLink": _link(0),
        "humanize": of_number(humanize.humanize),
        "humanize1024": of_number(humanize.humanize_1024),
        "humanizeDuration": of_number(humanize.humanize_duration),
        "humanizePercentage": of_number(humanize.humanize_percentage),
        "humanizeTimestamp": of_number(humanize.humanize_timestamp),
        "label": TemplateFunction(_label, ("string", SampleValue.go_type)),
        "parseDuration": TemplateFunction(_parse_duration, ("string",)),
        "pathPrefix": TemplateFunction(_path_prefix, in_context=True),
        "query": TemplateFunction(_query, ("string",), in_context=True),
        "sortByLabel": TemplateFunction(_sort_by_label, ("string", QUERY_RESULT)),
        "stripDomain": TemplateFunction(strip_domain, ("string",)),
        "stripPort": TemplateFunction(strip_port, ("string",)),
        "strvalue": TemplateFunction(
            _of_sample(lambda own: own.fields["Labels"].get("__value__")), (SampleValue.go_type,)
        ),
        "tableLink": _link(1),
        "title": TemplateFunction(lambda text: title(text, lower=False), ("string",)),
        "toTime": of_number(lambda value: TimePointer(humanize.unix_ns(value))),
        "value": TemplateFunction(
            _of_sample(lambda own: own.fields["Value"]), (SampleValue.go_type,)
        ),
    }
)
