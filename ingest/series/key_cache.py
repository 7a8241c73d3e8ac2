"""Numbers of series by what requests call them."""

from ingest.series.write_request import SeriesKey


class KeyCache(dict[SeriesKey, int]):
    """Numbers by the key of the series: those used lately, at most twice `most`.

    Looking a known key up stays in C; the rest is `__missing__`.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._older: dict[SeriesKey, int] = {}

    def __missing__(self, key: SeriesKey) -> int | None:
        number = self._older.pop(key, None)
        if number is not None:
            self.learn(key, number)
        return number

    def learn(self, key: SeriesKey, number: int) -> None:
        """Remember a key; beyond the bound, those not asked for of late are forgotten."""
        if len(self) >= self._most:
            self._older = dict(self)
            self.clear()
        self[key] = number

    def drop(self, numbers: set[int]) -> None:
        """Forget every key of some series."""
        for keys in (self, self._older):
            gone = [key for key, number in keys.items() if number in numbers]
            for key in gone:
                del keys[key]
