"""Fuzz targets: the text formats that targets expose."""

from scraper.exposition.errors import ExpositionError, RejectedExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.rendering import render_series
from tests.fuzz.targets.target import FuzzTarget
from tests.scraper.exposition.follower import Follower, expected

_SEPARATOR = b"\n\xff\n"
_MOST_BODIES = 4


def _scrapes(data: bytes, exposition_format: ExpositionFormat) -> None:
    """Parse successive bodies by difference; each must yield what the strict parser yields."""
    follower = Follower()
    for body in data.split(_SEPARATOR)[:_MOST_BODIES]:
        try:
            wanted = expected(body, exposition_format)
        except ExpositionError:
            wanted = None
        try:
            follower.parse(body, exposition_format)
        except RejectedExpositionError as exc:
            # A series without a metric name is refused by the naming of series.
            if wanted is not None and all(labels.metric for labels, _, _ in wanted):
                raise AssertionError(f"valid body refused: {exc}") from exc
            continue
        if wanted is None:
            raise AssertionError("malformed body accepted")
        if follower.samples != wanted:
            raise AssertionError(f"{follower.samples} instead of {wanted}")
        for labels, _, _ in wanted:
            render_series(labels)


def _text(data: bytes) -> None:
    _scrapes(data, ExpositionFormat.TEXT)


def _openmetrics(data: bytes) -> None:
    _scrapes(data, ExpositionFormat.OPENMETRICS)


_WORDS = (
    *("# HELP ", "# TYPE ", "counter", "gauge", "histogram", "summary", "untyped", "_bucket"),
    *("_total", "_sum", "_count", '{le="', '{quantile="', '"}', "NaN", "+Inf", "-Inf", "1e308"),
    *("__name__", '\\"', "\\n", "\\\\", "\n\xff\n", "0x1p3", " 1700000000000"),
)

TARGETS = (
    FuzzTarget("text", _text, _WORDS),
    FuzzTarget(
        "openmetrics",
        _openmetrics,
        (*_WORDS, "# EOF\n", "# UNIT ", "_created", " # {", "stateset", "info", "gaugehistogram"),
    ),
)
