import pytest

from ingest.remote_write.written_metadata import family_of, metric_type


@pytest.mark.parametrize(
    ("metric", "kind", "family"),
    [
        ("wait_seconds_bucket", "histogram", "wait_seconds"),
        ("wait_seconds_sum", "summary", "wait_seconds"),
        ("pages_count", "gauge", "pages_count"),
    ],
)
def test_series_of_a_histogram_share_its_family(metric: str, kind: str, family: str) -> None:
    assert family_of(metric, kind) == family


def test_unknown_types_are_unknown() -> None:
    assert [metric_type(number) for number in (0, 1, 7, 8)] == [
        "unknown",
        "counter",
        "stateset",
        "unknown",
    ]
