import json
import logging
import subprocess
import sys

from exporter.logs import LineFormatter


def record(**fields: object) -> logging.LogRecord:
    made = logging.makeLogRecord({"msg": "scrape_failed", "levelno": 30, "levelname": "WARNING"})
    made.fields = fields
    return made


def test_logfmt_quotes_what_would_end_early() -> None:
    line = LineFormatter(as_json=False).format(record(error='no "data" here', path="/x", empty=""))
    _, _, rest = line.partition(" ")
    assert rest == ('level=warning event=scrape_failed error="no \\"data\\" here" path=/x empty=""')


def test_json_has_one_object_per_line_without_control_characters() -> None:
    line = LineFormatter(as_json=True).format(record(error="a\x1b[2Jb\nc", count=3))
    found = json.loads(line)
    assert (found["event"], found["level"], found["count"]) == ("scrape_failed", "warning", 3)
    assert "\x1b" not in found["error"]


def test_exporter_loads_neither_asyncio_nor_tls_nor_the_packages_of_the_server() -> None:
    script = "import sys, exporter.serving.server, exporter.logs; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    heavy = {"asyncio", "ssl", "http.server", "email", "structlog", "psutil", "numpy", "pydantic"}
    assert "exporter.logs" in shown.stdout.split()
    assert heavy & set(shown.stdout.split()) == set()
