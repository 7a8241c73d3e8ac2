"""A cache of series numbers by series key."""

from ingest.series.sample_batch import SeriesKey


class SeriesCache(dict[SeriesKey, int]):
    """Series numbers by key: the recently used ones, at most twice `most`.

    The dictionary finds a key of the current generation in C; `__missing__` looks into
    the previous generation.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._previous: dict[SeriesKey, int] = {}

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
        """Remove every key of these series."""
        for keys in (self, self._previous):
            gone = [key for key, number in keys.items() if number in numbers]
            for key in gone:
                del keys[key]
