import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiohttp.http_exceptions import InvalidHeader

from daemon import logs

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Restore the configuration of logging after each test."""
    root, server = logging.getLogger(), logging.getLogger("aiohttp.server")
    before = root.handlers[:], root.level, server.filters[:], structlog.get_config()
    yield
    root.handlers[:], server.filters[:] = before[0], before[2]
    root.setLevel(before[1])
    structlog.configure(**before[3])


def log_in(password: str) -> None:
    token = {"authorization": password}
    raise RuntimeError(f"no way in for {len(token)}")


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.parametrize("log_format", ["json", "console"])
@pytest.mark.parametrize("name", ["web.middleware.failures", "aiohttp.server"])
def test_traceback_shows_no_values(
    log_format: logs.LogFormat, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("debug", log_format)
    try:
        log_in(SECRET)
    except RuntimeError:
        structlog.get_logger(name).exception("request_failed")
        logging.getLogger(name).exception("Unhandled exception")
    text = capsys.readouterr().err
    assert "RuntimeError" in text
    assert "no way in for 1" in text
    assert "log_in" in text
    assert SECRET not in text


def test_malformed_request_is_not_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "json")
    exc = InvalidHeader(f"Authorization: Bearer {SECRET}\x00".encode())
    logging.getLogger("aiohttp.server").error(
        "Error handling request from %s", "10.0.0.9", exc_info=exc
    )
    (line,) = lines(capsys)
    assert line["event"] == "http_request_malformed"
    assert (line["level"], line["reason"]) == ("info", "InvalidHeader")
    assert line["address"] == "10.0.0.9"
    assert SECRET not in repr(line)


def test_configuring_again_does_not_duplicate_lines(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        logs.configure("info", "json")
    structlog.get_logger("fresh").info("something_happened", request_id="r1")
    logging.getLogger("library").warning("careful")
    first, second = lines(capsys)
    assert (first["event"], first["request_id"], first["level"]) == (
        "something_happened",
        "r1",
        "info",
    )
    assert (second["event"], second["logger"]) == ("careful", "library")


def test_text_of_other_programs_cannot_drive_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("info", "console")
    structlog.get_logger("fresh").warning("scrape_failed", error="\x1b]0;owned\x07")
    assert "\x1b]" not in (text := capsys.readouterr().err)
    assert r"\x1b]0;owned\x07" in text


def test_apprise_logs_nothing_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("debug", "json")
    logging.getLogger("apprise").error("Failed to send to https://hooks.example/%s", SECRET)
    assert capsys.readouterr().err == ""
