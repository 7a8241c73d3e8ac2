"""The pages of a made-up fleet: live updates, charts, layout, theme and keyboard."""

import re

import pytest
from playwright.async_api import Page, WebSocket, expect

from tests.browser.drawing import hover_until_values
from tests.browser.layout import expect_no_overflow
from tests.system.processes import until

pytestmark = pytest.mark.browser

HOST = "/host/10.0.1.16:9100"
LINE_COLOURS = """
window.lineColours = new Set();
const stroke = CanvasRenderingContext2D.prototype.stroke;
CanvasRenderingContext2D.prototype.stroke = function (...given) {
    window.lineColours.add(this.strokeStyle);
    return stroke.apply(this, given);
};
"""
"""A script for `add_init_script`: collects the colours of all lines that are drawn."""


async def test_live_table_keeps_the_search_its_focus_and_its_rows(page: Page, url: str) -> None:
    rows = page.locator(".fleet tbody tr")
    await page.keyboard.press("f")
    await page.keyboard.type("kvm")
    await expect(rows).to_have_count(2)
    await expect(page).to_have_url(re.compile("q=kvm"))
    await rows.first.evaluate("row => { window.row = row }")
    before = await page.locator("#fleet").inner_text()
    await expect(page.locator("#fleet")).not_to_have_text(before, use_inner_text=True)
    assert await page.evaluate("window.row.isConnected")
    await expect(page.locator("#search")).to_be_focused()
    await expect(rows).to_have_count(2)


async def test_charts_are_drawn_zoomed_and_reset(page: Page, url: str) -> None:
    # Charts are drawn as they come into view.
    await page.set_viewport_size({"width": 1280, "height": 3000})
    await page.goto(url + HOST)
    await expect(page.locator(".chart canvas")).to_have_count(8)
    over = page.locator(".chart .u-over").first
    await hover_until_values(page, over)
    field = await over.bounding_box()
    assert field is not None
    await page.mouse.move(field["x"] + 100, field["y"] + 50)
    await page.mouse.down()
    await page.mouse.move(field["x"] + 250, field["y"] + 50, steps=4)
    async with page.expect_response("**/charts?start_ms=*"):
        await page.mouse.up()
    await expect(page).to_have_url(re.compile(r"\?from=\d+&to=\d+$"))
    async with page.expect_response("**/charts?range=1h*"):
        await page.click("#zoom-reset")
    async with page.expect_response("**/charts?range=6h*"):
        await page.click("text=6h")
    await expect(page).to_have_url(re.compile(r"\?range=6h$"))
    # Back is the range before, and before that the part that was dragged across.
    await page.go_back()
    await expect(page.locator('a[data-range="1h"]')).to_have_attribute("aria-current", "true")
    await page.go_back()
    await expect(page.locator("#zoom-reset")).to_be_visible()


async def test_every_panel_of_the_node_dashboard_shows_data(page: Page, url: str) -> None:
    # Panels ask for their data as they come into view.
    await page.set_viewport_size({"width": 1280, "height": 3000})
    await page.goto(f"{url}/dashboards/node")
    shown = page.locator(".dash-panel .dash-body:has(> *):not(:has(.dash-empty))")
    await expect(shown).to_have_count(13)
    await expect(page.get_by_label("Host").locator("option")).to_have_count(28)


async def test_charts_of_a_shared_dashboard_follow_the_theme_of_the_system(
    page: Page, url: str
) -> None:
    panel = {"id": 1, "title": "Load", "queries": [{"expr": "node_load1"}]}
    dashboard = {"title": "Mine", "panels": [panel], "refresh": ""}
    body = {"uid": "mine", "dashboard": dashboard}
    made = await page.request.post(f"{url}/api/dashboards", data=body)
    assert made.status == 201, await made.text()
    shared = await page.request.post(f"{url}/api/dashboards/mine/shares", data={"days": 1})
    link = (await shared.json())["url"]
    await page.emulate_media(color_scheme="light")
    await page.add_init_script(LINE_COLOURS)
    await page.goto(url + link[link.index("/share/") :])

    async def drawn_colours() -> list[str]:
        found: list[str] = await page.evaluate("[...window.lineColours]")
        return found

    light = await until(drawn_colours, "a chart in light colours")
    await page.evaluate("window.lineColours.clear()")
    await page.emulate_media(color_scheme="dark")
    dark = await until(drawn_colours, "a chart in dark colours")
    assert set(dark).isdisjoint(light)


