"""Takes the pictures of README.md and docs/ui.md from a server with a made-up week.

Each picture is taken in both themes, as a page would be in the middle of a working day: an alert
has fired and is acknowledged, a probe runs, a status page is public.
"""

import asyncio
import base64
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright

from tests.browser.chromium import launch
from tests.browser.pictures.every_page import THEMES, settle
from tests.browser.signing_in import sign_in
from tests.system.processes import ADMIN_PASSWORD, Server, redshank_server, until

_SETTINGS: Final[dict[str, Any]] = {
    "scrape": {"interval": "5s", "timeout": "2s"},
    "alerting": {"evaluation_interval": "2s"},
}
_SIZE: Final = {"width": 1280, "height": 800}
_QUALITY: Final = 0.82
_DRAWN_MS: Final = 1_500

_EXPRESSION: Final = "sum+by+(instance)+(rate(node_network_receive_bytes_total[5m]))"
_STEPS: Final = "step=page_view&step=product_view&step=add_to_cart&step=purchase"

PICTURES: Final = {
    "hosts": "/",
    "host": "/host/db-1?range=24h",
    "alert": "/alerts/{alert}",
    "dashboard": "/dashboards/node?range=24h&var-instance=api-1",
    "explore": f"/explore?query={_EXPRESSION}&view=graph",
    "status": "/status/shop",
    "funnel": f"/projects/{{project}}/funnel?{_STEPS}",
    "traffic": "/projects/{project}/traffic?range=7d",
}
"""The pages by the names of their pictures. Words in braces are keys of the story."""

_RESULTS: Final = {"funnel": ".funnel"}
"""What a picture is about, where it lies below a form that fills the window."""


async def take(folder: Path, wanted: str = "") -> None:
    """Serve the made-up week, and write the pictures whose names contain `wanted`."""
    with tempfile.TemporaryDirectory() as made:
        data = Path(made) / "data"
        async with (
            redshank_server(data, _SETTINGS, "demo") as server,
            async_playwright() as playwright,
        ):
            keys = await _story(server)
            browser = await launch(playwright)
            try:
                await _pictures(browser, server.url, keys, folder, wanted)
            finally:
                await browser.close()


async def _story(server: Server) -> dict[str, str]:
    """Let an alert fire and acknowledge it, add a probe and a status page; return their keys."""
    await _put(server, "/api/hosts/db-1/checks/disk", {"warning": 20, "for_s": 0})
    await server.post(
        "/api/probes",
        {"name": "shop", "kind": "http", "target": f"{server.url}/health", "interval": "30s"},
        201,
    )
    components = [
        {"id": "web", "name": "Web shop", "kind": "host", "host": "web-1"},
        {"id": "orders", "name": "Orders", "kind": "host", "host": "api-1"},
        {
            "id": "checkout",
            "name": "Checkout",
            "kind": "probe",
            "probe": "shop",
            "show_response": True,
        },
    ]
    page = {
        "slug": "shop",
        "title": "Demo shop",
        "description": "The state of our shop and its services.",
        "groups": [{"name": "Shop", "components": components}],
    }
    await server.post("/api/status-pages", page, 201)
    incident = {
        "title": "Orders were slow",
        "text": "The database is overloaded. We are adding memory.",
        "impact": "minor",
        "components": ["orders"],
    }
    opened = await server.post("/api/status-pages/shop/incidents", incident, 201)
    update = {"state": "resolved", "text": "Orders are as fast as before."}
    await server.post(f"/api/status-pages/shop/incidents/{opened['id']}/updates", update)

    async def fired() -> Any:
        alerts = (await server.get("/api/alerts"))["alerts"]
        return next((alert for alert in alerts if alert["state"] == "firing"), None)

    alert = await until(fired, "an alert to fire")
    async with server.session.post(f"{server.url}/first-steps/hide") as answer:
        assert answer.status == 200, await answer.text()
    comment = {"comment": "Old order exports are being moved to the archive."}
    await server.post(f"/api/alerts/{alert['id']}/acknowledge", comment)
    projects = await server.get("/v1/projects")
    return {"alert": str(alert["id"]), "project": projects[0]["projectKey"]}


async def _put(server: Server, path: str, body: object) -> None:
    async with server.session.put(server.url + path, json=body) as answer:
        assert answer.status == 200, await answer.text()


async def _pictures(
    browser: Browser, url: str, keys: dict[str, str], folder: Path, wanted: str
) -> None:
    context = await browser.new_context(viewport=_SIZE, reduced_motion="reduce")  # type: ignore[arg-type]
    page, converter = await context.new_page(), await browser.new_page()
    await sign_in(page, url, password=ADMIN_PASSWORD)
    for name, path in PICTURES.items():
        if wanted not in name:
            continue
        for theme in THEMES:
            await page.emulate_media(color_scheme=theme)
            await page.goto(url + path.format(**keys))
            await settle(page)
            if name in _RESULTS:
                result = page.locator(_RESULTS[name])
                await result.evaluate("result => result.scrollIntoView({ block: 'end' })")
            await page.wait_for_timeout(_DRAWN_MS)
            image = await _webp(converter, await page.screenshot())
            (folder / f"{name}-{theme}.webp").write_bytes(image)
            sys.stderr.write(f"{name}-{theme}.webp: {len(image):,} bytes\n")


async def _webp(page: Page, png: bytes) -> bytes:
    """Return a picture as WebP, a fifth of the size; the browser has an encoder."""
    encoded = base64.b64encode(png).decode()
    url = await page.evaluate(
        """async ([data, quality]) => {
            const image = new Image();
            image.src = `data:image/png;base64,${data}`;
            await image.decode();
            const canvas = document.createElement("canvas");
            canvas.width = image.width;
            canvas.height = image.height;
            canvas.getContext("2d").drawImage(image, 0, 0);
            return canvas.toDataURL("image/webp", quality);
        }""",
        [encoded, _QUALITY],
    )
    return base64.b64decode(url.partition(",")[2])


def main(folder: Path, wanted: str) -> None:
    """Take the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(folder, wanted))
