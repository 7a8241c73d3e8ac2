"""The pages of coding agents' sessions in a real browser: long and hostile names."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from playwright.async_api import Page, expect

from tests.browser.layout import expect_no_overflow
from tests.browser.signing_in import sign_in
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server, until

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RUN = "window.ran=1"
HOSTILE = f"\"'><script>{RUN}</script><img src=x onerror={RUN}>"
LONG = "a-very-long-name-without-a-single-space-" * 3
ROOT = "/sessions"
PATHS = ("", "/usage", "/profile", "/insights", "/prices", "/setup", "/long", "/hostile")


async def ingest(
    server: Server, session: str, name: str, time: datetime | None = None, accepted: int = 4
) -> None:
    """Store a session of now, or of another time, with some accepted lines."""
    trace = {
        "session_id": session,
        "developer_id": name,
        "timestamp": (time or datetime.now(UTC)).isoformat(),
        "model": name,
        "tokens_in": 250_000 + 1_000 * accepted,
        "tokens_out": 150,
        "latency_ms": 1234.5,
        "status_code": 200,
        "accepted_flag": 1,
        "repo_slug": name,
        "accepted_lines": accepted,
    }
    path, body = f"{server.url}/api/sessions/ingest", orjson.dumps(trace) + b"\n"
    async with server.session.post(path, data=body, params={"team": name}) as answer:
        assert answer.status == 200, await answer.text()


async def ingest_days(server: Server, days: int) -> None:
    """Store a session and some commits of each of the last days."""
    numbers, commits = random.Random(0), []
    for day in range(days):
        time = datetime.now(UTC) - timedelta(days=day)
        await ingest(server, f"of-{day}", "ann", time, numbers.randrange(1, 500))
        for number in range(numbers.randrange(6)):
            sha = f"{day * 10 + number:040x}"
            commit = {"message": "x", "author": {"email": "a@b", "date": time.isoformat()}}
            commits.append(
                {
                    "sha": sha,
                    "html_url": f"https://github.com/o/r/commit/{sha}",
                    "commit": commit,
                    "author": {"login": "ann"},
                }
            )
    path = f"{server.url}/api/session-outcomes"
    async with server.session.post(path, json=commits) as answer:
        assert answer.status == 200, await answer.text()


async def test_names_of_any_length_and_content_stay_text_inside_the_window(
    page: Page, tmp_path: Path
) -> None:
    async with redshank_server(tmp_path / "data") as server:
        await ingest(server, "long", LONG)
        await ingest(server, "hostile", HOSTILE)
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        for width in (360, 1280):
            await page.set_viewport_size({"width": width, "height": 800})
            for path in PATHS:
                await page.goto(f"{server.url}{ROOT}{path}", wait_until="load")
                await expect(page.locator("main")).to_be_visible()
                await expect_no_overflow(page, (path, width))
                assert await page.evaluate("window.ran") is None, path
        await page.goto("about:blank")


# A row's height, and whether the table is wider than what it may scroll in.
ROWS = """() => {
    const table = document.querySelector(".insight-table");
    const rows = [...table.querySelectorAll("tbody tr")];
    return {
        count: rows.length,
        highest: Math.max(...rows.map(row => row.getBoundingClientRect().height)),
        scrolls: table.parentElement.scrollWidth > table.parentElement.clientWidth,
    };
}"""


async def test_insights_are_cards_of_a_few_lines_on_a_telephone(page: Page, tmp_path: Path) -> None:
    async with redshank_server(tmp_path / "data") as server:
        await ingest_days(server, 45)
        await sign_in(page, server.url, password=ADMIN_PASSWORD)
        await page.set_viewport_size({"width": 360, "height": 800})
        await page.goto(f"{server.url}{ROOT}/insights?days=90", wait_until="load")

        async def is_readable() -> bool:
            found = await page.evaluate(ROWS)
            return found["count"] > 0 and found["highest"] < 130 and not found["scrolls"]

        await until(is_readable, "rows of a few lines")
        await page.goto("about:blank")
