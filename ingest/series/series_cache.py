"""A cache of series numbers by series key."""

from typing import Final

from ingest.series.sample_batch import SeriesKey

# A histogram has some ten buckets.
_SERIES_OF_GROUP: Final = 10


class JointSeries(dict[bytes, list[int]]):
    """The numbers of series that always come together, by a key of their own; at most `most`."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def add(self, key: bytes, numbers: list[int]) -> None:
        """Add a group; where there are too many, it replaces all others."""
        if len(self) >= self._most:
            self.clear()
        self[key] = numbers


class SeriesCache(dict[SeriesKey, int]):
    """Series numbers by key: the recently used ones, at most twice `most`.

    The dictionary finds a key of the current generation in C; `__missing__` looks into
    the previous generation.

    Attributes:
        groups: of these series.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._previous: dict[SeriesKey, int] = {}
        self.groups = JointSeries(most // _SERIES_OF_GROUP)

    def __missing__(self, key: SeriesKey) -> int | None:
        number = self._previous.pop(key, None)
        if number is not None:
            self.add(key, number)
        return number

    def add(self, key: SeriesKey, number: int) -> None:
        """Add a key; a full generation becomes the previous one, which is dropped."""
        if len(self) >= self._most:
            self._previous = dict(self)
            self.clear()
        self[key] = number

    def remove(self, numbers: set[int]) -> None:
        """Remove every key of these series, and all groups."""
        self.groups.clear()
        for keys in (self, self._previous):
            gone = [key for key, number in keys.items() if number in numbers]
            for key in gone:
                del keys[key]
