"""Reads the label sets of series keys and validates them.

Source: Prometheus Remote-Write 1.0 specification, "Labels".
"""

from collections.abc import Iterator
from itertools import pairwise

from ingest.errors import BadLabelsError, MalformedMessageError
from ingest.limits.label_checks import check_limits, shown
from ingest.series.sample_batch import SeriesKey
from ingest.wire import LENGTH, fields
from model.label_limits import LabelLimits
from model.labels import METRIC_NAME, Labels

# The cache takes some MB at most.
_CACHED_LABELS = 20_000
_SHORT_LABEL_BYTES = 256


class LabelReader:
    """Reads series keys. Caches decoded labels, because most series share them."""

    def __init__(self, limits: LabelLimits) -> None:
        self._limits = limits
        self._pairs: dict[bytes, tuple[str, str]] = {}

    def labels_of(self, key: SeriesKey) -> Labels:
        """Return the labels of a series key, sorted; may be called on any thread.

        The specification demands sorted labels, but Prometheus accepts any order, and
        vmagent does not sort them unless it has `-sortLabels`.

        Raises:
            BadLabelsError: they do not decode, or the specification forbids them.
        """
        try:
            labels = Labels(sorted(self._pairs_of(key)))
        except MalformedMessageError as exc:
            raise BadLabelsError(f"a label does not decode: {exc}") from exc
        except UnicodeDecodeError as exc:
            raise BadLabelsError("a label is not UTF-8") from exc
        try:
            _check(labels)
        except ValueError as exc:
            raise BadLabelsError(f"{shown(labels)}: {exc}") from exc
        check_limits(labels, self._limits)
        return labels

    def _pairs_of(self, key: SeriesKey) -> list[tuple[str, str]]:
        if not isinstance(key, bytes):
            return list(zip(key[::2], key[1::2], strict=True))
        pairs = []
        for field in fields(key, 0, len(key)):
            if field.number == 1 and field.wire_type == LENGTH:
                label = key[field.start : field.stop]
                pair = self._pairs.get(label)
                pairs.append(self._read(label) if pair is None else pair)
        return pairs

    def _read(self, label: bytes) -> tuple[str, str]:
        texts = {1: "", 2: ""}
        for field in fields(label, 0, len(label)):
            if field.number in texts and field.wire_type == LENGTH:
                texts[field.number] = label[field.start : field.stop].decode()
        if len(self._pairs) >= _CACHED_LABELS:
            self._pairs = {}
        if len(label) <= _SHORT_LABEL_BYTES:
            self._pairs[label] = texts[1], texts[2]
        return texts[1], texts[2]


def _check(labels: Labels) -> None:
    for (before, _), (name, _) in pairwise(labels):
        if name == before:
            raise ValueError(f"label {name!r} occurs twice")
    for name, value in labels:
        if not (name and value):
            raise ValueError(f"label {name!r} is empty" if name else "a label name is empty")
    if not labels.metric:
        raise ValueError(f"there is no label {METRIC_NAME!r}")
    for text in _texts(labels):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("a label is not UTF-8") from None
        if "\0" in text:
            raise ValueError("a label has a NUL byte")


def _texts(labels: Labels) -> Iterator[str]:
    for name, value in labels:
        yield name
        yield value
