"""Limits of the labels of one series, which scrapes and pushes share."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

_SHOWN_CHARACTERS = 50


class LabelLimit(StrEnum):
    """A limit of `LabelLimits`; the value is the key of its setting."""

    LABELS = "labels"
    NAME_LENGTH = "label_name_length"
    VALUE_LENGTH = "label_value_length"
    LABEL_BYTES = "label_bytes"


@dataclass(frozen=True, slots=True)
class LabelExcess:
    """A limit that the labels of a series exceed.

    Attributes:
        limit: the limit.
        size: the number of labels, or of bytes.
        most: the limit's value.
        name: the beginning of the label's name, "" if the limit is not one of a single label.
    """

    limit: LabelLimit
    size: int
    most: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class LabelLimits:
    """Limits of the labels of one series; 0 means no limit. Lengths are bytes of UTF-8.

    Attributes:
        labels: how many there may be.
        name_length, value_length: of one label.
        label_bytes: of all names and values together.
    """

    labels: int = 0
    name_length: int = 0
    value_length: int = 0
    label_bytes: int = 0

    def excess(self, labels: Iterable[tuple[str, str]], count: int) -> LabelExcess | None:
        """Return the first limit that a series exceeds, None if it exceeds none.

        Args:
            labels: names and values.
            count: how many labels the series will have, those of its target included.
        """
        if self.labels and count > self.labels:
            return LabelExcess(LabelLimit.LABELS, count, self.labels)
        if not (self.name_length or self.value_length or self.label_bytes):
            return None
        size = 0
        for name, value in labels:
            name_size, value_size = length_of(name), length_of(value)
            shown = name[:_SHOWN_CHARACTERS]
            if self.name_length and name_size > self.name_length:
                return LabelExcess(LabelLimit.NAME_LENGTH, name_size, self.name_length, shown)
            if self.value_length and value_size > self.value_length:
                return LabelExcess(LabelLimit.VALUE_LENGTH, value_size, self.value_length, shown)
            size += name_size + value_size
        if self.label_bytes and size > self.label_bytes:
            return LabelExcess(LabelLimit.LABEL_BYTES, size, self.label_bytes)
        return None


def length_of(text: str) -> int:
    """Return the length of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def memory_of(labels: Iterable[tuple[str, str]]) -> int:
    """Return the bytes that the texts of a label set take in memory.

    Python stores each character of a text in as many bytes as its widest one needs.
    """
    size = 0
    for pair in labels:
        for text in pair:
            size += len(text) if text.isascii() else len(text) * _width(text)
    return size


def _width(text: str) -> int:
    widest = ord(max(text))
    return 1 if widest < 2**8 else 2 if widest < 2**16 else 4
