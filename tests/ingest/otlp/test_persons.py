"""E-mail addresses of persons in the labels of series."""

from collections.abc import Callable
from pathlib import Path

from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric

from ingest.otlp.translation_settings import TranslationSettings
from tests.ingest.otlp.messages import key_values
from tests.ingest.otlp.otlp_setting import NOW_MS, counter, otlp_at, request

POINT = (NOW_MS - 5, NOW_MS, 3.0)
EVERYWHERE = TranslationSettings(promote_all=True, promote_scope=True)


async def pseudonyms() -> Callable[[str], str]:
    return lambda text: f"dev-{len(text)}"


def of_ann(name: str, point: tuple[int, int, float]) -> Metric:
    attributes = {"user.email": "ann@example.com"}
    return counter(name, point, temporality=2, unit="", **attributes)


async def labels_at(path: Path, *, hashed: bool) -> str:
    """Return the labels of a metric of Claude Code with addresses in all places."""
    resource = {"service.name": "claude-code", "developer": "ann@example.com", "team": "a@b"}
    metric = of_ann("claude_code.cost.usage", POINT)
    message = request(metric, resource=resource)
    scope = message.resource_metrics[0].scope_metrics[0].scope
    scope.name = "x"
    scope.attributes.extend(key_values({"owner.email": "ann@example.com"}))
    async with otlp_at(
        path, translation=EVERYWHERE, pseudonyms=pseudonyms if hashed else None
    ) as setting:
        await setting.send(message)
        return "\n".join(await setting.stored())


async def test_addresses_in_labels_are_pseudonyms_where_addresses_must_not_be_stored(
    tmp_path: Path,
) -> None:
    found = await labels_at(tmp_path, hashed=True)
    assert "ann" not in found
    assert found.count("dev-15") == 4
    assert 'user_email="dev-15"' in found
    # A team is no person, whatever its name.
    assert 'team="a@b"' in found


async def test_addresses_in_labels_stay_without_the_setting(tmp_path: Path) -> None:
    found = await labels_at(tmp_path, hashed=False)
    assert found.count("ann@example.com") == 4


async def test_same_address_goes_on_with_its_series(tmp_path: Path) -> None:
    async with otlp_at(tmp_path, pseudonyms=pseudonyms) as setting:
        for time_ms in (NOW_MS, NOW_MS + 1):
            point = (NOW_MS - 5, time_ms, 3.0)
            await setting.send(request(of_ann("n", point)))
        ((series, samples),) = (await setting.stored()).items()
        assert len(samples) == 2, series
