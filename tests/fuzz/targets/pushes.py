"""Fuzz targets: bodies of devices, hosts, push gateways and live updates."""

import math
from contextlib import suppress

from pydantic import ValidationError

from ingest.errors import PushError
from ingest.gateway.families import families_as_json, families_from_json, read_families
from ingest.hosts.report import gauges
from scraper.exposition.formats import ExpositionFormat
from tests.fuzz.targets.target import FuzzTarget, text_of
from web.http.errors import BadRequestError
from web.ingest.gateway import group_key
from web.ingest.models import MessageForm, ReportForm
from web.live.messages import read_message


def _json(data: bytes) -> None:
    with suppress(ValidationError):
        message = MessageForm.model_validate_json(data).message()
        if not all(map(math.isfinite, message.values)):
            raise AssertionError("a value is not finite")
    with suppress(ValidationError):
        gauges(ReportForm.model_validate_json(data).report(), "host")
    with suppress(ValidationError):
        read_message(data)


def _gateway(data: bytes) -> None:
    """Read the key of a group from the first line, its metrics from the rest."""
    path, _, body = data.partition(b"\n")
    try:
        key = group_key("/metrics/job/" + text_of(path))
        families = read_families(body, ExpositionFormat.TEXT, key)
    except (BadRequestError, PushError):
        return
    again = families_from_json(families_as_json(families))
    if repr(again) != repr(families):
        raise AssertionError(f"read back as {again}")


TARGETS = (
    FuzzTarget(
        "pushes",
        _json,
        (
            *('"message_id":', '"timestamp":', '"device_id":', '"source":', '"metrics":[{'),
            *('"metric_name":', '"metric_value":', '"collected_at":', '"cpu_pct":', '"host_key":'),
            *('"mem_used_mb":', '"mem_total_mb":', '"disk_used_gb":', '"disk_total_gb":'),
            *(
                '"type":"subscribe"',
                '"type":"auth"',
                '"id":',
                "1e308",
                "NaN",
                "2026-11-29T10:00:00Z",
            ),
        ),
    ),
    FuzzTarget(
        "gateway",
        _gateway,
        ("/instance/", "/name@base64/", "%2F", "# TYPE ", "counter", '{a="b"} 1'),
    ),
)
