"""Live pages whose connections hang: none stays without updates once the server answers again.

The page's clock is Playwright's, so that time limits pass without waiting for them.
"""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, WebSocket, expect

from tests.browser.live.relay import Relay, relaying
from tests.browser.signing_in import sign_in
from tests.system.processes import until

pytestmark = pytest.mark.browser

SOCKET = "/ws/metrics"
STEP_MS = 5000
"""Shorter than every time limit of a page."""


@pytest.fixture
async def relay(address: str, page: Page) -> AsyncIterator[Relay]:
    """A relay to a demonstration server; the browser is logged in through it."""
    async with relaying(address) as relay:
        await page.clock.install()
        await sign_in(page, relay.url)
        yield relay
        await page.goto("about:blank")


@pytest.fixture
def frames(page: Page) -> list[str]:
    """What arrives over the page's WebSockets."""
    frames: list[str] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda payload: frames.append(str(payload)))

    page.on("websocket", listen)
    return frames


async def held(page: Page, relay: Relay, path: str) -> None:
    """Let the page's time pass until it has sent a request, which the relay holds back."""

    async def is_held() -> bool:
        await page.clock.fast_forward(STEP_MS)
        return path in relay.held

    await until(is_held, f"a request of {path}")


async def received_region(frames: list[str]) -> None:
    """Wait until a region has arrived over a WebSocket."""

    async def received() -> bool:
        return any('"type":"region"' in frame for frame in frames)

    await until(received, "a region over a WebSocket")


@pytest.mark.parametrize("path", ["/", "/alerts", "/probes"])
async def test_a_handshake_and_a_request_without_an_answer_are_given_up(
    page: Page, frames: list[str], relay: Relay, path: str
) -> None:
    await page.goto(relay.url + path)
    state = page.locator("#live-state")
    relay.hold()
    relay.drop_connections()
    await held(page, relay, SOCKET)
    await held(page, relay, path)
    relay.held.clear()
    # The request is given up too: the next attempt is a WebSocket again.
    await held(page, relay, SOCKET)
    await expect(state).to_contain_text("No connection since")
    frames.clear()
    relay.release()
    await received_region(frames)
    await expect(state).to_be_hidden()


async def test_a_page_that_was_loaded_during_a_restart_gets_a_websocket_again(
    page: Page, frames: list[str], relay: Relay
) -> None:
    await received_region(frames)
    relay.refuses_websockets = True
    relay.drop_connections()

    async def refused() -> bool:
        return relay.refused > 0

    await until(refused, "a refused WebSocket")
    frames.clear()
    relay.refuses_websockets = False
    await received_region(frames)


async def test_where_no_websocket_passes_one_is_tried_from_time_to_time(
    page: Page, relay: Relay
) -> None:
    relay.refuses_websockets = True
    await page.reload()
    fleet = page.locator("#fleet")
    before = await fleet.inner_text()
    await expect(fleet).not_to_have_text(before, use_inner_text=True)
    await expect(page.locator("#live-state")).to_be_hidden()
    attempts = relay.refused

    async def tried_again() -> bool:
        await page.clock.fast_forward(STEP_MS)
        return relay.refused > attempts

    await until(tried_again, "another WebSocket")


@pytest.fixture
async def polling(browser: Browser, address: str) -> AsyncIterator[Page]:
    """A page of a host that no WebSocket reaches. Refusals of its polls do not fail the test."""
    async with relaying(address) as relay:
        relay.refuses_websockets = True
        page = await browser.new_page()
        await page.clock.install()
        await sign_in(page, relay.url)
        host = {"name": "new", "push": True}
        added = await page.request.post(f"{relay.url}/api/hosts", data=host)
        assert added.status == 201, await added.text()
        await page.goto(f"{relay.url}/host/new")
        yield page
        await page.close()


async def refused(page: Page, text: str) -> None:
    """Let the page's time pass until it says why its polls are refused."""

    async def is_said() -> bool:
        await page.clock.fast_forward(STEP_MS)
        return text in await page.locator("#live-state").inner_text()

    await until(is_said, text)


async def test_a_page_of_a_removed_host_says_so(polling: Page) -> None:
    root = polling.url.removesuffix("/host/new")
    hosts = (await (await polling.request.get(f"{root}/api/hosts")).json())["hosts"]
    removed = await polling.request.delete(f"{root}/api/hosts/{hosts[0]['id']}")
    assert removed.status == 204
    await refused(polling, "What this page shows no longer exists")


@pytest.mark.parametrize(
    ("status", "text"),
    [(401, "reload the page to log in"), (403, "You may no longer see this page; log in again")],
)
async def test_a_page_that_its_reader_may_not_see_says_so(
    polling: Page, status: int, text: str
) -> None:
    await polling.route("**/host/new", lambda route: route.fulfill(status=status))
    await refused(polling, text)


async def test_a_refused_page_is_live_again_once_the_server_answers(polling: Page) -> None:
    await polling.route("**/host/new", lambda route: route.fulfill(status=404))
    await refused(polling, "What this page shows no longer exists")
    await polling.unroute("**/host/new")

    async def is_live() -> bool:
        await polling.clock.fast_forward(STEP_MS)
        return await polling.locator("#live-state").is_hidden()

    await until(is_live, "a page that is live again")


async def test_an_open_websocket_that_has_fallen_silent_is_replaced(
    page: Page, frames: list[str], relay: Relay
) -> None:
    await received_region(frames)
    relay.hold()
    state = page.locator("#live-state")

    async def lost() -> bool:
        await page.clock.fast_forward(STEP_MS)
        return await state.is_visible()

    await until(lost, "a page that knows that it is not live")
    await expect(state).to_contain_text("No connection since")
    frames.clear()
    relay.release()
    await received_region(frames)
    await expect(state).to_be_hidden()
