"""Waits until a chart has drawn lines, and until it shows the values under the cursor."""

from typing import Final

from playwright.async_api import Locator, Page

from tests.system.processes import until

# Counts the coloured pixels of a canvas: neither transparent nor grey.
DRAWN_PIXELS: Final = """canvas => {
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const colours = new Map();
    for (let i = 0; i < data.length; i += 4)
        if (data[i + 3]) {
            const colour = (data[i] << 16) | (data[i + 1] << 8) | data[i + 2];
            colours.set(colour, (colours.get(colour) || 0) + 1);
        }
    const counts = [...colours].filter(([colour]) => {
        const [red, green, blue] = [colour >> 16, (colour >> 8) & 255, colour & 255];
        return Math.max(red, green, blue) - Math.min(red, green, blue) > 40;
    });
    return counts.reduce((sum, [, count]) => sum + count, 0);
}"""


async def expect_drawn(canvas: Locator) -> None:
    """Wait until a canvas has coloured lines: the first drawing may be empty, samples fill it."""

    async def drawn() -> bool:
        return int(await canvas.evaluate(DRAWN_PIXELS)) > 20

    await until(drawn, "the chart to have drawn coloured pixels")


async def hover_until_values(page: Page, over: Locator, text: str = "") -> None:
    """Move over the end of a chart until one box with values is shown, with a text in it.

    A chart that is built anew, as new samples or another width let it, forgets the cursor.
    """
    tips = page.locator(".chart-tip:visible")
    moves = 0

    async def shown() -> bool:
        nonlocal moves
        moves += 1
        box = await over.bounding_box()
        if box is None:
            # The chart was replaced between its look-up and its measurement.
            return False
        await over.hover(position={"x": box["width"] - 20 - moves % 2, "y": 50})
        found = await tips.all_inner_texts()
        return len(found) == 1 and text in found[0]

    await until(shown, f"the values under the cursor, {text!r} among them")
