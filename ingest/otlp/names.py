"""Names of series and labels for the names of OTLP metrics and attributes.

Sources: Prometheus, OTLP receiver; OpenTelemetry specification, "Prometheus and
OpenMetrics Compatibility".
"""

import re
from enum import Enum, auto
from typing import Final

from ingest.otlp.translation_settings import TranslationSettings, TranslationStrategy


class MetricKind(Enum):
    """The kind of a metric, on which the suffixes of its name depend."""

    GAUGE = auto()
    COUNTER = auto()
    UP_DOWN_COUNTER = auto()
    HISTOGRAM = auto()
    SUMMARY = auto()


_UNITS: Final = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    # Prometheus's spelling; the prefix is "tebi".
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
_PER_UNITS: Final = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}
_TOKEN: Final = re.compile(r"[a-zA-Z0-9:]+")
_RUN: Final = re.compile(r"[a-zA-Z0-9:_]+")
_NO_TOKEN: Final = re.compile(r"[^a-zA-Z0-9:]+")
_UNDERSCORES: Final = re.compile(r"__+")
_RESERVED: Final = re.compile(r"__.*__", re.DOTALL)
_NO_LABEL: Final = re.compile(r"[^a-zA-Z0-9_]")


def metric_name(name: str, unit: str, kind: MetricKind, strategy: TranslationStrategy) -> str:
    """Return the metric name of the series of an OTLP metric, "" if nothing is left of it."""
    if not strategy.escapes:
        return _suffixed(name, unit, kind) if strategy.adds_suffixes else name
    if strategy.adds_suffixes:
        escaped = "_".join(_tokens(name, unit, kind))
    else:
        escaped = "_".join(_RUN.findall(name))
    return f"_{escaped}" if escaped[:1].isdigit() else escaped


def _tokens(name: str, unit: str, kind: MetricKind) -> list[str]:
    """Return the parts of a name, its unit and its type among them."""
    tokens = _TOKEN.findall(name)
    main, per = map(_clean, _unit_suffixes(unit))
    if main in tokens:
        main = ""
    per = "" if per == "per_" else per.removesuffix("_")
    if per in tokens:
        per = ""
    if per:
        main = main.removesuffix("_")
    tokens += [suffix for suffix in (main, per) if suffix]
    if kind is MetricKind.COUNTER:
        tokens = _moved_last(tokens, "total")
    if unit == "1" and kind is MetricKind.GAUGE:
        tokens = _moved_last(tokens, "ratio")
    return tokens


def _moved_last(parts: list[str], suffix: str) -> list[str]:
    return [part for part in parts if part != suffix] + [suffix]


def _unit_suffixes(unit: str) -> tuple[str, str]:
    """Return the suffixes for a unit and for what stands after its `/`."""
    main, _, per = (part.strip() for part in unit.partition("/"))
    main = "" if _is_annotation(main) else _UNITS.get(main, main)
    per = "" if _is_annotation(per) else _PER_UNITS.get(per, per)
    return main, f"per_{per}" if per else ""


def _is_annotation(unit: str) -> bool:
    return "{" in unit or "}" in unit


def _clean(unit: str) -> str:
    return _NO_TOKEN.sub("_", unit).removeprefix("_")


def _suffixed(name: str, unit: str, kind: MetricKind) -> str:
    """Return a name with unit and type, all characters kept."""
    after = ""
    if unit == "1" and kind is MetricKind.GAUGE:
        name, after = _trimmed(name, "ratio"), "_ratio"
    if kind is MetricKind.COUNTER:
        name, after = _trimmed(name, "total"), "_total"
    main, per = _unit_suffixes(unit)
    if per:
        name, after = _trimmed(name, per), f"_{per}{after}"
    if main and not name.endswith(main):
        name = f"{name}_{main}"
    return name + after


def _trimmed(name: str, suffix: str) -> str:
    """Return a name without a suffix and the character before it."""
    is_there = name.endswith(suffix) and len(name) > len(suffix) + 1
    return name[: -len(suffix) - 1] if is_there else name


def label_name(attribute: str, settings: TranslationSettings) -> str:
    """Return the label name of an attribute."""
    if not settings.strategy.escapes or not attribute:
        return attribute
    name = _NO_LABEL.sub("_", attribute)
    if not settings.keep_underscore_runs and not _RESERVED.fullmatch(attribute):
        name = _UNDERSCORES.sub("_", name)
    if name[0].isdigit():
        return f"key_{name}"
    is_single = name[0] == "_" and name[:2] != "__"
    return f"key{name}" if is_single and settings.prefix_underscores else name
