"""The settings of the server's parts come from the configuration."""

from daemon.configuration.settings import settings_of
from daemon.server.query_engine import engine_settings
from model.documents import parse_document


def test_query_settings_reach_the_engine() -> None:
    text = """
query: {max_samples: 1000, threads: 2, lookback: 90s, delayed_name_removal: true}
web: {query_timeout_s: 7}
"""
    found = engine_settings(settings_of(parse_document(text, "redshank.yml")))
    assert (found.max_samples, found.threads, found.lookback_ms) == (1000, 2, 90_000)
    assert found.timeout_s == 7
    assert found.delayed_name_removal
