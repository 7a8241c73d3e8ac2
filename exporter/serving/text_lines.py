"""Formats families by difference: a sample's line is reused while its value is unchanged.

Most lines of a scrape equal those of the scrape before. The text of each sample is kept with
its value, so that a scrape formats new values only.
"""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence

from exporter.families import Family, FamilySample, Row

# Forget the lines of samples that no longer exist once they outnumber the others so far.
_LEFTOVERS = 64
# Whole numbers below this limit are printed without an exponent; a float holds them exactly.
_EXACT = 2.0**53


class SampleLine:
    """The text of one sample, up to its value, and with its last value."""

    __slots__ = ("prefix", "text", "value")

    def __init__(self, prefix: str) -> None:
        self.prefix, self.text = prefix, ""
        self.value: float | None = None


class FamilyText:
    """The text of one family: its metadata, and the lines of its samples."""

    __slots__ = ("_family", "_lines", "_name", "_openmetrics", "metadata")

    def __init__(self, family: Family, *, openmetrics: bool) -> None:
        # Not the family itself, whose rows are large.
        self._family = (family.documentation, family.labels)
        self._name, self._openmetrics = family.name, openmetrics
        self._lines: dict[tuple[str, ...], SampleLine] = {}
        self.metadata = _metadata(family, openmetrics=openmetrics)

    def describes(self, family: Family) -> bool:
        """Whether the family has the same labels and documentation as this text."""
        return self._family == (family.documentation, family.labels)

    def append(self, family: Family, parts: list[str]) -> None:
        """Append the family's lines to `parts`."""
        parts.append(self.metadata)
        lines = self._lines
        for values, value in family.rows:
            line = lines.get(values)
            if line is None:
                labels = zip(family.labels, values, strict=True)
                line = lines[values] = SampleLine(_prefix(self._name, labels))
            if line.value != value:
                line.text = f"{line.prefix}{format_value(value)}\n"
                line.value = value
            parts.append(line.text)
        parts.extend(map(_sample_line, family.others))
        if len(lines) > 2 * len(family.rows) + _LEFTOVERS:
            self._forget(family.rows)

    def _forget(self, rows: Sequence[Row]) -> None:
        self._lines = {values: self._lines[values] for values, _ in rows}


class TextLines:
    """Encodes the families of scrapes in one format; thread-safe.

    Args:
        openmetrics: whether in OpenMetrics 1.0, else in Prometheus's text format.
    """

    def __init__(self, *, openmetrics: bool) -> None:
        self._openmetrics = openmetrics
        self._texts: dict[tuple[str, str], FamilyText] = {}
        self._lock = threading.Lock()

    def encode(self, families: Iterable[Family]) -> bytes:
        """Return the families that have samples as text."""
        parts: list[str] = []
        with self._lock:
            for family in families:
                if family.rows or family.others:
                    self._text(family).append(family, parts)
        if self._openmetrics:
            parts.append("# EOF\n")
        return "".join(parts).encode("utf-8", "replace")

    def _text(self, family: Family) -> FamilyText:
        key = (family.name, family.type)
        text = self._texts.get(key)
        if text is None or not text.describes(family):
            text = self._texts[key] = FamilyText(family, openmetrics=self._openmetrics)
        return text


def format_value(value: float) -> str:
    """Return a number as both formats print it."""
    if value.__class__ is not float:
        return str(int(value))
    if value.is_integer() and -_EXACT < value < _EXACT:
        return str(int(value))
    if math.isfinite(value):
        return repr(value)
    return "NaN" if value != value else "+Inf" if value > 0 else "-Inf"


def _metadata(family: Family, *, openmetrics: bool) -> str:
    name, kind = family.name, family.type
    documentation = family.documentation.replace("\\", r"\\").replace("\n", r"\n")
    if openmetrics:
        documentation = documentation.replace('"', r"\"")
        if kind == "counter" and name.endswith("_total"):
            name = name.removesuffix("_total")
        elif kind in ("counter", "untyped"):
            # OpenMetrics requires the suffix, which some of node_exporter's counters lack.
            kind = "unknown"
    return f"# HELP {name} {documentation}\n# TYPE {name} {kind}\n"


def _sample_line(sample: FamilySample) -> str:
    return f"{_prefix(sample.name, sample.labels.items())}{format_value(sample.value)}\n"


def _prefix(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """Return a line up to its value, with labels in node_exporter's order."""
    text = ",".join(f'{label}="{_escaped(value)}"' for label, value in sorted(labels))
    return f"{name}{{{text}}} " if text else f"{name} "


def _escaped(value: str) -> str:
    return value.translate(_ESCAPES)


_ESCAPES: Mapping[int, str] = {ord("\\"): r"\\", ord("\n"): r"\n", ord('"'): r"\""}
