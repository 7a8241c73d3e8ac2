"""The accent colour of a page: darkened or lightened until text in it is readable.

Source: WCAG 2.2, contrast ratio and relative luminance; success criterion 1.4.3 wants 4.5.
"""

import colorsys
from typing import Final

_RATIO: Final = 4.5
# The surfaces of the light and the dark theme (`--paper`, `--surface` in redshank.css).
LIGHT: Final = ("#f6f5f1", "#ffffff")
DARK: Final = ("#111413", "#191d1c")
_STEPS: Final = 100


def _channels(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))  # type: ignore[return-value]


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour such as `#1d5b94`."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in _channels(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def readable(colour: str, surfaces: tuple[str, ...]) -> str:
    """Return the nearest lightness of a colour that is readable on all surfaces."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*_channels(colour))
    towards = 0.0 if luminance(surfaces[0]) > 0.5 else 1.0
    for step in range(_STEPS + 1):
        value = lightness + (towards - lightness) * step / _STEPS
        found = "#" + "".join(
            f"{round(channel * 255):02x}" for channel in colorsys.hls_to_rgb(hue, value, saturation)
        )
        if all(contrast(found, surface) >= _RATIO for surface in surfaces):
            return found
    return "#000000" if towards == 0.0 else "#ffffff"


def accent_sheet(colour: str) -> str:
    """Return the style sheet that sets the accent of a page."""
    light, dark = readable(colour, LIGHT), readable(colour, DARK)
    return f":root {{ --accent: light-dark({light}, {dark}); }}\n"
