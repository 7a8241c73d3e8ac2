"""What a page loads on a first visit, and when it draws its first chart.

The browser measures itself (Resource Timing); nothing stands between it and the server.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import Page

WATCH_CHARTS: Final = """
const stroke = CanvasRenderingContext2D.prototype.stroke;
const isColoured = (style) => {
    const hex = /^#(..)(..)(..)/.exec(style);
    const numbers = hex?.slice(1).map((each) => parseInt(each, 16)) ?? String(style).match(/\\d+/g);
    const [red, green, blue] = (numbers ?? [0, 0, 0]).map(Number);
    return Math.max(red, green, blue) - Math.min(red, green, blue) > 40;
};
CanvasRenderingContext2D.prototype.stroke = function (...given) {
    if (!performance.getEntriesByName("chart-drawn").length && isColoured(this.strokeStyle)) {
        performance.mark("chart-drawn");
        // After the frame has been painted.
        requestAnimationFrame(() => {
            const painted = new MessageChannel();
            painted.port1.onmessage = () => performance.mark("chart-painted");
            painted.port2.postMessage(null);
        });
    }
    return stroke.apply(this, given);
};
"""
"""A script for `add_init_script`: marks when the first line of a chart is drawn, and painted.

Lines are coloured, axes and grids grey. Once the marks are cleared, the next line is marked.
"""

_LOADED: Final = """() => {
    const [navigation] = performance.getEntriesByType("navigation");
    const drawn_ms = performance.getEntriesByName("chart-drawn")[0]?.startTime ?? Infinity;
    return [navigation, ...performance.getEntriesByType("resource")]
        .filter(({name}) => name.startsWith("http"))
        .map(({name, startTime, encodedBodySize, decodedBodySize}) =>
            [name, encodedBodySize, decodedBodySize, startTime < drawn_ms]);
}"""

_QUERIES: Final = ("/api/v1/query", "/api/v1/query_range")


@dataclass(frozen=True, slots=True)
class Loaded:
    """One answer that a page has loaded.

    Attributes:
        path: of its address.
        size_bytes: the body as it was sent, compressed, without headers.
        whole_bytes: the body decompressed.
        precedes_chart: whether it was requested before the first chart was drawn.
    """

    path: str
    size_bytes: int
    whole_bytes: int
    precedes_chart: bool

    @property
    def is_data(self) -> bool:
        """Whether this is an answer of the API, not a file or the page itself."""
        return self.path.startswith("/api/")

    @property
    def is_query(self) -> bool:
        """Whether these are samples: as many as the reader has asked for."""
        return self.path in _QUERIES or self.path.startswith("/api/shared/")


async def loaded(page: Page) -> Sequence[Loaded]:
    """Return what a page has loaded so far: first itself, then in the order of its requests.

    Files that come from the cache count like others. The browser does not count its request for the
    icon, some 300 bytes.
    """
    found: list[list[Any]] = await page.evaluate(_LOADED)
    return [
        Loaded(urlsplit(name).path, int(size), int(whole), bool(precedes))
        for name, size, whole, precedes in found
    ]