@pytest.mark.parametrize("width", [360, 1280])
async def test_no_page_is_wider_than_the_window(page: Page, url: str, width: int) -> None:
    await page.set_viewport_size({"width": width, "height": 800})
    for path in (
        "/",
        HOST,
        "/alerts",
        "/alerts/1",
        "/alert-rules",
        "/alert-rules/backtest",
        "/silences",
        "/maintenance",
        "/routes",
        "/alert-report",
        "/dashboards",
        "/probes",
        "/probes/new",
        "/status-pages",
        "/status-pages/new",
        "/sessions",
        "/targets",
        "/discovery",
        "/store",
        "/add-host",
        "/account",
        "/account/second-factor",
        "/users",
        "/users/admin",
        "/audit",
        "/settings",
        "/settings/about",
        "/settings/backups",
        "/settings/receivers",
    ):
        await page.goto(url + path)
        await expect_no_overflow(page, path)


async def test_chosen_theme_survives_a_reload(page: Page, url: str) -> None:
    await page.click("#theme-toggle")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")


async def test_alert_is_acknowledged_with_the_keyboard(page: Page, url: str) -> None:
    await page.goto(f"{url}/alerts")
    buttons = page.get_by_role("button", name="Acknowledge", exact=True)
    count = await buttons.count()
    await buttons.first.press("Enter")
    await expect(buttons).to_have_count(count - 1)


async def test_api_reference_sends_a_request(page: Page, url: str) -> None:
    await page.get_by_role("link", name="API").click()
    await page.locator("#operations-hosts-get_api_fleet .opblock-summary").click()
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("button", name="Execute").click()
    answer = page.locator("#operations-hosts-get_api_fleet .live-responses-table")
    await expect(answer).to_contain_text("cpu_used_ratio")


async def test_table_and_badge_update_over_the_websocket(page: Page, url: str) -> None:
    frames: list[str] = []
    requests: list[str] = []

    def listen(socket: WebSocket) -> None:
        assert socket.url.endswith("/ws/metrics")
        socket.on("framereceived", lambda payload: frames.append(str(payload)))

    page.on("websocket", listen)
    await page.reload()
    page.on("request", lambda request: requests.append(request.url))
    fleet = page.locator("#fleet")
    before = await fleet.inner_text()
    await expect(fleet).not_to_have_text(before, use_inner_text=True)

    async def region_received() -> bool:
        return any('"type":"region"' in frame for frame in frames)

    await until(region_received, "a frame with a region")
    badge = page.locator("#alert-badge")
    await expect(badge).to_have_attribute("title", re.compile("firing, 3 not"))
    async with page.context.expect_page() as opened:
        await page.evaluate("open('/alerts')")
    other = await opened.value
    await other.get_by_role("button", name="Acknowledge", exact=True).first.click()
    await expect(badge).to_have_attribute("title", re.compile("firing, 2 not"))
    await other.close()
    assert not [url for url in requests if url.endswith("/")]


async def test_page_is_loaded_again_where_no_websocket_gets_through(page: Page, url: str) -> None:
    await page.add_init_script(
        """window.WebSocket = class extends EventTarget {
            constructor() {
                super();
                setTimeout(() => this.dispatchEvent(new CloseEvent("close", {code: 1006})));
            }
            close() {}
        };"""
    )
    await page.reload()
    fleet = page.locator("#fleet")
    before = await fleet.inner_text()
    await expect(fleet).not_to_have_text(before, use_inner_text=True)
    await expect(page.locator("#live-state")).to_be_hidden()
