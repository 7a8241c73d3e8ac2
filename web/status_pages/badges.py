"""Badges: small SVG images of a state, an uptime or a response time, for other web pages."""

from typing import Final
from xml.sax.saxutils import escape

from web.status_pages.days import ComponentState
from web.status_pages.snapshot import ComponentView, Snapshot
from web.status_pages.words import STATE_WORDS, percent_text, seconds_text

WHAT: Final = ("status", "uptime", "response")
_COLOURS: Final = {
    ComponentState.OPERATIONAL: "#2e7d52",
    ComponentState.DEGRADED: "#9a5b00",
    ComponentState.DOWN: "#b3192f",
    ComponentState.MAINTENANCE: "#1d5b94",
    ComponentState.NO_DATA: "#5e7078",
}
_WIDTH: Final = 6.6
"""The width of an average character of 11 px, in px: images have no fonts of their own."""
_LONGEST: Final = 60


def badge(snapshot: Snapshot, component: ComponentView | None, what: str) -> str:
    """Return the badge of a page, or of one of its components."""
    label = snapshot.page.title if component is None else component.name
    state = snapshot.state if component is None else component.state
    if what == "status":
        return _svg(label, STATE_WORDS[state], _COLOURS[state])
    shown = [one for group in snapshot.groups for one in group.components]
    parts = shown if component is None else [component]
    if what == "uptime":
        known_s = sum(one.uptime.known_s for one in parts)
        up_s = sum((one.uptime.ratio or 0.0) * one.uptime.known_s for one in parts)
        return _svg(f"{label} uptime", percent_text(up_s / known_s if known_s else None), "#33596e")
    times = [one.response.current_s for one in parts if one.response is not None]
    known = [each for each in times if each is not None]
    return _svg(f"{label} response", seconds_text(max(known) if known else None), "#33596e")


def _svg(label: str, text: str, colour: str) -> str:
    label = label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
    left, right = round(len(label) * _WIDTH + 14), round(len(text) * _WIDTH + 14)
    shown = escape("".join(character for character in label if character.isprintable()))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
        f' aria-label="{escape(shown, {chr(34): "&quot;"})}: {escape(text)}">'
        f"<title>{shown}: {escape(text)}</title>"
        f'<clipPath id="r"><rect width="{left + right}" height="20" rx="3"/></clipPath>'
        f'<g clip-path="url(#r)"><rect width="{left}" height="20" fill="#40474a"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif"'
        f' font-size="11"><text x="{left / 2}" y="14">{shown}</text>'
        f'<text x="{left + right / 2}" y="14">{escape(text)}</text></g></svg>'
    )
