"""Functions of the pages' ES modules, imported in a real browser."""

from typing import Any

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.browser

CALL = """async ([module, name, args]) => {
    const found = await import(`/static/${module}`);
    const call = name.split(".").reduce((value, part) => value[part], found);
    const result = call(...args);
    return Number.isNaN(result) ? "NaN" : result;
}"""

TICKS = """async ([unit, ticks]) => {
    const { tickLabels, UNITS } = await import("/static/lib/format.js");
    return tickLabels(ticks, UNITS[unit]);
}"""


@pytest.fixture
def first_page() -> str:
    return "/explore"


@pytest.fixture
async def explore(page: Page, url: str) -> Page:
    """The Explore page."""
    assert page.url.startswith(url)
    await page.wait_for_selector("#queries textarea")
    return page


async def call(page: Page, module: str, name: str, *args: Any) -> Any:
    return await page.evaluate(CALL, [module, name, list(args)])


async def test_numbers_and_durations_are_written_with_their_units(explore: Page) -> None:
    for name, value, expected in (
        ("durationText", 5_400_000, "1h30m"),
        ("durationText", -500, "-500ms"),
        ("durationText", 0, "0s"),
        ("durationSeconds", "1h30m", 5400),
        ("durationSeconds", "90", 90),
        ("durationSeconds", "1x", "NaN"),
        ("elapsedText", 0.0004, "1 ms"),
        ("elapsedText", 1.316, "1.32 s"),
        ("axisText", 1_234_000, "1.234M"),
        ("axisText", 0.00001, "1.0e-5"),
        ("valueText", None, "\N{EN DASH}"),
        ("valueText", 0.1 + 0.2, "0.3"),
        ("UNITS.ratio.text", 0.4567, "45.7 %"),
        ("UNITS.bytes.text", 16_106_127_360, "15.0 GiB"),
        ("UNITS.bytes_per_s.text", 1_234_567, "1.23 MB/s"),
    ):
        assert await call(explore, "lib/format.js", name, value) == expected, (name, value)
    counted = "%(count)s sample", "%(count)s samples"
    assert await call(explore, "lib/texts.js", "tn", *counted, 1) == "1 sample"
    assert await call(explore, "lib/texts.js", "tn", *counted, 1234) == "1,234 samples"


async def test_bands_that_overlap_are_joined(explore: Page) -> None:
    ranges = [[5, 9], [1, 3], [2, 4], [9, 12], [20, 20]]
    bands = await call(explore, "lib/annotation_marks.js", "joined", ranges)
    assert bands == [[1, 4], [5, 12], [20, 20]]


async def test_labels_of_an_axis_have_one_unit_and_the_same_decimals(explore: Page) -> None:
    for ticks, expected in (
        ([0, 2500, 5000], ["0", "2500", "5000"]),
        ([0, 25_000, 50_000], ["0", "25k", "50k"]),
        ([1_500_000, 2_000_000], ["1.5M", "2.0M"]),
        ([1000, 1000.5, 1001], ["1000.0", "1000.5", "1001.0"]),
        ([0, 0.1, 0.2, 0.1 + 0.2], ["0", "0.1", "0.2", "0.3"]),
        ([-3, 0, 3], ["-3", "0", "3"]),
        ([0, 0.00001], ["0", "1.0e-5"]),
        ([], []),
    ):
        assert await call(explore, "lib/format.js", "axisTexts", ticks) == expected, ticks
    for unit, ticks, expected in (
        ("per_s", [0, 0.005, 0.01, 0.015], ["0/s", "0.005/s", "0.010/s", "0.015/s"]),
        ("per_s", [0, 500, 1000, 1500], ["0/s", "0.5 k/s", "1.0 k/s", "1.5 k/s"]),
        ("seconds", [0, 0.005, 0.01], ["0 s", "5 ms", "10 ms"]),
        ("bytes", [0, 2**33, 2**34], ["0 B", "8 GiB", "16 GiB"]),
        ("bytes_per_s", [5e6, 0, 5e6], ["5 MB/s", "0 B/s", "5 MB/s"]),
        ("ratio", [0, 0.25, 0.5], ["0 %", "25 %", "50 %"]),
        ("celsius", [-5, 0, 5], ["-5 °C", "0 °C", "5 °C"]),
    ):
        drawn = await explore.evaluate(TICKS, [unit, ticks])
        assert drawn == expected, (unit, ticks)


async def test_completion_knows_what_may_be_typed_at_the_caret(explore: Page) -> None:
    for text, kind, typed in (
        ("", "expression", ""),
        ("rat", "expression", "rat"),
        ("up{", "label", ""),
        ("up{jo", "label", "jo"),
        ("up{job", "label", "job"),
        ("up{job ", "matcher", ""),
        ("up{job=", "value", ""),
        ('up{job="no', "value", "no"),
        ("rate(up[5", "duration", "5"),
        ("sum by (in", "label", "in"),
        ("up ", "after", ""),
    ):
        context = await call(explore, "explore/promql.js", "contextAt", text, len(text))
        assert (context["kind"], context["typed"]) == (kind, typed), text
    for text in ("1.5", "up # comment", 'label_replace(up, "a'):
        assert await call(explore, "explore/promql.js", "contextAt", text, len(text)) is None, text


async def test_newest_samples_take_the_place_of_the_oldest(explore: Page) -> None:
    def answer(
        start_ms: int, values: list[float | None], marks: tuple[str, ...] = ()
    ) -> dict[str, Any]:
        line = {"name": "user", "values": values}
        return {
            "annotations": [{"text": mark} for mark in marks],
            "start_ms": start_ms,
            "end_ms": start_ms + 1000 * (len(values) - 1),
            "step_ms": 1000,
            "charts": [{"key": "cpu", "lines": [line]}],
        }

    append = """async ([old, fresh]) => {
        const { appendSamples } = await import("/static/hosts/chart_data.js");
        return [appendSamples(old, fresh), old];
    }"""
    old, fresh = answer(0, [1, 2, 3]), answer(2000, [30, 4], ("release",))
    merged = answer(1000, [2, 30, 4], ("release",))
    assert await explore.evaluate(append, [old, fresh]) == [True, merged]
    gone = answer(9000, [5])
    assert await explore.evaluate(append, [old, gone]) == [False, old]


async def test_waits_between_attempts_grow_are_bounded_and_differ(explore: Page) -> None:
    waits = await explore.evaluate(
        """async () => {
            const { retryWait } = await import("/static/lib/live.js");
            const failures = [1, 2, 3, 4, 5, 50];
            return failures.map((count) => Array.from({ length: 500 }, () => retryWait(count)));
        }"""
    )
    for found, middle_ms in zip(waits, (2000, 4000, 8000, 16_000, 30_000, 30_000), strict=True):
        assert middle_ms * 0.5 <= min(found) <= max(found) < middle_ms * 1.5
        # 500 pages that lost a server come back over the whole time, not together.
        tenth = middle_ms / 10
        assert len({int(wait / tenth) for wait in found}) == 10
