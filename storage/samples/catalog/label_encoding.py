"""Label sets as bytes: the JSON of a catalog row, compressed for layouts, and its digest."""

import zlib
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from sys import intern
from typing import NamedTuple, Self

import orjson

from model.labels import Labels
from storage.api.errors import CorruptDataError


def encode_series(series: Iterable[Labels]) -> bytes:
    """Return label sets as JSON: one flat list of names and values for each.

    Raises:
        ValueError: a name or value is not valid Unicode text.
    """
    try:
        return orjson.dumps([[text for pair in labels for text in pair] for labels in series])
    except orjson.JSONEncodeError as exc:
        raise ValueError(f"labels are not valid text: {exc}") from exc


def decode_series(data: bytes) -> list[Labels]:
    """Return the label sets that `encode_series` wrote.

    Raises:
        CorruptDataError: the bytes do not decode.
    """
    if not isinstance(data, bytes):
        raise CorruptDataError("label sets are not bytes")
    try:
        rows = orjson.loads(data)
        return [_label_set(row) for row in rows]
    except (ValueError, TypeError) as exc:
        raise CorruptDataError(f"label sets do not decode: {exc}") from exc


def _label_set(row: list[str]) -> Labels:
    if type(row) is not list:
        raise TypeError("a label set is no list")
    # Fails for anything but text, in a fraction of the time of checking each item.
    "".join(row)
    # One object for each label name: a store has few names and millions of labels.
    return Labels(zip(map(intern, row[::2]), row[1::2], strict=True))


def pack_series(series: Sequence[Labels]) -> bytes:
    """Return the series of a layout as a row stores them."""
    return zlib.compress(encode_series(series), 6)


def unpack_series(data: bytes) -> bytes:
    """Return the JSON of a layout row.

    Raises:
        CorruptDataError: the bytes do not decompress.
    """
    try:
        return zlib.decompress(data)
    except (zlib.error, TypeError) as exc:
        raise CorruptDataError(f"layout does not decompress: {exc}") from exc


class SeriesDigest:
    """The digest of the series of a layout, which can be extended by further series.

    A layout that grows is hashed once, not again with each series that it gains.
    """

    __slots__ = ("_is_empty", "_state")

    def __init__(self) -> None:
        self._state = blake2b(b"[", digest_size=16)
        self._is_empty = True

    @classmethod
    def of(cls, series: Sequence[Labels]) -> Self:
        """Return the digest of some series."""
        digest = cls()
        digest._add(encode_series(series))
        return digest

    def extended(self, series: Sequence[Labels]) -> "SeriesDigest":
        """Return the digest of these series and further ones.

        Raises:
            ValueError: a name or value is not valid Unicode text.
        """
        return self.extended_by(encode_series(series))

    def extended_by(self, encoded: bytes) -> "SeriesDigest":
        """Return the digest of these series and further ones, given as JSON."""
        longer = SeriesDigest()
        longer._state, longer._is_empty = self._state.copy(), self._is_empty
        longer._add(encoded)
        return longer

    def _add(self, encoded: bytes) -> None:
        """Hash the JSON of a list bit by bit: its brackets are hashed once for all parts."""
        if len(encoded) > len(b"[]"):
            if not self._is_empty:
                self._state.update(b",")
            self._state.update(memoryview(encoded)[1:-1])
            self._is_empty = False

    def value(self) -> bytes:
        """Return the 16 bytes."""
        state = self._state.copy()
        state.update(b"]")
        return state.digest()


class HashedSeries(NamedTuple):
    """The series of a layout with their digest."""

    series: Sequence[Labels]
    digest: SeriesDigest

    @classmethod
    def of(cls, series: Sequence[Labels]) -> Self:
        """Hash some series."""
        return cls(series, SeriesDigest.of(series))
