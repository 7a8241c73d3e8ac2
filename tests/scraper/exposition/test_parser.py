import pytest

from model.labels import Labels
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.parser import parse_exposition

TEXT, OPENMETRICS = ExpositionFormat.TEXT, ExpositionFormat.OPENMETRICS


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "does not end with"),
        (b"a 1\n", 'line 1: the data does not end with "# EOF"'),
        (b"# EOF\na 1\n# EOF", 'line 1: content after "# EOF"'),
        (b"a 1\n\n# EOF\n", "line 2: empty line"),
        (b"# TYPE a untyped\n# EOF\n", "line 1: invalid metric type"),
        (b"# a comment\n# EOF\n", "line 1: malformed comment"),
        (b"#  HELP a b\n# EOF\n", "line 1: malformed comment"),
    ],
)
def test_malformed_openmetrics_bodies(body: bytes, reason: str) -> None:
    with pytest.raises(ExpositionError, match=reason):
        parse_exposition(body, OPENMETRICS)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"# TYPE a\n", "line 1: invalid metric type"),
        (b"# TYPE 1a counter\n", "line 1: malformed comment"),
        (b"# HELP\n", "line 1: malformed comment"),
        (b"a 1\na 1\n", "line 2: duplicate series a, first written on line 1"),
        (b'a{x="1",y=""} 1\nb 1\na{x="1"} 2\n', 'line 3: duplicate series a{x="1"}, first'),
        (b"a 1 5\na 2 5\n", "line 2: duplicate series a"),
    ],
)
def test_malformed_text_bodies(body: bytes, reason: str) -> None:
    with pytest.raises(ExpositionError, match=reason):
        parse_exposition(body, TEXT)


def test_empty_text_body_has_no_samples() -> None:
    assert parse_exposition(b"", TEXT).samples == ()


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1", "1.0"),
        ("0.5", "0.5"),
        ("+Inf", "+Inf"),
        ("1e6", "1e+06"),
        ("x", "x"),
        ("5e-5", "5e-05"),
    ],
)
def test_bucket_bounds_are_made_canonical(written: str, stored: str) -> None:
    body = f'# TYPE h histogram\nh_bucket{{le="{written}"}} 1\n'.encode()
    (bucket,) = parse_exposition(body, TEXT).samples
    assert Labels.of(bucket.pairs).get("le") == stored


def test_bounds_of_other_families_are_kept_as_written() -> None:
    (bucket,) = parse_exposition(b'# TYPE h counter\nh_bucket{le="1"} 1\n', TEXT).samples
    assert Labels.of(bucket.pairs).get("le") == "1"
