import json
from pathlib import Path

import pytest

from exporter.pushing.push_settings import (
    REPORT_PATH,
    WRITE_PATH,
    PushServer,
    PushSettingsError,
    default_queue,
    read_agent_config,
    read_collector_config,
)

KEY = "a-host-key-of-some-length"
COLLECTOR = """[upload_queue]
type = "simple"
api_endpoint = "https://monitor:9190/api/metrics"
api_key = "your-secret-key-here"
timeout = 10
retry_attempts = 3
"""


def test_settings_of_the_replaced_agents_are_read_as_they_are(tmp_path: Path) -> None:
    agent = tmp_path / "agent_config.json"
    fields = {"api_url": "http://10.0.0.1:9190/report", "host_key": KEY}
    agent.write_text(json.dumps({**fields, "report_interval_seconds": 30}))
    found = read_agent_config(agent)
    assert (found.server, found.interval_s) == (PushServer(fields["api_url"], KEY), 30)
    collector = tmp_path / "config.toml"
    collector.write_text(COLLECTOR)
    server = read_collector_config(collector)
    assert server == PushServer("https://monitor:9190/api/v1/write", "your-secret-key-here", 10)


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("agent_config.json", "{", "Expecting property name"),
        ("agent_config.json", "[]", "is not a JSON object"),
        ("agent_config.json", '{"host_key": "k"}', "api_url is missing"),
        ("agent_config.json", '{"api_url": "http://a", "host_key": 1}', "host_key is missing"),
        (
            "agent_config.json",
            '{"api_url": "http://a", "host_key": "k", "report_interval_seconds": 0}',
            "report_interval_seconds is not",
        ),
        ("config.toml", "[other]", "has no section"),
        ("config.toml", "[upload_queue", "Expected"),
        ("config.toml", "[upload_queue]", "api_endpoint is missing"),
    ],
)
def test_wrong_file_is_an_error_that_names_the_file_and_the_field(
    tmp_path: Path, name: str, content: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    read = read_agent_config if name.endswith("json") else read_collector_config
    with pytest.raises(PushSettingsError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("monitor:9190", KEY),
        ("ftp://a", KEY),
        ("http://u:p@a", KEY),
        ("http://a:x", KEY),
        ("http://a", ""),
        ("http://a", "two words"),
        ("http://a", "line\nbreak"),
    ],
)
def test_address_or_key_that_cannot_be_used_is_refused(url: str, key: str) -> None:
    with pytest.raises(PushSettingsError) as caught:
        PushServer.of(url, key, REPORT_PATH)
    assert KEY not in str(caught.value)


def test_path_of_the_route_is_added_where_the_address_has_none() -> None:
    assert PushServer.of("https://a/", KEY, WRITE_PATH).url == "https://a/api/v1/write"
    assert PushServer.of("https://a/x/report", KEY, REPORT_PATH).url == "https://a/x/report"


def test_queue_is_in_the_state_directory_of_the_unit_or_user() -> None:
    assert default_queue({"STATE_DIRECTORY": "/var/lib/a:/b"}) == Path("/var/lib/a/queue")
    assert default_queue({"XDG_STATE_HOME": "/s"}) == Path("/s/redshank-exporter/queue")
