"""Follows a target's expositions as the recorder does, and states what they should yield."""

import struct

from model.labels import Labels
from scraper.exposition.catalog import DETACHED, SeriesCatalog
from scraper.exposition.delta import ExpositionDelta
from scraper.exposition.difference import DifferenceParser
from scraper.exposition.families import FamilyInterner
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition
from scraper.recording.series_naming import SeriesNaming


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


class Follower:
    """Applies deltas like the recorder and holds the samples of the last body."""

    def __init__(self) -> None:
        self.catalog = SeriesCatalog(SeriesNaming(Labels()).name)
        self.parser = DifferenceParser(self.catalog, FamilyInterner())
        self.values: dict[Labels, bytes] = {}
        self.stamped: dict[int, list[tuple[int | None, bytes]]] = {}

    def parse(self, body: bytes, exposition_format: ExpositionFormat) -> ExpositionDelta:
        delta = self.parser.parse(body, exposition_format)
        if delta.complete:
            self.values, self.stamped = {}, {}
        for column, value in zip(delta.columns.tolist(), delta.values.tolist(), strict=True):
            self.values[self.catalog.series[column]] = bits(value)
        given: dict[int, list[tuple[int | None, bytes]]] = {}
        for sample in delta.detached:
            given.setdefault(sample.code, []).append((sample.timestamp_ms, bits(sample.value)))
        self.stamped.update(given)
        return delta

    @property
    def samples(self) -> set[tuple[Labels, int | None, bytes]]:
        plain = {(labels, None, value) for labels, value in self.values.items()}
        return plain | {
            (self.catalog.detached[DETACHED - code].labels, time_ms, value)
            for code, samples in self.stamped.items()
            for time_ms, value in samples
        }


def expected(
    body: bytes, exposition_format: ExpositionFormat
) -> set[tuple[Labels, int | None, bytes]]:
    return {
        (Labels.of(sample.pairs), sample.timestamp_ms, bits(sample.value))
        for sample in parse_exposition(body, exposition_format).samples
    }
