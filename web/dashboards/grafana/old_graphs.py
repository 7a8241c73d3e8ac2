"""The styles of Grafana's graphs before version 7.4: `seriesOverrides` and `aliasColors`."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from web.dashboards.grafana.parts import MOST_LISTED
from web.dashboards.grafana.styles import Styles, fitting
from web.dashboards.styles import FieldStyle, StyleOverride

_MOST_OVERRIDES: Final = 200
_OLD_STYLES: Final[Mapping[str, Callable[[Any], Styles]]] = {
    "color": lambda value: {"color": value},
    "fill": lambda value: {"fill": round(value * 10)},
    "linewidth": lambda value: {"width": value},
    "dashes": lambda value: {"dashed": bool(value)},
    "legend": lambda value: {} if value else {"unlisted": True},
    "yaxis": lambda value: {"right": value == 2},
    "stack": lambda value: {"stacking": "normal" if value else "none"},
    "steppedLine": lambda value: {"curve": "step-after"} if value else {},
    "transform": lambda value: {"negative": value == "negative-Y"},
    "nullPointMode": lambda value: {"span_gaps": value == "connected"},
    "bars": lambda value: {"draw": "bars"} if value else {},
    "points": lambda value: {"draw": "points"} if value else {},
}
_OLD_COSMETIC: Final = frozenset(
    [
        "alias",
        "lines",
        "dashLength",
        "spaceLength",
        "zindex",
        "pointradius",
        "fillGradient",
        "hiddenSeries",
        "$$hashKey",
    ]
)


def old_overrides(
    series: Sequence[Any], colours: Mapping[str, Any]
) -> tuple[list[StyleOverride], list[str]]:
    """Return the `seriesOverrides` and `aliasColors` of an old graph."""
    given = [{"alias": alias, "color": colour} for alias, colour in colours.items()]
    found, left_out = [], []
    for source in (*given, *series)[:_MOST_OVERRIDES]:
        if not isinstance(source, Mapping):
            continue
        alias = str(source.get("alias") or "")[:10_000]
        styles: Styles = {}
        for name, value in source.items():
            reader = _OLD_STYLES.get(name)
            fitting = _fitting_one(reader, value) if reader else None
            if fitting is not None:
                styles |= fitting
            elif name not in _OLD_COSMETIC:
                left_out.append(f"series override {name}"[:500])
        if source.get("lines") is False and "draw" not in styles:
            styles["width"] = 0
        kind = "regex" if re.fullmatch(r"/.*/[a-z]*", alias) else "name"
        override = {"kind": kind, "match": alias, "style": styles}
        found.append(StyleOverride.model_validate(override))
    return found, list(dict.fromkeys(left_out))[:MOST_LISTED]


def _fitting_one(reader: Callable[[Any], Styles], value: Any) -> Styles | None:
    try:
        return fitting(reader(value))
    except TypeError:
        return None


def old_style(source: Mapping[str, Any]) -> FieldStyle:
    """Return the style of an old graph's lines."""
    styles: Styles = {}
    for name in ("fill", "linewidth", "steppedLine", "bars", "nullPointMode"):
        if name in source and (source[name] or name in ("fill", "linewidth")):
            styles |= _fitting_one(_OLD_STYLES[name], source[name]) or {}
    if source.get("points") and source.get("lines") is False:
        styles["draw"] = "points"
    if styles.get("span_gaps") is False:
        del styles["span_gaps"]
    if source.get("percentage") and source.get("stack"):
        styles["stacking"] = "percent"
    return FieldStyle.model_validate(styles)
