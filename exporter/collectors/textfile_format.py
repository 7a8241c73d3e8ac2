"""Parses the Prometheus text format of text files, as strictly as node_exporter does.

node_exporter reads text files with another parser than Prometheus reads scrapes: unknown
escapes, labels without commas and a missing final line feed are errors.

Source: `expfmt.TextParser` of Prometheus's Go library common, and node_exporter's
collector `textfile`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

Series = tuple[str, frozenset[tuple[str, str]]]
"""A sample's name and labels; bounds are canonical, and empty labels left out."""

_TYPES = ("counter", "gauge", "histogram", "summary", "untyped")
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_METADATA = re.compile(r"#[ \t]*(HELP|TYPE)(?:[ \t]+(.*))?", re.DOTALL)
_LABEL = re.compile(
    r"[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"
    r'"([^"\\\n]*(?:\\[\\"n][^"\\\n]*)*)"[ \t]*(,|(?=\}))'
)
_VALUE = re.compile(r"[ \t]*([^ \t]+)([ \t].*)?", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NAMED_NUMBER = re.compile(r"nan|[+-]?inf(?:inity)?", re.IGNORECASE)
_ESCAPE = re.compile(r'\\([\\"n])')
_SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}
_BOUNDS = {"histogram": "le", "summary": "quantile"}


@dataclass
class FileFamily:
    """One metric family of a file.

    Attributes:
        type: its type, "" before its first sample or TYPE line.
        help: its help text, None without a HELP line.
        samples: name, labels and value of each sample, in order.
        series: the series of each sample.
    """

    type: str = ""
    help: str | None = None
    samples: list[tuple[str, Mapping[str, str], float]] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)


def parse_text(content: bytes) -> dict[str, FileFamily]:
    """Return the families of a file by name, those with samples.

    Raises:
        ValueError: the file is not in the text format, has timestamps, or has a series
            twice.
    """
    if b"\0" in content:
        raise ValueError("NUL byte")
    *lines, rest = content.decode("utf-8").split("\n")
    if rest:
        raise ValueError("the last line has no line feed, so it may be cut off")
    families: dict[str, FileFamily] = {}
    seen: set[Series] = set()
    for number, line in enumerate(lines, 1):
        text = line.lstrip(" \t")
        try:
            if text.startswith("#"):
                _read_comment(text, families)
            elif text:
                _read_sample(text, families, seen)
        except ValueError as exc:
            raise ValueError(f"line {number}: {exc}") from None
    return {name: family for name, family in families.items() if family.samples}


def _read_comment(text: str, families: dict[str, FileFamily]) -> None:
    metadata = _METADATA.fullmatch(text)
    if metadata is None or not metadata[2]:
        return
    name = _NAME.match(metadata[2])
    rest = metadata[2][name.end() :] if name else metadata[2]
    if name is None or (rest and rest[0] not in " \t"):
        raise ValueError(f"invalid metric name in a {metadata[1]} line")
    family = families.setdefault(name[0], FileFamily())
    content = rest.lstrip(" \t")
    if not content:
        return
    if metadata[1] == "HELP":
        if family.help is not None:
            raise ValueError(f"second HELP line of {name[0]}")
        family.help = _unescaped(content)
        return
    if family.type:
        raise ValueError(f"second TYPE line of {name[0]}, or one below its samples")
    if content.lower() not in _TYPES:
        raise ValueError(f'unknown metric type "{content}"')
    family.type = content.lower()


def _read_sample(text: str, families: dict[str, FileFamily], seen: set[Series]) -> None:
    name = _NAME.match(text)
    if name is None:
        raise ValueError("invalid metric name")
    family = _family_of(name[0], families)
    family.type = family.type or "untyped"
    labels: dict[str, str] = {}
    rest = text[name.end() :].lstrip(" \t")
    if rest.startswith("{"):
        rest = _read_labels(rest[1:], labels)
    value = _VALUE.fullmatch(rest)
    if value is None:
        raise ValueError(f"{name[0]} has no value")
    if value[2] is not None:
        raise ValueError(f"{name[0]} has a timestamp or trailing text")
    series = _series(name[0], labels, family.type)
    if series in seen:
        raise ValueError(f"{name[0]} has a series twice")
    seen.add(series)
    family.samples.append((name[0], labels, _number(value[1])))
    family.series.append(series)


def _family_of(name: str, families: dict[str, FileFamily]) -> FileFamily:
    """Return the family of a sample; a new one if no histogram or summary has this name."""
    if name not in families:
        for metric_type, suffixes in _SUFFIXES.items():
            for suffix in suffixes:
                known = families.get(name.removesuffix(suffix))
                if name.endswith(suffix) and known is not None and known.type == metric_type:
                    return known
    return families.setdefault(name, FileFamily())


def _read_labels(text: str, labels: dict[str, str]) -> str:
    """Read labels up to the closing brace into `labels` and return the text after it."""
    at = 0
    while (label := _LABEL.match(text, at)) is not None:
        name = label[1]
        if name in labels:
            raise ValueError(f'label name "{name}" is not unique')
        if name == "__name__":
            raise ValueError('label name "__name__" is reserved')
        labels[name] = _unescaped(label[2])
        at = label.end()
    rest = text[at:].lstrip(" \t")
    if not rest.startswith("}"):
        raise ValueError(f"malformed labels: {rest[:40]!r}")
    return rest[1:]


def _series(name: str, labels: Mapping[str, str], metric_type: str) -> Series:
    """Return a sample's series as a server that scrapes it stores it."""
    bound = _BOUNDS.get(metric_type, "")
    if bound in labels:
        labels = {**labels, bound: str(_number(labels[bound]) + 0.0)}
    return name, frozenset((key, value) for key, value in labels.items() if value)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text) and not _NAMED_NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is not a number")
    value = float(text)
    if math.isinf(value) and not _NAMED_NUMBER.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is out of range")
    return value


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda escape: "\n" if escape[1] == "n" else escape[1], text)
