from ingest.series.metric_metadata import PushedMetadata
from model.metadata import MetricMetadata


def test_senders_may_disagree_and_long_texts_are_dropped() -> None:
    metadata = PushedMetadata()
    metadata.update("a", {"m": MetricMetadata("gauge"), "n": MetricMetadata("gauge", "x" * 5_000)})
    metadata.update("b", {"m": MetricMetadata("counter")})
    assert metadata.by_family() == {"m": {MetricMetadata("gauge"), MetricMetadata("counter")}}
