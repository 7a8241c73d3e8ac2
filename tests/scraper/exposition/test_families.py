import pytest

from model.metadata import MetricMetadata
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition

TEXT, OPENMETRICS = ExpositionFormat.TEXT, ExpositionFormat.OPENMETRICS


def test_metadata_is_kept_by_family() -> None:
    body = (
        b"# HELP a_seconds How long\\nit \\\\d took.\n# TYPE a_seconds counter\n"
        b'a_seconds 1\n# TYPE "b.c" untyped\n# just a comment\n\n  # HELP d\n'
    )
    assert parse_exposition(body, TEXT).metadata == {
        "a_seconds": MetricMetadata("counter", "How long\nit \\d took."),
        "b.c": MetricMetadata("unknown"),
        "d": MetricMetadata(),
    }


def test_units_are_kept_and_must_end_the_name() -> None:
    good = b"# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# EOF\n"
    assert parse_exposition(good, OPENMETRICS).metadata["a_seconds"].unit == "seconds"
    with pytest.raises(ExpositionError, match=r"line 1: unit .* is not a suffix"):
        parse_exposition(b"# UNIT a bytes\n# EOF\n", OPENMETRICS)
