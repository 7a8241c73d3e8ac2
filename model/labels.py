"""Label sets: the identity of a series.

Source: Prometheus documentation, "Data model"; Prometheus, common/model/signature.go for
fingerprints.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Self

METRIC_NAME = "__name__"
_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
_SEPARATOR = b"\xff"


class Labels(tuple[tuple[str, str], ...]):
    """An immutable label set: (name, value) pairs sorted by name, without empty values.

    Annotations have the same form (`with_empty`).

    A missing label and an empty one are the same, as in Prometheus. It is a tuple because
    hashing and comparing tuples is fast, and grouping series does little else.
    """

    __slots__ = ()

    @classmethod
    def of(cls, pairs: Mapping[str, str] | Iterable[tuple[str, str]] = (), /, **more: str) -> Self:
        """Build from a mapping, pairs or keywords; later ones win, empty values are dropped."""
        merged = dict(pairs)
        merged.update(more)
        return cls(sorted((name, value) for name, value in merged.items() if value))

    @classmethod
    def with_empty(cls, pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> Self:
        """Build the annotations of an alert: unlike a label, one may be empty."""
        return cls(sorted(dict(pairs).items()))

    def get(self, name: str) -> str:
        """Return the value of a label, "" if it is missing."""
        for key, value in self:
            if key == name:
                return value
        return ""

    @property
    def metric(self) -> str:
        """The metric name, "" if there is none."""
        return self.get(METRIC_NAME)

    def overlaid(self, upper: "Labels") -> "Labels":
        """Return these labels, overridden by those of `upper`."""
        if not upper:
            return self
        merged = dict(self)
        merged.update(upper)
        return Labels(sorted(merged.items()))

    def keep(self, names: Collection[str]) -> "Labels":
        """Return only the labels whose names are in `names`."""
        return Labels([pair for pair in self if pair[0] in names])

    def drop(self, names: Collection[str]) -> "Labels":
        """Return the labels whose names are not in `names`."""
        kept = [pair for pair in self if pair[0] not in names]
        return self if len(kept) == len(self) else Labels(kept)

    def __str__(self) -> str:
        """Render as PromQL, for messages: `up{job="node"}`."""
        inner = ",".join(f"{name}={quote(value)}" for name, value in self if name != METRIC_NAME)
        return f"{self.metric}{{{inner}}}" if inner or not self.metric else self.metric


def quote(value: str) -> str:
    r"""Return `value` as the text format requires: in quotes, with \\, \" and \n escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def fingerprint(labels: Labels) -> str:
    """Return Alertmanager's fingerprint of a label set: FNV-1a of names and values, as hex."""
    digest = _FNV_OFFSET
    for pair in labels:
        for text in pair:
            for byte in text.encode(errors="surrogateescape") + _SEPARATOR:
                digest = (digest ^ byte) * _FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"
