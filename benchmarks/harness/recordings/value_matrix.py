"""The values of a recording as a matrix."""

from collections.abc import Sequence

from benchmarks.harness.recordings.recording import Scrape
from model.labels import Labels
from model.series import Values, absent_matrix
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition


def value_matrix(scrapes: Sequence[Scrape]) -> tuple[list[Labels], Values]:
    """Return the series in the order of their first sample, and their values.

    Returns:
        The series, and a matrix of shape (scrapes, series): ABSENT where a scrape lacks
        the series.
    """
    columns: dict[Labels, int] = {}
    rows = [
        {
            columns.setdefault(Labels.of(sample.pairs), len(columns)): sample.value
            for sample in parse_exposition(scrape.body, ExpositionFormat.TEXT).samples
        }
        for scrape in scrapes
    ]
    values = absent_matrix(len(rows), len(columns))
    for into, row in zip(values, rows, strict=True):
        into[list(row)] = list(row.values())
    return list(columns), values
