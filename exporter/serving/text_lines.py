"""Formats families by difference: a sample's line is reused while its value is unchanged.

Most lines of a scrape equal those of the scrape before. The text of each sample is kept with
its value, so that a scrape formats new values only.
"""

import math
import threading
from collections.abc import Iterable, Mapping, Sequence

from exporter.families import Family, FamilySample, Row
from exporter.pairs import pairs

# Whole numbers below this limit are printed without an exponent; a float holds them exactly.
_EXACT = 2.0**53
# No float is this large.
_LARGEST = 2**1024


class FamilyText:
    """The text of one family: its metadata, and the lines of its samples.

    Attributes:
        documentation, labels: those of the family, which is not kept itself.
        rows: the last samples in their order.
        parts: the metadata, then one line for each sample.
    """

    __slots__ = ("_name", "_prefixes", "documentation", "labels", "parts", "rows")

    def __init__(self, family: Family, *, openmetrics: bool) -> None:
        self.documentation, self.labels = family.documentation, family.labels
        self._name = family.name
        self.rows: list[Row] = []
        # The text of each sample up to its value, behind an entry for the metadata.
        self._prefixes = [""]
        self.parts = [_metadata(family, openmetrics=openmetrics)]

    def update(self, rows: Sequence[Row]) -> None:
        """Format the samples whose labels or value differ from those in their place before."""
        last, prefixes, parts = self.rows, self._prefixes, self.parts
        del prefixes[len(rows) + 1 :], parts[len(rows) + 1 :]
        for at, (values, value) in enumerate(rows):
            if at < len(last) and last[at][0] == values:
                if last[at][1] == value:
                    continue
            else:
                labels = pairs(self.labels, values)
                prefixes[at + 1 : at + 2] = [_prefix(self._name, labels)]
                parts[at + 1 : at + 2] = [""]
            parts[at + 1] = f"{prefixes[at + 1]}{format_value(value)}\n"
        self.rows = list(rows)


class TextLines:
    """Encodes scrapes in one format, and keeps the lines of the last one; thread-safe.

    Args:
        openmetrics: whether as OpenMetrics, else in Prometheus's text format.
    """

    def __init__(self, *, openmetrics: bool) -> None:
        self._openmetrics = openmetrics
        self._texts: dict[tuple[str, str], FamilyText] = {}
        self._lock = threading.Lock()

    def encode(self, families: Iterable[Family]) -> bytes:
        """Return the families that have samples as text."""
        parts: list[str] = []
        texts = self._texts
        with self._lock:
            for family in families:
                rows, others = family.rows, family.others
                if not rows and not others:
                    continue
                key = (family.name, family.type)
                text = texts.get(key)
                if (
                    text is None
                    or text.documentation != family.documentation
                    or text.labels != family.labels
                ):
                    text = texts[key] = FamilyText(family, openmetrics=self._openmetrics)
                if rows != text.rows:
                    text.update(rows)
                parts += text.parts
                if others:
                    parts.extend(map(_sample_line, others))
        if self._openmetrics:
            parts.append("# EOF\n")
        return "".join(parts).encode("utf-8", "replace")


def format_value(value: float) -> str:
    """Return a number as both formats print it."""
    if value.__class__ is not float:
        number = int(value)
        if -_LARGEST < number < _LARGEST:
            return str(number)
        # A garbled file: Python refuses to print such a number, and no client can read it.
        return "+Inf" if number > 0 else "-Inf"
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
